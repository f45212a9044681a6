import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { INGRESS_CLASS, ROUTER_ADMIN_PORT, ROUTER_PORT } from '../../../scripts/cluster/layout.ts';
import { traefikMetrics } from '../../../src/kubernetes/routing/traefik.ts';
import { createIngressNginxRouter } from '../../../src/routers/ingress-nginx/index.ts';
import { waitFor } from '../../support/wait-for.ts';
import { ask, askMany } from '../support/ask.ts';
import { failedOf, startClients } from '../support/clients.ts';
import { ingress } from '../support/objects.ts';
import { ROUTER } from '../support/settle.ts';
import { type RouterLab, routerLab } from './lab.ts';

const METRICS = `http://${new URL(ROUTER).hostname}:${ROUTER_ADMIN_PORT}/metrics`;

async function lab(t: TestContext): Promise<RouterLab | undefined> {
  const front = { router: 'ingressNginx', port: 8080, ingressClassName: INGRESS_CLASS } as const;
  return await routerLab(t, front, ({ kube, cluster, owner }) =>
    createIngressNginxRouter({
      kube,
      namespace: cluster.namespace,
      ownerOf: async () => owner,
      now: () => Date.now(),
      metrics: traefikMetrics(async () => [METRICS]),
      port: ROUTER_PORT,
    }),
  );
}

async function until(made: RouterLab, expected: Record<string, number>): Promise<void> {
  const total = Object.values(expected).reduce((sum, n) => sum + n, 0);
  await waitFor(
    async () => {
      const seen = await askMany(ROUTER, total, { headers: { host: made.host } });
      assert.deepEqual(seen, expected);
      return true;
    },
    { what: JSON.stringify(expected), timeoutMs: 30_000 },
  );
}

test('weights from nothing to all and the promotion after it lose nothing, and are followed', async (t) => {
  const made = await lab(t);
  if (made === undefined) return;
  const { host } = made;
  const [stable, candidate] = [await made.pool('stable', 2, 1), await made.pool('candidate', 2, 2)];
  const [a, b] = [stable.pool.id, candidate.pool.id];
  await made.apply(made.table([stable], { [a]: 10_000 }));
  await until(made, { stable: 10 });
  const clients = startClients({ url: ROUTER, headers: { host }, connections: 'kept', clients: 4 });
  await made.apply(made.table([stable, candidate], { [a]: 8000, [b]: 2000 }));
  await clients.more(200);
  await made.apply(made.table([stable, candidate], { [a]: 0, [b]: 10_000 }));
  await until(made, { candidate: 10 });
  await clients.more(200);
  await made.apply(made.table([candidate], { [b]: 10_000 }));
  await clients.more(200);
  const tally = await clients.stop();
  assert.equal(failedOf(tally), 0, JSON.stringify(tally.failures));
  await until(made, { candidate: 10 });
});

test('a share is exact and measured, and a header goes to the candidate', async (t) => {
  const made = await lab(t);
  if (made === undefined) return;
  const { host } = made;
  const [stable, candidate] = [await made.pool('stable', 1, 1), await made.pool('candidate', 1, 2)];
  const [a, b] = [stable.pool.id, candidate.pool.id];
  await made.apply(made.table([stable, candidate], { [a]: 8000, [b]: 2000 }));
  await until(made, { stable: 80, candidate: 20 });
  await made.router.observe(made.app);
  await askMany(ROUTER, 100, { headers: { host } });
  const counted = await waitFor(
    async () => {
      const { answered } = await made.router.observe(made.app);
      const found = answered.find(({ pool }) => pool === b)?.counts.split ?? 0;
      return found >= 20 && found;
    },
    { what: 'the requests to be counted', timeoutMs: 30_000 },
  );
  assert.equal(counted, 20);
  const when = { headers: [{ name: 'x-team', value: { kind: 'exact' as const, value: 'qa' } }], cookies: [] };
  await made.apply(made.table([stable, candidate], { [a]: 10_000, [b]: 0 }, { matches: [{ when, to: b }] }));
  await until(made, { stable: 10 });
  assert.equal((await ask(ROUTER, { headers: { host, 'x-team': 'qa' } })).body, 'candidate');
});

test('another writer of the weight, and another canary for the host, are named', async (t) => {
  const made = await lab(t);
  if (made === undefined) return;
  const [stable, candidate] = [await made.pool('stable', 1, 1), await made.pool('candidate', 1, 2)];
  await made.apply(made.table([stable, candidate], { [stable.pool.id]: 5000, [candidate.pool.id]: 5000 }));
  const { kubectl } = made.lab.cluster;
  const trouble = async (code: string) =>
    await waitFor(
      async () => {
        const found = (await made.router.observe(made.app)).view.trouble;
        return found?.code === code && found.message;
      },
      { what: code, timeoutMs: 30_000 },
    );
  await kubectl([
    'annotate',
    'ingress',
    'shop-canary',
    '--overwrite',
    'nginx.ingress.kubernetes.io/canary-weight=20',
  ]);
  assert.match(await trouble('E_ROUTE_OVERWRITTEN'), /kubectl-annotate.*5000\/10000.*found 20\/10000/);
  await made.lab.cluster.apply(
    ingress('second', made.host, 'shop-1-1', { canary: 'true', 'canary-weight': '10' }),
  );
  assert.match(await trouble('E_ROUTE_SHADOWED'), /Ingress second/);
});
