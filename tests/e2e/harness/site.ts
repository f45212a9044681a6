/** One App with its users, in a Crossfade that is damaged while they are served. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { AppView, ReplicaView } from '../../../src/api/types.ts';
import { freePort } from '../../support/free-port.ts';
import { type AppDocument, serviceApp } from './app-files.ts';
import { createHold, type Hold, versionOf } from './hold.ts';
import type { Lab } from './lab.ts';
import { describeSeen, failuresOf, type Load, type Seen, startLoad } from './load.ts';

/** Requests that may fail: those under way at any time between the two. */
export interface Excuse {
  why: string;
  from: number;
  until: number;
}

export interface Site {
  lab: Lab;
  name: string;
  listen: number;
  /** Of version 1 and of version 2. */
  holds: { old: Hold; next: Hold };
  /** Its users, from `begin` on. */
  load: Load;
  begin(): void;
  /** They go away. */
  end(): Promise<void>;
  excuses: Excuse[];
  apply(version: '1' | '2', flags?: readonly string[]): Promise<void>;
  view(): Promise<AppView>;
  until(what: string, holds: (app: AppView) => boolean): Promise<AppView>;
  replicas(role: ReplicaView['role']): Promise<ReplicaView[]>;
}

/** Few for each App: there are many of them. */
const RPS = 8;

export interface SiteOptions {
  name: string;
  strategy: unknown;
  replicas: number;
  spec?: Record<string, unknown>;
}

/** Nothing is applied yet. */
export async function openSite(
  lab: Lab,
  { name, strategy, replicas, spec = {} }: SiteOptions,
): Promise<Site> {
  const listen = await freePort();
  const holdOf = (version: string) => createHold(path.join(lab.folder, `hold-${name}-${version}`));
  const holds = { old: holdOf('1'), next: holdOf('2') };
  const base = serviceApp({ name, listen, strategy, replicas, spec });
  const versions: Record<'1' | '2', AppDocument> = {
    '1': versionOf(base, '1', holds.old),
    '2': versionOf(base, '2', holds.next),
  };
  let load: Load | undefined;
  return {
    lab,
    name,
    listen,
    holds,
    get load() {
      assert.ok(load, `${name} has no users yet`);
      return load;
    },
    begin() {
      load = startLoad(`http://127.0.0.1:${listen}/`, { rps: RPS, connections: 'mixed' });
    },
    async end() {
      await load?.stop();
    },
    excuses: [],
    apply: async (version, flags) => void (await lab.apply(versions[version], flags)),
    view: () => lab.client.app({ namespace: 'default', name }),
    until: (what, holds) => lab.until(name, `${name}: ${what}`, holds),
    replicas: async (role) =>
      (await lab.client.replicas({ namespace: 'default', name })).filter((one) => one.role === role),
  };
}

/** Every failure that no excuse covers, told as it was. */
export function assertServed(
  { name, load, excuses }: Site,
  isDeclared: (seen: Seen) => boolean = () => false,
) {
  const excused = ({ sentAt, answeredAt }: Seen) =>
    excuses.some(({ from, until }) => sentAt <= until && answeredAt >= from);
  const failed = failuresOf(load.seen).filter((seen) => !excused(seen) && !isDeclared(seen));
  const windows = excuses.map(
    ({ why, from, until }) => `${why} ${new Date(from).toISOString()} to ${new Date(until).toISOString()}`,
  );
  assert.deepEqual(
    failed.slice(0, 5).map(describeSeen),
    [],
    `${name}: ${failed.length} of ${load.seen.length} failed without excuse (${windows.join('; ')})`,
  );
}
