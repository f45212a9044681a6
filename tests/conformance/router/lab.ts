import type { AppKey, Counts, RouteTable } from '../../../src/core/model.ts';
import type { Router, RouterObservation } from '../../../src/ports/router.ts';
import { freePort } from '../../support/free-port.ts';
import type { Cleanup } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type Backend, startBackend } from './backend.ts';

/** A router adapter that the suite is run against. One router serves all cases, each with an App and a port of its own. */
export interface RouterUnderTest {
  name: string;
  start(): Promise<Router>;
  stop(): Promise<void>;
}

/** What a test says about a table; the lab adds the rest. Pools are named by the test, members are its backends. */
export interface Asked {
  members: Record<string, (Backend | string)[]>;
  /** Basis points per pool, in order. Absent: all to the first pool. */
  weights?: Record<string, number>;
  route?: Partial<RouteTable['route']>;
  front?: Partial<RouteTable['front']>;
  generation?: number;
  stateVersion?: number;
}

let labs = 0;

/** One App behind a router, with backends that end with the test. */
export class Lab {
  readonly router: Router;
  readonly app: AppKey;
  readonly port: number;
  generation = 0;
  stateVersion = 0;
  private readonly t: Cleanup;

  constructor(t: Cleanup, router: Router, app: AppKey, port: number) {
    this.t = t;
    this.router = router;
    this.app = app;
    this.port = port;
  }

  static async start(t: Cleanup, router: Router): Promise<Lab> {
    const lab = new Lab(t, router, `default/app-${labs++}`, await freePort());
    t.after(() => lab.remove());
    return lab;
  }

  /** The App of this lab; harmless when the test has removed it, or ended the router. */
  private async remove(): Promise<void> {
    await this.router.remove({ app: this.app, stateVersion: Number.MAX_SAFE_INTEGER });
  }

  async backend(name: string): Promise<Backend> {
    const backend = await startBackend(name);
    this.t.after(() => backend.close());
    return backend;
  }

  table(asked: Asked): RouteTable {
    const pools = Object.keys(asked.members);
    const weights = asked.weights ?? { [pools[0] ?? 'none']: 10_000 };
    return {
      app: this.app,
      generation: asked.generation ?? this.generation + 1,
      front: {
        listen: { host: '127.0.0.1', port: this.port },
        host: 'shop.localhost',
        revisionHeader: true,
        upstreamTimeoutMs: 20_000,
        drainLongMs: 0,
        ...asked.front,
      },
      route: {
        split: { kind: 'weights', to: Object.entries(weights).map(([key, weight]) => ({ key, weight })) },
        matches: [],
        admit: { kind: 'open' },
        ...asked.route,
      },
      members: Object.fromEntries(
        Object.entries(asked.members).map(([pool, members]) => [
          pool,
          members.map((m) => {
            const [replica, address] = typeof m === 'string' ? [`dead-${m}`, m] : [m.name, m.address];
            return { replica, address };
          }),
        ]),
      ),
      revisions: Object.fromEntries(pools.map((pool) => [pool, `v1-${pool}`])),
    };
  }

  async apply(asked: Asked): Promise<RouteTable> {
    const table = this.table(asked);
    await this.router.apply(
      { app: this.app, stateVersion: asked.stateVersion ?? this.stateVersion + 1 },
      table,
    );
    this.stateVersion = asked.stateVersion ?? this.stateVersion + 1;
    this.generation = table.generation;
    return table;
  }

  context(): { app: AppKey; stateVersion: number } {
    return { app: this.app, stateVersion: this.stateVersion };
  }

  observe(): Promise<RouterObservation> {
    return this.router.observe(this.app);
  }

  async counts(replica: string): Promise<Counts> {
    const { answered } = await this.observe();
    const sum: Counts = { requests: 0, ok: 0, failed: 0, split: 0, probes: 0 };
    for (const one of answered.filter((a) => a.replica === replica)) {
      for (const [key, count] of Object.entries(one.counts) as [keyof Counts, number][])
        sum[key] = (sum[key] ?? 0) + count;
    }
    return sum;
  }

  async inFlight(replica: string, expected: number): Promise<void> {
    await waitFor(async () => ((await this.observe()).view.inFlight[replica] ?? 0) === expected, {
      what: `${expected} requests to be open at ${replica}`,
    });
  }
}
