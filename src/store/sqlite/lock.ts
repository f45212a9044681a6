import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { OperatingError } from '../../core/errors.ts';
import { isBusy } from './errors.ts';

export interface StoreLock {
  release(): void;
}

/**
 * One writer per state file. The lock is an exclusive SQLite transaction on an empty database of its own: the kernel
 * drops it with the process, so that a daemon killed with -9 leaves nothing to clean up, and a reused pid means nothing.
 * The owner file beside it is only for the message.
 * @throws OperatingError E_DAEMON_RUNNING
 */
export function acquireLock(file: string): StoreLock {
  const ownerFile = `${file}.owner`;
  const lockFile = `${file}.lock`;
  createEmpty(lockFile);
  const lock = new DatabaseSync(lockFile, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    throw isBusy(error) ? alreadyRunning(file, ownerOf(ownerFile)) : error;
  }
  nameOwner(ownerFile);
  return {
    release() {
      rmSync(ownerFile, { force: true });
      lock.close();
    },
  };
}

/**
 * Mode 0600, for whoever may open the lock may hold it. Never opens a file that is there: POSIX drops all of a process's
 * locks on a file when it closes any descriptor of it (fcntl(2)), so a second attempt would unlock the first.
 */
function createEmpty(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function alreadyRunning(file: string, pid: number | undefined): OperatingError {
  const who = pid === undefined ? 'Another crossfade daemon' : `Another crossfade daemon, pid ${pid},`;
  return new OperatingError('E_DAEMON_RUNNING', `${who} already works on ${file}.`, {
    hint: 'Use that one, stop it with `crossfade daemon stop`, or give this one a folder of its own with --state-dir.',
    details: { file, pid: pid ?? null },
  });
}

function nameOwner(ownerFile: string): void {
  try {
    writeFileSync(ownerFile, JSON.stringify({ pid: process.pid }), { mode: 0o600 });
  } catch {
    // A full disk must not keep a daemon from starting for the sake of a message.
    rmSync(ownerFile, { force: true });
  }
}

function ownerOf(ownerFile: string): number | undefined {
  try {
    const { pid } = JSON.parse(readFileSync(ownerFile, 'utf8'));
    return typeof pid === 'number' ? pid : undefined;
  } catch {
    return undefined;
  }
}
