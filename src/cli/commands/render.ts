import type { Command } from 'commander';
import { renderApp, renderAppYaml } from '../../spec/index.ts';
import { collect } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { loadApps } from '../files.ts';
import { listOf } from '../output/output.ts';
import { withSession } from '../session.ts';

export function registerRender(program: Command, ctx: CliContext): void {
  program
    .command('render')
    .summary('print App files expanded: defaults filled in, no short forms')
    .description(
      'Prints the Apps of a file with every default filled in and every short form written out. Needs no daemon.',
    )
    .requiredOption(
      '-f, --filename <file>',
      'App file, folder, or - for standard input; may be repeated',
      collect,
    )
    .action(
      withSession(ctx, async (session, flags: { filename: string[] }) => {
        const apps = (await loadApps(session, flags.filename)).map(({ spec }) => spec);
        const { out } = session;
        if (out.format === 'json') {
          const documents = apps.map(renderApp);
          out.object(documents.length === 1 ? documents[0] : listOf(documents));
          return;
        }
        if (out.format === 'name') {
          out.lines(apps.map(({ metadata }) => `app/${metadata.name}`));
          return;
        }
        out.print(apps.map((spec) => renderAppYaml(spec).trimEnd()).join('\n---\n'));
      }),
    );
}
