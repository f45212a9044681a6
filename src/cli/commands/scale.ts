import type { Command } from 'commander';
import { oneAppName, wholeNumber } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { withSession } from '../session.ts';

export function registerScale(program: Command, ctx: CliContext): void {
  program
    .command('scale')
    .summary('change how many replicas an App has')
    .description(
      'Changes the number of replicas; no new revision is made. It works in the middle of a release.',
    )
    .argument('<app...>', 'app/NAME or NAME')
    .requiredOption('--replicas <number>', 'how many', wholeNumber)
    .option('--reason <text>', 'why, for the audit log')
    .action(
      withSession(ctx, async (session, args: string[], flags: { replicas: number; reason?: string }) => {
        const name = oneAppName(args);
        const client = await session.client();
        const response = await client.scale(session.ref(name), flags);
        if (session.out.structured) session.out.object(response.app);
        else session.out.print(`app/${name} ${response.result === 'unchanged' ? 'unchanged' : 'scaled'}`);
      }),
    );
}
