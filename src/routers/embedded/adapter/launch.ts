/** Starts the router's parent in a session of its own: it outlives the daemon. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { type RouterFiles, siblingEntry } from '../files.ts';

/** Beyond it the log of the runs before is put aside, once. */
const MAX_LOG_BYTES = 10 * 1024 * 1024;

export interface Launched {
  pid: number | undefined;
  /** Resolves when it has ended, with how. */
  ended: Promise<string>;
}

export function startParent(files: RouterFiles, stateDir: string, bootId: string): Launched {
  fs.mkdirSync(files.folder, { recursive: true, mode: 0o700 });
  rotate(files.log);
  const log = fs.openSync(files.log, 'a', 0o600);
  try {
    const child = spawn(process.execPath, [siblingEntry('parent')], {
      detached: true,
      cwd: files.folder,
      stdio: ['ignore', log, log],
      env: { ...process.env, CROSSFADE_ROUTER_STATE_DIR: stateDir, CROSSFADE_BOOT_ID: bootId },
    });
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ?? `exit ${code}`));
    });
    child.unref();
    return { pid: child.pid, ended };
  } finally {
    fs.closeSync(log);
  }
}

/** The last lines of the log, for the message of a router that does not come up. */
export function logTail(file: string, lines = 3): string[] {
  try {
    return fs.readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines);
  } catch {
    return [];
  }
}

function rotate(file: string): void {
  try {
    if (fs.statSync(file).size > MAX_LOG_BYTES) fs.renameSync(file, `${file}.1`);
  } catch {
    // No log yet.
  }
}
