import type { AppRef, Client } from '../api/client.ts';
import type { AppView } from '../api/types.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { untilInterrupted } from './interrupt.ts';
import { createLiveLines, type LiveLines } from './live.ts';
import { type Goal, type Outcome, oldReplicasLeft, outcomeOf } from './outcome.ts';
import { NOTHING_SAID, progressStep, replicaLine } from './output/progress.ts';
import type { Session } from './session.ts';
import { watchApp } from './views.ts';

interface FollowOptions {
  session: Session;
  client: Client;
  ref: AppRef;
  goal: Goal;
  timeoutMs?: number;
  /** As `kubectl rollout status`: not before the old replicas are gone. */
  untilOldAreGone?: boolean;
  abortIsWanted?: boolean;
  /** Say where it stands and do not wait. */
  once?: boolean;
}

export interface Followed {
  exit: ExitCode;
  /** The last view; absent when not even one came. */
  app?: AppView;
}

/** Prints a release as it goes and returns how it ended. Never changes anything: ending it ends the watching. */
export async function followRelease(options: FollowOptions): Promise<Followed> {
  const { session } = options;
  // With -o json only objects belong on stdout.
  const to = session.out.structured ? session.ctx.stderr : session.ctx.stdout;
  const live = createLiveLines(session.ctx, session.out.paint, to);
  const seen: { app?: AppView } = {};
  const ended = await untilInterrupted((interrupt) => waitForOutcome(options, live, seen, interrupt));
  if (ended === 'running') live.keep();
  live.end();
  if (ended === 'running') return { exit: EXIT.ok, ...(seen.app === undefined ? {} : { app: seen.app }) };
  const last = seen.app === undefined ? {} : { app: seen.app };
  if (ended === 'interrupted') {
    live.line(`no longer watching; ${howToGoOn(options.ref.name)}`);
    return { exit: EXIT.interrupted, ...last };
  }
  if (ended === 'timeout') {
    const waits = seen.app === undefined ? '' : `: ${seen.app.status.message}`;
    live.line(`time is up for app "${options.ref.name}"${waits}; ${howToGoOn(options.ref.name)}`);
    return { exit: EXIT.timeout, ...last };
  }
  if (ended.exit === EXIT.aborted && options.abortIsWanted) {
    live.line(ended.line);
    return { exit: EXIT.ok, ...last };
  }
  if (ended.exit === EXIT.ok) live.line(session.out.paint('green', ended.line));
  else session.out.note(session.out.paint('red', `error: ${ended.line}`));
  return { exit: ended.exit, ...last };
}

function howToGoOn(name: string): string {
  return `the release goes on. To watch it: crossfade rollout status ${name}`;
}

async function waitForOutcome(
  { client, ref, goal, timeoutMs, untilOldAreGone, once }: FollowOptions,
  live: LiveLines,
  seen: { app?: AppView },
  interrupt: AbortSignal,
): Promise<Outcome | 'timeout' | 'running'> {
  const timeout = new AbortController();
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => timeout.abort(), timeoutMs);
  let said = NOTHING_SAID;
  try {
    for await (const app of watchApp(client, ref, AbortSignal.any([interrupt, timeout.signal]))) {
      seen.app = app;
      const step = progressStep(said, app);
      said = step.said;
      for (const line of step.lines) live.line(line);
      const outcome = outcomeOf(app, goal);
      const lingering = outcome?.exit === EXIT.ok && untilOldAreGone === true && oldReplicasLeft(app);
      if (outcome !== undefined && !lingering) return outcome;
      live.now(lingering ? replicaLine(app) : step.now);
      if (once) return 'running';
    }
  } finally {
    clearTimeout(timer);
  }
  return 'timeout';
}
