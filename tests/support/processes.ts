/**
 * What is left of a test: processes that know a folder by their environment, command line or working folder, and the
 * files in it. Reads /proc, so it sees nothing on systems without it, and says so.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface LeftProcess {
  pid: number;
  /** What it was started as, with spaces between the words. */
  command: string;
}

/** True where processes can be looked at. */
export async function canSeeProcesses(): Promise<boolean> {
  return (await readText('/proc/self/environ')) !== undefined;
}

/**
 * Processes whose environment, command line or working folder names `folder`, without this one and its ancestors.
 * A replica inherits no environment, and an exec'ed helper may have changed its arguments: each alone would miss some.
 */
export async function processesUnder(folder: string): Promise<LeftProcess[]> {
  const found: LeftProcess[] = [];
  const spared = await selfAndAncestors();
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || spared.has(pid)) continue;
    const [environment, command, cwd] = await Promise.all([
      readText(`/proc/${pid}/environ`),
      readText(`/proc/${pid}/cmdline`),
      readlink(`/proc/${pid}/cwd`).catch(() => undefined),
    ]);
    if ([environment, command, cwd].some((text) => names(text, folder))) {
      found.push({ pid, command: (command ?? '').replaceAll('\0', ' ').trim() });
    }
  }
  return found;
}

/** Waits until no process under `folder` is left, at most `timeoutMs`. Resolves with those that are. */
export async function processesThatStay(folder: string, timeoutMs: number): Promise<LeftProcess[]> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    const left = await processesUnder(folder);
    if (left.length === 0 || performance.now() > giveUpAt) return left;
    await sleep(50);
  }
}

/** Kills every process under `folder`, also those that they start meanwhile. Never matches by name. */
export async function killProcessesUnder(folder: string): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const left = await processesUnder(folder);
    if (left.length === 0) return;
    for (const { pid } of left) kill(pid);
    await sleep(50);
  }
}

/** Every file and folder under `folder`, as paths relative to it. */
export async function filesUnder(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder, { recursive: true })).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function names(text: string | undefined, folder: string): boolean {
  if (text === undefined) return false;
  // /tmp/cf-1 must not match /tmp/cf-12.
  for (let at = text.indexOf(folder); at !== -1; at = text.indexOf(folder, at + 1)) {
    const next = text[at + folder.length];
    if (next === undefined || !/[\w.-]/.test(next)) return true;
  }
  return false;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function selfAndAncestors(): Promise<Set<number>> {
  const pids = new Set<number>();
  for (let pid = process.pid; pid > 0 && !pids.has(pid); ) {
    pids.add(pid);
    const status = (await readText(`/proc/${pid}/status`)) ?? '';
    pid = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return pids;
}

/** Undefined when the process is gone meanwhile, or is not ours to read. */
async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
}
