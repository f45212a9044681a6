/** Cgroups are the machine's, not a world's: each cluster has its own below the root, and removes it. */
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const PREFIX = 'crossfade-cluster-';
const ATTEMPTS = 100;
const ASK_AGAIN_MS = 50;

/** Named for the process that keeps it: when that is gone, anybody may remove it. */
export function cgroupName(keeperPid: number): string {
  return `${PREFIX}${keeperPid}`;
}

export async function makeCgroup(name: string): Promise<void> {
  for (const { folder, version } of await hierarchies()) {
    if (version === 2) await delegate(folder);
    await mkdir(path.join(folder, name), { recursive: true });
  }
}

/** Removes it with everything below it, once its processes are gone. */
export async function removeCgroup(name: string): Promise<void> {
  for (const { folder } of await hierarchies()) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await removeTree(path.join(folder, name));
        break;
      } catch (error) {
        if (attempt === ATTEMPTS) throw error;
        await sleep(ASK_AGAIN_MS);
      }
    }
  }
}

/** Names of cgroups whose keeper was killed. */
export async function abandonedCgroups(): Promise<string[]> {
  const found = new Set<string>();
  for (const { folder } of await hierarchies()) {
    const names = (await readdir(folder)).filter((name) => name.startsWith(PREFIX));
    for (const name of names) if (!isAlive(Number(name.slice(PREFIX.length)))) found.add(name);
  }
  return [...found];
}

/** Where the machine has its cgroups: one folder per controller (version 1), one in all (2), or both. */
async function hierarchies(): Promise<{ folder: string; version: 1 | 2 }[]> {
  const mounts = await readFile('/proc/mounts', 'utf8');
  const found = mounts.matchAll(/^\S+ (\S+) cgroup(2?) /gm);
  return [...found].map(([, folder = '', two]) => ({ folder, version: two === '2' ? 2 : 1 }));
}

/** In version 2 a controller reaches the groups below only when it is named. */
async function delegate(folder: string): Promise<void> {
  const controllers = await readFile(path.join(folder, 'cgroup.controllers'), 'utf8');
  const named = controllers.trim().split(' ').filter(Boolean);
  for (const name of named) await writeFile(path.join(folder, 'cgroup.subtree_control'), `+${name}`);
}

async function removeTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(ignoreMissing);
  for (const entry of entries ?? []) if (entry.isDirectory()) await removeTree(path.join(folder, entry.name));
  await rmdir(folder).catch(ignoreMissing);
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
