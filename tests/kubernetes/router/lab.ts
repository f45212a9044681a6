import type { TestContext } from 'node:test';
import type { AppKey, Pool, Replica, Revision, RouteTable } from '../../../src/core/model.ts';
import type { ActionContext } from '../../../src/ports/engine.ts';
import type { Router } from '../../../src/ports/router.ts';
import type { KubernetesSpec } from '../../../src/spec/app-kubernetes.ts';
import { allReady, deploy, untilReplicas } from '../../unit/engine/support.ts';
import { type EngineLab, engineLab, node } from '../engine/lab.ts';

/**
 * Answers with the version; `/slow` takes a second, `/seen` says how many requests there were of others. Gone at once on TERM,
 * whatever it is doing.
 */
const VERSIONED = `
let seen = 0;
require('node:http').createServer((request, response) => {
  if (request.url === '/seen') return void response.end(String(seen));
  if (request.url !== '/healthz') seen += 1;
  const answer = () => response.end(process.env.VERSION);
  if (request.url === '/slow') setTimeout(answer, 1000);
  else answer();
}).listen(process.env.PORT);
process.on('SIGTERM', () => process.exit(0));
`;

export interface Deployed {
  pool: Pool;
  revision: Revision;
  replicas: Replica[];
}

/** One App behind a router of the cluster, with pods as its replicas. */
export class RouterLab {
  readonly lab: EngineLab;
  readonly router: Router;
  readonly cluster: NonNullable<RouteTable['front']['cluster']>;
  readonly host: string;
  generation = 0;
  stateVersion = 0;

  constructor(lab: EngineLab, router: Router, cluster: NonNullable<RouteTable['front']['cluster']>) {
    this.lab = lab;
    this.router = router;
    this.cluster = cluster;
    this.host = `${lab.cluster.namespace}.example.com`;
  }

  get app(): AppKey {
    return this.lab.app;
  }

  /** A pool of this version, ready. */
  async pool(
    version: string,
    replicas: number,
    number: number,
    more: Partial<KubernetesSpec> = {},
  ): Promise<Deployed> {
    const spec = this.lab.spec({
      run: { command: node(VERSIONED), env: { VERSION: version } },
      route: { listen: { host: '0.0.0.0', port: 80 }, revisionHeader: true, upstreamTimeoutMs: 10_000 },
      drainTimeoutMs: 3000,
      kubernetes: { ...NOTHING, ...more },
    });
    const { pool, revision } = await deploy(this.lab.engine, spec, replicas, number);
    const there = (all: Replica[]) => allReady(replicas)(all.filter((one) => one.pool === pool.id));
    const all = await untilReplicas(this.lab.engine, `${version} is ready`, there, this.app);
    return { pool, revision, replicas: all.filter((one) => one.pool === pool.id) };
  }

  table(
    pools: Deployed[],
    weights: Record<string, number>,
    route: Partial<RouteTable['route']> = {},
  ): RouteTable {
    return {
      app: this.app,
      generation: this.generation + 1,
      front: {
        listen: { host: '0.0.0.0', port: 80 },
        host: this.host,
        revisionHeader: true,
        upstreamTimeoutMs: 10_000,
        drainLongMs: 0,
        cluster: this.cluster,
      },
      route: {
        split: { kind: 'weights', to: Object.entries(weights).map(([key, weight]) => ({ key, weight })) },
        matches: [],
        admit: { kind: 'open' },
        ...route,
      },
      members: Object.fromEntries(
        pools.map(({ pool, replicas }) => [
          pool.id,
          replicas.map(({ id, address = '' }) => ({ replica: id, address })),
        ]),
      ),
      revisions: Object.fromEntries(pools.map(({ pool, revision }) => [pool.id, revision.id])),
    };
  }

  async apply(table: RouteTable): Promise<void> {
    this.stateVersion += 1;
    this.generation = Math.max(this.generation, table.generation);
    await this.router.apply(this.context(), table);
  }

  context(stateVersion = this.stateVersion): ActionContext {
    return { app: this.app, stateVersion };
  }
}

const NOTHING = {
  router: 'service',
  imagePullSecrets: [],
  env: [],
  envFrom: [],
  volumes: [],
  volumeMounts: [],
  topologySpreadConstraints: [],
} as const satisfies object as unknown as KubernetesSpec;

export async function routerLab(
  t: TestContext,
  cluster: NonNullable<RouteTable['front']['cluster']>,
  open: (lab: EngineLab) => Promise<Router>,
): Promise<RouterLab | undefined> {
  const lab = await engineLab(t);
  if (lab === undefined) return undefined;
  const router = await open(lab);
  t.after(() => router.close());
  return new RouterLab(lab, router, cluster);
}
