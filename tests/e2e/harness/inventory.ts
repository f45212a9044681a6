/** Counts what there is, against what there ought to be. */
import assert from 'node:assert/strict';
import { readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { filesUnder } from '../../support/processes.ts';
import { waitFor } from '../../support/wait-for.ts';
import type { Lab } from './lab.ts';
import { type Roles, rolesUnder } from './processes.ts';

/**
 * One daemon, one router, and of each App exactly the replicas that it shows, with a process, a shim, a folder and a
 * port each. Waits for it: what was told to stop takes its time.
 */
export async function assertNothingOrphaned(lab: Lab, names: readonly string[]): Promise<void> {
  let last: { found: unknown; expected: unknown } = { found: undefined, expected: undefined };
  const agrees = async () => {
    last = { found: await found(lab, names), expected: await expected(lab, names) };
    assert.deepEqual(last.found, last.expected);
    return true;
  };
  const options = { timeoutMs: 60_000, intervalMs: 200, what: 'exactly what there ought to be' };
  await waitFor(agrees, options).catch((error: Error) => {
    assert.deepEqual(last.found, last.expected);
    throw error;
  });
}

async function found(lab: Lab, names: readonly string[]) {
  const roles = await rolesUnder(lab.stateDir);
  const byPid = await listeningPortsByPid();
  const portsOf = (pids: readonly number[]) => new Set(pids.flatMap((pid) => byPid.get(pid) ?? [])).size;
  return {
    daemons: roles.daemons.length,
    parents: roles.parents.length,
    workers: roles.workers.length,
    others: roles.others,
    routerPorts: portsOf(roles.workers),
    replicas: namesOf(roles, names, false),
    shims: namesOf(roles, names, true),
    ofOtherApps: roles.replicas.filter(({ app }) => !names.includes(app.replace('default/', ''))),
    replicaPorts: portsOf(roles.replicas.map(({ pid }) => pid)),
  };
}

async function expected(lab: Lab, names: readonly string[]) {
  const shown = new Map<string, string[]>();
  for (const name of names) {
    const replicas = await lab.client.replicas({ namespace: 'default', name });
    shown.set(name, replicas.map(({ id }) => id).sort());
  }
  const count = [...shown.values()].flat().length;
  return {
    daemons: 1,
    parents: 1,
    workers: 1,
    others: [],
    routerPorts: (await routedApps(lab.stateDir)).length,
    replicas: Object.fromEntries(shown),
    shims: Object.fromEntries(shown),
    ofOtherApps: [],
    replicaPorts: count,
  };
}

function namesOf(roles: Roles, names: readonly string[], shims: boolean): Record<string, string[]> {
  const of = (name: string) =>
    roles.replicas.filter(({ app, isShim }) => app === `default/${name}` && isShim === shims);
  return Object.fromEntries(
    names.map((name) => [
      name,
      of(name)
        .map(({ replica }) => replica)
        .sort(),
    ]),
  );
}

/** Apps that the router has a table of on disk. */
async function routedApps(stateDir: string): Promise<string[]> {
  return await readdir(path.join(stateDir, 'router', 'tables')).catch(() => []);
}

/** Files of this App below the state dir. Its data folder is the user's and stays. */
export async function filesOf(stateDir: string, name: string): Promise<string[]> {
  const own = [`run/default/${name}`, `router/tables/default%2F${name}.json`];
  const files = await filesUnder(stateDir);
  return files.filter((file) => own.some((one) => file === one || file.startsWith(`${one}/`)));
}

/** Half-made files, which a crash in the middle of a write leaves and a daemon that starts removes. */
export async function halfMadeFiles(stateDir: string): Promise<string[]> {
  return (await filesUnder(stateDir)).filter((file) => /(^|\/)\.tmp-|\.tmp$|\.new$/.test(file));
}

/** Ports that each process of this machine listens on, over TCP. */
async function listeningPortsByPid(): Promise<Map<number, number[]>> {
  const portOfSocket = new Map<string, number>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of (await readFile(table, 'utf8').catch(() => '')).split('\n').slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      const port = Number.parseInt(local?.split(':')[1] ?? '', 16);
      if (state === '0A' && inode !== undefined) portOfSocket.set(`socket:[${inode}]`, port);
    }
  }
  const byPid = new Map<number, number[]>();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const links = await readdir(`/proc/${entry}/fd`).catch(() => []);
    for (const fd of links) {
      const port = portOfSocket.get(await readlink(`/proc/${entry}/fd/${fd}`).catch(() => ''));
      if (port !== undefined) byPid.set(Number(entry), [...(byPid.get(Number(entry)) ?? []), port]);
    }
  }
  return byPid;
}
