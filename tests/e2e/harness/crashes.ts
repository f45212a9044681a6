/** kill -9, at what a Crossfade consists of, and what makes it whole again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../../support/wait-for.ts';
import type { Lab } from './lab.ts';
import type { Seen } from './load.ts';
import { isOwnRefusal } from './moments.ts';
import { killHard, mainProcesses, type Roles, rolesUnder } from './processes.ts';
import type { Site } from './site.ts';

export const CRASHES = [
  'daemon',
  'worker',
  'parent',
  'router',
  'stable replica',
  'candidate',
  'all',
  'reboot',
] as const;
export type Crash = (typeof CRASHES)[number];

/** The client's own connections learn of an end in the next turns of its loop. */
const SETTLE_MS = 100;

/**
 * Kills, starts the daemon again where it was killed, and notes which requests may have failed. After `all` and `reboot`
 * that goes on until `recovered`.
 */
export async function crash(
  lab: Lab,
  sites: readonly Site[],
  what: Crash,
  startDaemon: () => Promise<unknown>,
): Promise<void> {
  const isEverything = what === 'all' || what === 'reboot';
  const roles = await rolesUnder(lab.stateDir);
  const from = Date.now();
  if (isEverything)
    for (const { excuses } of sites) excuses.push({ why: what, from, until: Number.POSITIVE_INFINITY });
  await killHard(await victims(sites, roles, what));
  await sleep(SETTLE_MS);
  // In flight means: sent before the worker was gone. The sockets are the parent's, so nothing is refused.
  if (what === 'worker')
    for (const { excuses } of sites) excuses.push({ why: what, from, until: Date.now() });
  if (what === 'daemon' || isEverything) await startDaemon();
  if (what === 'router') await Promise.all(sites.map((site) => untilAnswered(site, what, from)));
}

/** From the next request that is served, or declared not to be, nobody is to notice anything any more. */
export async function recovered({ name, load, excuses }: Site): Promise<void> {
  const open = excuses.filter(({ until }) => until === Number.POSITIVE_INFINITY);
  if (open.length === 0) return;
  // Ready is not yet routed: the table that names the new addresses comes after it.
  const from = Date.now();
  const fine = (seen: Seen) => seen.sentAt > from && (seen.failure === null || isOwnRefusal(seen));
  const { answeredAt } = await waitFor(() => load.seen.find(fine), {
    timeoutMs: 60_000,
    what: `an answer from ${name} once it is whole again`,
  });
  for (const excuse of open) excuse.until = answeredAt;
}

async function victims(sites: readonly Site[], roles: Roles, what: Crash): Promise<number[]> {
  switch (what) {
    case 'daemon':
      return roles.daemons;
    case 'worker':
      return roles.workers;
    case 'parent':
      return roles.parents;
    case 'router':
      return [...roles.parents, ...roles.workers];
    case 'all':
    case 'reboot':
      return [...roles.daemons, ...roles.parents, ...roles.workers, ...roles.replicas.map(({ pid }) => pid)];
    case 'stable replica':
      return oneOfEach(sites, roles, 'stable');
    case 'candidate':
      return oneOfEach(sites, roles, 'candidate');
  }
}

/** A ready one, where there is one: it has users to lose. */
async function oneOfEach(
  sites: readonly Site[],
  roles: Roles,
  role: 'stable' | 'candidate',
): Promise<number[]> {
  const chosen = sites.map(async (site) => {
    const all = await site.replicas(role);
    const victim = all.find(({ ready }) => ready) ?? all[0];
    return victim ? mainProcesses(roles, site.name, victim.id).map(({ pid }) => pid) : [];
  });
  return (await Promise.all(chosen)).flat();
}

/** Nobody is answered without a router: until the first one is again. */
async function untilAnswered({ name, load, excuses }: Site, why: string, from: number): Promise<void> {
  const reached = ({ failure }: Seen) => failure === null || failure.startsWith('http_');
  // A first release has no address yet.
  if (!load.seen.some(reached)) return;
  const killedAt = Date.now();
  const gap = { why, from, until: Number.POSITIVE_INFINITY };
  excuses.push(gap);
  const answered = await waitFor(() => load.seen.find((seen) => seen.sentAt > killedAt && reached(seen)), {
    timeoutMs: 60_000,
    what: `an answer from ${name}`,
  });
  gap.until = answered.answeredAt;
}
