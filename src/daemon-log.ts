import {
  copyFileSync,
  existsSync,
  fstatSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
} from 'node:fs';
import path from 'node:path';
import type { Ms } from './core/model.ts';

const LIMIT_BYTES = 10 * 1024 * 1024;
const OLDER_FILES = 3;
const LOOK_EVERY_MS: Ms = 30_000;
const APPENDS = 0o2000;

export interface DaemonLog {
  /** Rotates it if it has become large. */
  look(): void;
  close(): void;
}

/**
 * Keeps `daemon.log` small while this process writes into it: copied to `daemon.log.1` (and so on) and emptied, for the
 * file stays open. Somewhere else (the journal, a terminal, a file of the operator's) it is not ours to cut.
 * @param fd where this process writes its log
 */
export function keepDaemonLogSmall(stateDir: string, fd = 1, limitBytes = LIMIT_BYTES): DaemonLog {
  const file = path.join(stateDir, 'daemon.log');
  const look = () => {
    try {
      if (isOurs(file, fd) && fstatSync(fd).size > limitBytes) rotate(file);
    } catch {
      // A full disk: the log grows on, which the next look sees.
    }
  };
  look();
  const timer = setInterval(look, LOOK_EVERY_MS);
  timer.unref();
  return { look, close: () => clearInterval(timer) };
}

/** Appending only: a writer that keeps its own place would leave a hole as large as what was cut. */
function isOurs(file: string, fd: number): boolean {
  const written = fstatSync(fd);
  const named = statSync(file, { throwIfNoEntry: false });
  if (!written.isFile() || named?.ino !== written.ino || named.dev !== written.dev) return false;
  const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
  return flags !== undefined && (Number.parseInt(flags, 8) & APPENDS) !== 0;
}

function rotate(file: string): void {
  for (let age = OLDER_FILES; age > 1; age -= 1) {
    if (existsSync(`${file}.${age - 1}`)) renameSync(`${file}.${age - 1}`, `${file}.${age}`);
  }
  copyFileSync(file, `${file}.1`);
  // At once after the copy: nothing of this process can come in between.
  truncateSync(file, 0);
}
