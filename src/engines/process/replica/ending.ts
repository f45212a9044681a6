import type { Ms } from '../../../core/model.ts';
import { type Identity, membersOf, signalAll } from './members.ts';
import { type ProcessStat, sameProcessLives } from './procfs.ts';

export interface EndOptions {
  identity: () => Identity;
  /** Below zero: what is left is killed. Asked again and again, as a second stop may shorten it. */
  remainingMs: () => Ms;
  /** Also ends early, when something of the replica ended. */
  wait: (ms: Ms) => Promise<void>;
  closed: () => boolean;
  /** Before the first KILL. */
  killing: () => void;
}

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 100;

/** Resolves when nothing of the replica is left, or with false when the engine closes first. */
export async function waitUntilGone(options: EndOptions): Promise<boolean> {
  let known = membersOf(options.identity());
  let killed = false;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
    // The whole table is read only when those known are gone: who they started meanwhile must be gone too.
    if (!known.some(sameProcessLives)) known = membersOf(options.identity());
    if (known.length === 0) return true;
    if (options.closed()) return false;
    if (options.remainingMs() <= 0) {
      if (!killed) options.killing();
      killed = true;
      known = merged(known.filter(sameProcessLives), membersOf(options.identity()));
      signalAll(known, 'SIGKILL');
    }
    await options.wait(Math.min(pauseMs, Math.max(1, options.remainingMs())));
  }
}

/** One that was seen as a member stays one, whatever became of its session and parents meanwhile. */
function merged(known: readonly ProcessStat[], found: readonly ProcessStat[]): ProcessStat[] {
  const pids = new Set(found.map(({ pid }) => pid));
  return [...found, ...known.filter(({ pid }) => !pids.has(pid))];
}
