/**
 * The strategies as users of a cluster meet them, forward, undo and abort, with an application that is gone at once on TERM and
 * one that serves 2 s more, through the router and through the address of a Service: nothing may be lost. What plain Kubernetes
 * loses on the same paths is in baseline.test.ts; `npm run bench:kubernetes` prints both tables of one run.
 */
import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { type OwnTestCluster, ownCluster } from '../support/cluster.ts';
import {
  answersOf,
  type Clients,
  type ClientsOptions,
  describeFailures,
  failedOf,
  startClients,
} from './support/clients.ts';
import { type RouterName, routed, type Site, site } from './support/controller.ts';
import { hostOf, ROUTER, serviceUrl } from './support/settle.ts';

/** Whoever is put beside old pods of a Service has to have node in its PATH; this one has. */
process.env.CROSSFADE_IMAGE = 'localhost/service:v1';

const APPS = [
  { suffix: '', onTerm: 'exits at once' },
  { suffix: '-after-2s', onTerm: 'serves 2 s more, then exits' },
];
const rows: string[][] = [];

after(() => {
  if (rows.length === 0) return;
  const head = ['strategy', 'path', 'app on SIGTERM', 'connections', 'requests', 'failed'];
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  console.log(`\n${lines.join('\n')}`);
});

interface Users {
  more(requests: number): Promise<void>;
  answers(): Record<string, number>;
  stop(t: TestContext, row: readonly string[]): Promise<void>;
}

/**
 * Of a Service, kept connections are renewed after so many requests, as nginx (`keepalive_requests`) and most pools do: one that
 * is never renewed never leaves the pod that it was opened to (kept-connections.test.ts).
 */
const RENEWED_AFTER = 200;

async function startUsers(t: TestContext, cluster: OwnTestCluster, router: RouterName): Promise<Users> {
  const headers = hostOf(cluster);
  const url = router === 'service' ? await serviceUrl(cluster, 'shop') : ROUTER;
  const kinds: (Pick<ClientsOptions, 'connections' | 'renewAfter'> & { told: string })[] = [
    { connections: 'fresh', told: 'new each time' },
    router === 'service'
      ? { connections: 'kept', renewAfter: RENEWED_AFTER, told: `kept for ${RENEWED_AFTER} requests` }
      : { connections: 'kept', told: 'kept alive' },
  ];
  const all = kinds.map(({ told, ...kind }): { told: string; clients: Clients } => ({
    told,
    clients: startClients({ url, headers, clients: 4, ...kind }),
  }));
  t.after(() => Promise.all(all.map(({ clients }) => clients.stop())));
  return {
    async more(requests) {
      await Promise.all(all.map(({ clients }) => clients.more(requests)));
    },
    answers: () => answersOf(all.map(({ clients }) => clients)),
    async stop(t, row) {
      for (const { told, clients } of all) {
        const tally = await clients.stop();
        rows.push([...row, told, String(tally.requests), describeFailures(tally)]);
        t.diagnostic(
          `${row.join(', ')}, ${told}: ${tally.requests} requests, ${describeFailures(tally)} failed`,
        );
        assert.equal(failedOf(tally), 0, `${told}: ${JSON.stringify(tally)}`);
      }
    },
  };
}

interface Story {
  name: string;
  router: RouterName;
  strategy: object;
  /** From v2 applied to v2 stable. */
  forward(at: Site, users: Users): Promise<void>;
  /** Applied, then given up. */
  abort?(at: Site, users: Users): Promise<void>;
}

async function promoted(at: Site): Promise<void> {
  await at.until('status.phase', 'Paused');
  await at.crossfade(['rollout', 'promote', 'shop']);
}

async function aborted(at: Site, users: Users): Promise<void> {
  await at.until('status.phase', 'Paused');
  await users.more(100);
  await at.crossfade(['rollout', 'abort', 'shop']);
  await at.until('status.candidate', '');
  await at.until('status.phase', /Healthy|Degraded|Aborted/);
}

