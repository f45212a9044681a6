import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import { OperatingError } from '../../core/errors.ts';
import type { Check } from '../context.ts';
import { socketPathOf } from '../globals.ts';

const NAME = 'state dir';
const SHORT_OF_SPACE_BYTES = 1024 ** 3;
const NO_SPACE_BYTES = 64 * 1024 ** 2;

/** The folder may not exist yet: then what counts is where it would be made. Nothing is made here. */
export function stateDirChecks(stateDir: string): Check[] {
  return [placeCheck(stateDir), spaceCheck(nearestExisting(stateDir))];
}

function placeCheck(stateDir: string): Check {
  try {
    socketPathOf(stateDir);
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    return {
      name: NAME,
      status: 'failed',
      found: error.message,
      ...(error.hint === undefined ? {} : { todo: error.hint }),
    };
  }
  const existing = nearestExisting(stateDir);
  try {
    accessSync(existing, constants.W_OK | constants.X_OK);
  } catch (error) {
    return {
      name: NAME,
      status: 'failed',
      found: `${existing} cannot be written: ${(error as Error).message}`,
      todo: 'choose another with --state-dir or CROSSFADE_STATE_DIR, or give yourself the right to write there',
    };
  }
  if (!existsSync(stateDir)) return { name: NAME, status: 'ok', found: `${stateDir} (not made yet)` };
  const mode = statSync(stateDir).mode & 0o777;
  if ((mode & 0o077) !== 0) {
    return {
      name: NAME,
      status: 'warning',
      found: `${stateDir} is open to other users (mode ${mode.toString(8)})`,
      todo: `chmod 700 ${stateDir}`,
    };
  }
  return { name: NAME, status: 'ok', found: stateDir };
}

function spaceCheck(folder: string): Check {
  const { bavail, bsize } = statfsSync(folder);
  const freeBytes = bavail * bsize;
  const found = `${(freeBytes / 1024 ** 3).toFixed(1)} GiB free`;
  const todo = 'free some: snapshots, builds and logs of replicas live there';
  if (freeBytes < NO_SPACE_BYTES) return { name: 'space', status: 'failed', found, todo };
  if (freeBytes < SHORT_OF_SPACE_BYTES) return { name: 'space', status: 'warning', found, todo };
  return { name: 'space', status: 'ok', found };
}

function nearestExisting(folder: string): string {
  let candidate = folder;
  while (!existsSync(candidate) && candidate !== path.dirname(candidate)) candidate = path.dirname(candidate);
  return candidate;
}
