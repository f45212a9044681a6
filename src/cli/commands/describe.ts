import type { Command } from 'commander';
import { appNames, wholeNumber } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { usageError } from '../exit.ts';
import { describeLines } from '../output/describe.ts';
import { listOf } from '../output/output.ts';
import { withSession } from '../session.ts';

export function registerDescribe(program: Command, ctx: CliContext): void {
  program
    .command('describe')
    .summary('everything known about an App, with its events')
    .description(
      'Prints everything that is known about an App, its live colour and endpoints, and its last events.',
    )
    .argument('<app...>', 'app NAME, app/NAME or NAME')
    .option('--show-events <number>', 'how many events', wholeNumber, 20)
    .action(
      withSession(ctx, async (session, args: string[], flags: { showEvents: number }) => {
        const names = appNames(args);
        if (names.length === 0) throw usageError('no App was named', 'crossfade describe app NAME');
        const client = await session.client();
        const objects: unknown[] = [];
        for (const [index, name] of names.entries()) {
          const ref = session.ref(name);
          const [app, replicas, revisions, events] = await Promise.all([
            client.app(ref),
            client.replicas(ref),
            client.revisions(ref),
            client.events(ref),
          ]);
          const shown = flags.showEvents > 0 ? events.slice(-flags.showEvents) : [];
          if (session.out.structured) {
            objects.push({ ...app, replicas, revisions, events: shown });
            continue;
          }
          if (index > 0) session.out.print('\n');
          const { paint } = session.out;
          session.out.lines(
            describeLines({ app, replicas, revisions, events: shown, nowMs: Date.now(), paint }),
          );
        }
        if (session.out.structured) session.out.object(names.length === 1 ? objects[0] : listOf(objects));
      }),
    );
}