const plain = async (): Promise<void> => undefined;
const CANARY = { canary: { steps: [{ setWeight: 20 }, { pause: {} }, { setWeight: 50 }] } };
const BLUE_GREEN = { blueGreen: { autoPromotionEnabled: false, scaleDownDelaySeconds: 60 } };
const A_B = { abTest: { match: [{ headers: { 'x-group': 'beta' } }] } };

const STORIES: readonly Story[] = [
  { name: 'rolling', router: 'gatewayApi', strategy: { rolling: {} }, forward: plain },
  { name: 'rolling', router: 'service', strategy: { rolling: {} }, forward: plain },
  { name: 'blue-green', router: 'service', strategy: BLUE_GREEN, forward: promoted, abort: aborted },
  { name: 'blue-green', router: 'gatewayApi', strategy: BLUE_GREEN, forward: promoted, abort: aborted },
  { name: 'canary', router: 'gatewayApi', strategy: CANARY, forward: promoted, abort: aborted },
  { name: 'canary', router: 'ingressNginx', strategy: CANARY, forward: promoted, abort: aborted },
  { name: 'A/B', router: 'gatewayApi', strategy: A_B, forward: groups, abort: aborted },
];

/** Those of the group get the new version, all others the old one; then a person decides. */
async function groups(at: Site, users: Users): Promise<void> {
  await at.until('status.phase', 'Paused');
  const before = users.answers();
  await users.more(200);
  assert.equal(users.answers().v2, before.v2, 'nobody outside of the group gets it');
  await at.crossfade(['rollout', 'promote', 'shop']);
}

for (const { name, router, strategy, forward, abort } of STORIES) {
  for (const { suffix, onTerm } of APPS) {
    test(`${name} by ${router} of an application that ${onTerm}: forward${abort ? ', abort' : ''} and undo, and nothing is lost`, async (t) => {
      const cluster = await ownCluster(t);
      if (cluster === undefined) return;
      const at = await site(t, cluster);
      await at.startController();
      const app = (version: string) =>
        routed(cluster, {
          version: `${version}${suffix}`,
          router,
          strategy,
          drain: { timeout: '3s', longConnections: '60s' },
        });
      await at.apply(app('v1'), '--wait');
      await at.until('status.phase', 'Healthy');
      const users = await startUsers(t, cluster, router);
      await users.more(200);
      if (abort) {
        await at.apply(app('v3'));
        await abort(at, users);
        await users.more(100);
      }
      await at.apply(app('v2'));
      await forward(at, users);
      await at.until('status.stable', /#[23]/);
      await at.until('status.candidate', '');
      await users.more(200);
      const before = users.answers();
      await at.crossfade(['rollout', 'undo', 'shop']);
      await at.until('status.stable', '#1');
      await at.until('status.candidate', '');
      await users.more(300);
      const answers = users.answers();
      assert.ok((answers.v2 ?? 0) > 0 && (answers.v1 ?? 0) > (before.v1 ?? 0), JSON.stringify(answers));
      await users.stop(t, [name, router === 'service' ? 'Service' : `Traefik, ${router}`, onTerm]);
    });
  }
}

test('recreate declares its outage, and what it refuses is what was declared', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const at = await site(t, cluster);
  await at.startController();
  const app = (version: string) =>
    routed(cluster, { version, router: 'gatewayApi', strategy: { recreate: {} } });
  const input = JSON.stringify(app('v1'));
  assert.match((await at.crossfade(['plan', '-f', '-'], { input })).stdout, /./);
  await at.apply(app('v1'), '--wait');
  const users = startClients({ url: ROUTER, headers: hostOf(cluster), connections: 'kept', clients: 4 });
  t.after(() => users.stop());
  await users.more(100);
  await at.apply(app('v2'), '--wait');
  await users.more(100);
  const tally = await users.stop();
  const outage = await at.events();
  assert.match(outage, /OutageEnded/);
  const kinds = Object.keys(tally.failures);
  assert.ok(
    kinds.every((kind) => /^50[0-9]$/.test(kind)),
    `refused, never cut: ${JSON.stringify(tally.failures)}`,
  );
  rows.push([
    'recreate',
    'Traefik, gatewayApi',
    'exits at once',
    'kept alive',
    String(tally.requests),
    `${describeFailures(tally)} (declared)`,
  ]);
});
