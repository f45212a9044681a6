import type { Command } from 'commander';
import { durationMs, oneAppName } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { EXIT, Exit } from '../exit.ts';
import { followRelease } from '../follow.ts';
import { withSession } from '../session.ts';

interface RolloutStatusFlags {
  watch: boolean;
  timeout?: number;
}

export function registerRolloutStatus(rollout: Command, ctx: CliContext): void {
  rollout
    .command('status')
    .summary('follow the release until it has ended')
    .description(
      'Follows the release until it has ended. Exit code 0: promoted, 6: aborted or superseded, 7: inconclusive or time is up.',
    )
    .argument('<app...>', 'app/NAME or NAME')
    .option('--no-watch', 'print where it stands and do not wait')
    .option('--timeout <duration>', 'give up watching after this long (the release goes on)', durationMs)
    .action(
      withSession(ctx, async (session, args: string[], flags: RolloutStatusFlags) => {
        const ref = session.ref(oneAppName(args));
        const client = await session.client();
        const app = await client.app(ref);
        const followed = await followRelease({
          session,
          client,
          ref,
          goal: { generation: app.metadata.generation },
          untilOldAreGone: true,
          once: !flags.watch,
          ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout }),
        });
        if (session.out.structured) session.out.object(followed.app ?? app);
        if (followed.exit !== EXIT.ok) throw new Exit(followed.exit);
      }),
    );
}
