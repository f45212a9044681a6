import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { OperatingError } from './core/errors.ts';
import type { Ms } from './core/model.ts';
import type { Clock } from './ports/clock.ts';

interface StopRecord {
  bootId: string;
  /** On the monotonic clock. */
  atMs: Ms;
}

const fileOf = (stateDir: string) => path.join(stateDir, 'daemon.stopped');

/** Best effort: without it only a start under way at this very moment is not noticed. */
export function recordStop(stateDir: string, clock: Clock): void {
  const record: StopRecord = { bootId: clock.bootId(), atMs: clock.monotonic() };
  try {
    writeFileSync(fileOf(stateDir), JSON.stringify(record), { mode: 0o600 });
  } catch {
    // A full disk must not keep it from stopping.
  }
}

/**
 * A command that needs a daemon starts one; when it comes up slowly, the daemon may have been stopped meanwhile by
 * somebody who was told that none runs any more. @throws OperatingError E_DAEMON_STOPPED
 */
export function refuseIfStoppedSince(stateDir: string, clock: Clock, startedAtMs: Ms): void {
  const record = readRecord(stateDir);
  if (record?.bootId !== clock.bootId() || record.atMs < startedAtMs) return;
  throw new OperatingError('E_DAEMON_STOPPED', 'The daemon was stopped while this one was on its way up.', {
    hint: 'Start it again if it is wanted.',
  });
}

function readRecord(stateDir: string): StopRecord | undefined {
  try {
    return JSON.parse(readFileSync(fileOf(stateDir), 'utf8')) as StopRecord;
  } catch {
    return undefined;
  }
}
