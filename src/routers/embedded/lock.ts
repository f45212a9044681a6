/** One parent per state folder: two would fight for the ports. The lock is a file that names its owner by pid and start time. */
import fs from 'node:fs';
import { type Identity, identityOf, isAlive } from './identity.ts';

const ATTEMPTS = 20;

/** Takes the lock for this process. Otherwise who has it. */
export function takeLock(file: string): 'taken' | Identity {
  const own = identityOf(process.pid) ?? { pid: process.pid, startTime: '' };
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (create(file, own)) return 'taken';
    const owner = lockOwner(file);
    if (owner !== undefined && isAlive(owner)) return owner;
    removeStale(file, owner);
  }
  throw new Error(`${file} cannot be taken, though nobody alive has it`);
}

/** Who is named in the lock, alive or not. */
export function lockOwner(file: string): Identity | undefined {
  try {
    const owner = JSON.parse(fs.readFileSync(file, 'utf8')) as Identity;
    return Number.isInteger(owner.pid) && typeof owner.startTime === 'string' ? owner : undefined;
  } catch {
    return undefined;
  }
}

function ownsLock(file: string): boolean {
  return lockOwner(file)?.pid === process.pid;
}

export function dropLock(file: string): void {
  if (ownsLock(file)) fs.rmSync(file, { force: true });
}

/** Appears with its content or not at all: a half-written lock would look like a stale one. */
function create(file: string, own: Identity): boolean {
  const temporary = `${file}.${own.pid}`;
  fs.writeFileSync(temporary, JSON.stringify(own), { mode: 0o600 });
  try {
    fs.linkSync(temporary, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

/** Two may find the same stale lock; only the one whose rename takes that very lock away may go on. */
function removeStale(file: string, stale: Identity | undefined): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    fs.renameSync(file, aside);
    const moved = lockOwner(aside);
    // Somebody took the lock between our look and our rename: it is given back.
    if (moved !== undefined && moved.pid !== stale?.pid) fs.linkSync(aside, file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error;
  } finally {
    fs.rmSync(aside, { force: true });
  }
}
