import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { withSession } from '../session.ts';
import { programVersion } from '../version.ts';

export function registerVersion(program: Command, ctx: CliContext): void {
  program
    .command('version')
    .summary('of this program, and of the daemon when one runs')
    .description('Prints the version of this program, and of the daemon when one runs. Never starts one.')
    .action(
      withSession(ctx, async (session) => {
        const client = await session.runningClient();
        const daemon = client === undefined ? null : await client.version();
        const { out } = session;
        const version = programVersion();
        if (out.structured) out.object({ client: { version, node: process.versions.node }, daemon });
        else {
          out.print(`crossfade ${version} (Node.js ${process.versions.node})`);
          out.print(
            daemon === null
              ? 'daemon: none runs'
              : `daemon ${daemon.version} (API ${daemon.apiVersion}, pid ${daemon.pid})`,
          );
        }
      }),
    );
}
