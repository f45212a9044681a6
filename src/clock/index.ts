import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Ms } from '../core/model.ts';
import type { Clock, Timers } from '../ports/clock.ts';

/** The machine's own clocks. */
export function systemClock(): Clock {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return {
    wall: () => Date.now(),
    // CLOCK_MONOTONIC: the same in every process of this boot.
    monotonic: () => Number(process.hrtime.bigint() / 1_000_000n),
    bootId: () => bootId,
  };
}

/** The timers of this process. */
export const systemTimers: Timers = {
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};

/** Where steady time began, in this boot of the machine. */
export interface Anchor {
  bootId: string;
  wall: Ms;
  monotonic: Ms;
  /** The last time that was given out, roughly. */
  last: Ms;
}

const SAVE_EVERY_MS = 10_000;

/**
 * The time that gates and deadlines are measured with: wall time once, then only as fast as the monotonic clock, so
 * that a wall clock that jumps neither shortens a pause nor makes a deadline pass. Kept over restarts of the daemon
 * in the same boot; after a reboot it is wall time again, but never earlier than before.
 */
export async function steadyClock(
  clock: Clock,
  stateDir: string,
): Promise<{ now: () => Ms; close: () => void }> {
  const file = path.join(stateDir, 'clock.json');
  const before = readAnchor(file);
  const anchor = anchorFrom(clock, before);
  const now = () => steadyNow(clock, anchor);
  const save = async () => {
    // Best effort: without the file a jump between two daemons is not noticed, nothing else.
    await writeFile(`${file}.new`, JSON.stringify({ ...anchor, last: now() })).then(
      () => rename(`${file}.new`, file),
      () => undefined,
    );
  };
  await save();
  const timer = setInterval(() => void save(), SAVE_EVERY_MS);
  timer.unref();
  return { now, close: () => clearInterval(timer) };
}

/** Steady time by this anchor. */
export function steadyNow(clock: Clock, anchor: Anchor): Ms {
  return anchor.wall + (clock.monotonic() - anchor.monotonic);
}

/** The anchor of the daemon before, in the same boot; after a reboot a new one, never earlier than that was. */
export function anchorFrom(clock: Clock, before: Anchor | undefined): Anchor {
  if (before && before.bootId === clock.bootId()) return before;
  const wall = Math.max(clock.wall(), before?.last ?? 0);
  return { bootId: clock.bootId(), wall, monotonic: clock.monotonic(), last: wall };
}

function readAnchor(file: string): Anchor | undefined {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as Partial<Anchor>;
    const whole = [value.wall, value.monotonic, value.last].every((n) => typeof n === 'number');
    return whole && typeof value.bootId === 'string' ? (value as Anchor) : undefined;
  } catch {
    return undefined;
  }
}
