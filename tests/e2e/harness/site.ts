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
  /** Versions 1, 3, 5 ... have one, versions 2, 4, 6 ... another: that of the next does not touch what is stable. */
  hold(version: number): Hold;
  /** Its users, from `begin` on. */
  load: Load;
  begin(): void;
  /** They go away. */
  end(): Promise<void>;
  excuses: Excuse[];
  /** The App file of a version. */
  document(version: number): AppDocument;
  apply(version: number, flags?: readonly string[]): Promise<void>;
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
  env?: Record<string, string>;
  /** Of its users. */
  rps?: number;
  /** Default: a free port. */
  listen?: number;
}

/** Nothing is applied yet. */
export async function openSite(
  lab: Lab,
  { name, strategy, replicas, spec = {}, env = {}, rps = RPS, listen: given }: SiteOptions,
): Promise<Site> {
  const listen = given ?? (await freePort());
  const [even, odd] = [0, 1].map((rest) => createHold(path.join(lab.folder, `hold-${name}-${rest}`)));
  assert.ok(even && odd);
  const hold = (version: number) => (version % 2 === 0 ? even : odd);
  const base = serviceApp({ name, listen, strategy, replicas, spec, env });
  const document = (version: number) => versionOf(base, String(version), hold(version));
  let load: Load | undefined;
  return {
    lab,
    name,
    listen,
    hold,
    document,
    get load() {
      assert.ok(load, `${name} has no users yet`);
      return load;
    },
    begin() {
      load = startLoad(`http://127.0.0.1:${listen}/`, { rps, connections: 'mixed' });
    },
    async end() {
      await load?.stop();
    },
    excuses: [],
    apply: async (version, flags) => void (await lab.apply(document(version), flags)),
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
