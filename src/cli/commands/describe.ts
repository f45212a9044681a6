import type { Command } from 'commander';
import type { AppRef, Client } from '../../api/client.ts';
import { appNames, wholeNumber } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { usageError } from '../exit.ts';
import { type DescribeInput, describeLines } from '../output/describe.ts';
import { listOf } from '../output/output.ts';
import { type Session, withSession } from '../session.ts';

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
        const found = await Promise.all(
          names.map((name) => everything(client, session.ref(name), flags.showEvents)),
        );
        print(session, found);
      }),
    );
}

type Everything = Pick<DescribeInput, 'app' | 'replicas' | 'revisions' | 'events'>;

async function everything(client: Client, ref: AppRef, showEvents: number): Promise<Everything> {
  const [app, replicas, revisions, events] = await Promise.all([
    client.app(ref),
    client.replicas(ref),
    client.revisions(ref),
    client.events(ref),
  ]);
  return { app, replicas, revisions, events: showEvents > 0 ? events.slice(-showEvents) : [] };
}

function print({ out }: Session, found: readonly Everything[]): void {
  if (out.structured) {
    const objects = found.map(({ app, ...rest }) => ({ ...app, ...rest }));
    out.object(objects.length === 1 ? objects[0] : listOf(objects));
    return;
  }
  for (const [index, one] of found.entries()) {
    if (index > 0) out.print('\n');
    out.lines(describeLines({ ...one, nowMs: Date.now(), paint: out.paint }));
  }
}
