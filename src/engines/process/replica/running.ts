import type { ChildProcess } from 'node:child_process';
import type { Ms } from '../../../core/model.ts';
import { readStat, sameProcessLives } from './procfs.ts';

/** The shim of a replica that was started, by us or by a daemon before us. */
export interface Running {
  leader: { pid: number; startTicks: string };
  /** Called once when it ended. */
  onExit(listener: () => void): void;
  /** No listener is called after this. */
  forget(): void;
}

const LOOK_EVERY_MS: Ms = 200;

/** @throws whatever made the start impossible (EAGAIN, ENOENT ...) */
export async function ownChild(child: ChildProcess): Promise<Running> {
  const { pid } = child;
  if (pid === undefined) throw await new Promise<Error>((resolve) => child.once('error', resolve));
  // A child that ended already is still in the table: it is reaped only after this turn.
  const startTicks = readStat(pid)?.startTicks;
  if (startTicks === undefined)
    throw new Error(`/proc/${pid}/stat of a child that was just started cannot be read`);
  const listeners = new Set<() => void>();
  let ended = false;
  child.on('error', () => undefined);
  child.once('exit', () => {
    ended = true;
    for (const listener of listeners) listener();
  });
  return {
    leader: { pid, startTicks },
    onExit(listener) {
      listeners.add(listener);
      if (ended) listener();
    },
    forget: () => listeners.clear(),
  };
}

/** Not our child: nobody tells us when it ends, so it is looked at. */
export function adopted(leader: { pid: number; startTicks: string }): Running {
  let timer: NodeJS.Timeout | undefined;
  return {
    leader,
    onExit(listener) {
      timer = setInterval(() => {
        if (sameProcessLives(leader)) return;
        clearInterval(timer);
        listener();
      }, LOOK_EVERY_MS);
    },
    forget: () => clearInterval(timer),
  };
}
