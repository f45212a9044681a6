import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ROUTER_ADMIN_PORT } from '../../../scripts/cluster/layout.ts';
import { GATEWAY } from '../../../scripts/cluster/objects.ts';
import { traefikMetrics } from '../../../src/kubernetes/routing/traefik.ts';
import { createGatewayApiRouter } from '../../../src/routers/gateway-api/index.ts';
import type { Match } from '../../../src/spec/app.ts';
import { waitFor } from '../../support/wait-for.ts';
import { ask, askMany } from '../support/ask.ts';
import { failedOf, startClients } from '../support/clients.ts';
import { httpRoute, service } from '../support/objects.ts';
import { ROUTER } from '../support/settle.ts';
import { type RouterLab, routerLab } from './lab.ts';

const METRICS = `${new URL(ROUTER).protocol}//${new URL(ROUTER).hostname}:${ROUTER_ADMIN_PORT}/metrics`;
const PARENT = { name: GATEWAY.name, namespace: GATEWAY.namespace };

type Way = Pick<RouterLab['cluster'], 'parentRefs' | 'httpRoute'>;

async function lab(t: TestContext, way: Way = { parentRefs: [PARENT] }): Promise<RouterLab | undefined> {
  return await routerLab(t, { router: 'gatewayApi', port: 8080, ...way }, ({ kube, cluster, owner }) =>
    createGatewayApiRouter({
      kube,
      namespace: cluster.namespace,
      ownerOf: async () => owner,
      now: () => Date.now(),
      metrics: traefikMetrics(async () => [METRICS]),
    }),
  );
}

test('a switch loses nothing, on kept and on new connections, and every request after it goes to the new pool', async (t) => {
  const made = await lab(t);
  if (made === undefined) return;
  const { host } = made;
  const [blue, green] = [await made.pool('blue', 2, 1), await made.pool('green', 2, 2)];
  await made.apply(made.table([blue], { [blue.pool.id]: 10_000 }));
  assert.equal((await ask(ROUTER, { headers: { host } })).body, 'blue');
  const kept = startClients({ url: ROUTER, headers: { host }, connections: 'kept', clients: 4 });
  const fresh = startClients({ url: ROUTER, headers: { host }, connections: 'fresh', clients: 4 });
  const pools = [blue, green];
  for (const to of [green, blue, green]) {
    await kept.more(100);
    await fresh.more(100);
    const other = to === green ? blue : green;
    await made.apply(made.table(pools, { [other.pool.id]: 0, [to.pool.id]: 10_000 }));
    const version = to === green ? 'green' : 'blue';
    assert.deepEqual(await askMany(ROUTER, 20, { headers: { host } }), { [version]: 20 });
  }
  for (const tally of [await kept.stop(), await fresh.stop()])
    assert.equal(failedOf(tally), 0, JSON.stringify(tally.failures));
});

test('shares are exact, measured by the router, and observed as they were asked for', async (t) => {
  const made = await lab(t);
  if (made === undefined) return;
  const { host } = made;
  const [stable, candidate] = [await made.pool('stable', 1, 1), await made.pool('candidate', 1, 2)];
  const table = made.table([stable, candidate], { [stable.pool.id]: 8000, [candidate.pool.id]: 2000 });
  await made.apply(table);
  await made.router.observe(made.app);
  const before = await counts(made, candidate.pool.id);
  assert.deepEqual(await askMany(ROUTER, 100, { headers: { host } }), { stable: 80, candidate: 20 });
  await waitFor(async () => (await counts(made, candidate.pool.id)).split - before.split === 20, {
    what: 'the requests to be counted',
    timeoutMs: 30_000,
  });
  const { view } = await made.router.observe(made.app);
  assert.deepEqual([view.ackedGeneration, view.trouble], [table.generation, undefined]);
  assert.deepEqual(view.serving, table);
  assert.equal(await made.router.probe(made.app, 50), 50);
  assert.ok((await counts(made, candidate.pool.id)).probes >= 10);
});

async function counts({ router, app }: RouterLab, pool: string) {
  const { answered } = await router.observe(app);
  return answered.find((one) => one.pool === pool)?.counts ?? { split: 0, probes: 0 };
}

test('matches by header and cookie go to their pool, and the preview host to its own', async (t) => {
  const made = await lab(t);
  if (made === undefined) return;
  const { host } = made;
  const [stable, candidate] = [await made.pool('stable', 1, 1), await made.pool('candidate', 1, 2)];
  const to = candidate.pool.id;
  const matches: { when: Match; to: string }[] = [
    { when: { headers: [{ name: 'x-team', value: { kind: 'exact', value: 'qa' } }], cookies: [] }, to },
    { when: { headers: [], cookies: [{ name: 'beta', value: { kind: 'present' } }] }, to },
  ];
  await made.apply(made.table([stable, candidate], { [stable.pool.id]: 10_000 }, { matches, preview: to }));
  const answer = async (headers: Record<string, string>) =>
    (await ask(ROUTER, { headers: { host, ...headers } })).body;
  assert.equal(await answer({}), 'stable');
  assert.equal(await answer({ 'x-team': 'qa' }), 'candidate');
  assert.equal(await answer({ 'x-team': 'other' }), 'stable');
  assert.equal(await answer({ cookie: 'a=b; beta=1' }), 'candidate');
  await waitFor(async () => (await answer({ host: `preview.${host}` })) === 'candidate', {
    what: 'the preview',
    timeoutMs: 30_000,
  });
  await made.apply(made.table([stable], { [stable.pool.id]: 10_000 }));
  await waitFor(async () => (await ask(ROUTER, { headers: { host: `preview.${host}` } })).status === 404, {
    what: 'the preview to be gone',
    timeoutMs: 30_000,
  });
});

test('a pod that leaves the route gets no request any more, and is stopped without losing one', async (t) => {
  const made = await lab(t);
  if (made === undefined) return;
  const { host } = made;
  const blue = await made.pool('blue', 3, 1);
  const weights = { [blue.pool.id]: 10_000 };
  await made.apply(made.table([blue], weights));
  const clients = startClients({ url: ROUTER, headers: { host }, connections: 'kept' });
  await clients.more(200);
  const [first, ...rest] = blue.replicas;
  assert.ok(first);
  await made.apply(made.table([{ ...blue, replicas: rest }], weights));
  await made.lab.engine.stop(made.context(), first.id, 5000);
  await clients.more(500);
  await waitFor(async () => (await made.lab.engine.list(made.app)).every(({ id }) => id !== first.id), {
    what: 'the pod to be gone',
    timeoutMs: 60_000,
  });
  await clients.more(200);
  const tally = await clients.stop();
  assert.equal(failedOf(tally), 0, JSON.stringify(tally.failures));
});

test('somebody else who writes the weights is named, and the route is not acknowledged', async (t) => {
  const made = await lab(t);
  if (made === undefined) return;
  const [stable, candidate] = [await made.pool('stable', 1, 1), await made.pool('candidate', 1, 2)];
  const table = made.table([stable, candidate], { [stable.pool.id]: 5000, [candidate.pool.id]: 5000 });
  await made.apply(table);
  const patch = [
    { op: 'replace', path: '/spec/rules/0/backendRefs/0/weight', value: 100 },
    { op: 'replace', path: '/spec/rules/0/backendRefs/1/weight', value: 0 },
  ];
  await made.lab.cluster.kubectl(['patch', 'httproute', 'shop', '--type=json', '-p', JSON.stringify(patch)]);
  const view = await waitFor(
    async () => {
      const seen = (await made.router.observe(made.app)).view;
      return seen.trouble && seen;
    },
    { what: 'the writer to be told', timeoutMs: 30_000 },
  );
  assert.equal(view.trouble?.code, 'E_ROUTE_OVERWRITTEN');
  assert.match(view.trouble?.message ?? '', /kubectl-patch.*asked for .* 5000.*found shop-1-1 100/);
  assert.equal(view.ackedGeneration, table.generation - 1);
  await made.apply({ ...table, generation: made.generation });
  assert.deepEqual(await askMany(ROUTER, 10, { headers: { host: made.host } }), { stable: 5, candidate: 5 });
});

test('a route that its Gateway does not take is told in its words', async (t) => {
  const made = await lab(t, { parentRefs: [{ ...PARENT, sectionName: 'nobody' } as typeof PARENT] });
  if (made === undefined) return;
  const blue = await made.pool('blue', 1, 1);
  await assert.rejects(made.apply(made.table([blue], { [blue.pool.id]: 10_000 })), {
    code: /^E_ROUTE_(REFUSED|UNPROVEN)$/,
  });
});

test('a writer that is behind is refused, and the route stays', async (t) => {
  const made = await lab(t);
  if (made === undefined) return;
  const [blue, green] = [await made.pool('blue', 1, 1), await made.pool('green', 1, 2)];
  made.stateVersion = 5;
  await made.apply({ ...made.table([blue], { [blue.pool.id]: 10_000 }), generation: 5 });
  const toGreen = { ...made.table([green], { [green.pool.id]: 10_000 }), generation: 6 };
  const stale = { code: 'E_STALE_WRITER' };
  await assert.rejects(made.router.apply(made.context(4), toGreen), stale);
  await assert.rejects(made.router.apply(made.context(7), { ...toGreen, generation: 4 }), stale);
  await assert.rejects(made.router.remove(made.context(4)), stale);
  assert.equal((await ask(ROUTER, { headers: { host: made.host } })).body, 'blue');
  await made.router.remove(made.context(8));
  await waitFor(async () => (await ask(ROUTER, { headers: { host: made.host } })).status === 404, {
    what: 'the route to be gone',
    timeoutMs: 30_000,
  });
  assert.equal((await made.router.observe(made.app)).view.ackedGeneration, 0);
});

test('a rule of a route of others is the only one written, and leads where it led before when the App goes', async (t) => {
  const made = await lab(t, { httpRoute: { name: 'web', rule: 1 } });
  if (made === undefined) return;
  const { cluster } = made.lab;
  const cart = {
    matches: [{ path: { type: 'PathPrefix', value: '/cart' } }],
    backendRefs: [{ name: 'cart', port: 80 }],
  };
  const web = httpRoute('web', made.host, { before: 3 }) as { spec: { rules: object[] } };
  web.spec.rules.unshift(cart);
  await cluster.apply(service('cart'), service('before'), web);
  const read = async () => JSON.parse(await cluster.kubectl(['get', 'httproute', 'web', '-o', 'json']));
  const before = await read();
  const [blue, green] = [await made.pool('blue', 1, 1), await made.pool('green', 1, 2)];
  const pools = [blue, green];
  await made.apply(made.table(pools, { [blue.pool.id]: 10_000, [green.pool.id]: 0 }));
  await made.apply(made.table(pools, { [blue.pool.id]: 5000, [green.pool.id]: 5000 }));
  assert.deepEqual(await askMany(ROUTER, 10, { headers: { host: made.host } }), { blue: 5, green: 5 });
  assert.deepEqual((await read()).spec.rules[0], before.spec.rules[0]);
  made.stateVersion += 1;
  await made.router.remove(made.context());
  const after = await read();
  assert.deepEqual(after.spec, before.spec);
  assert.deepEqual(
    Object.keys(after.metadata.annotations ?? {}),
    Object.keys(before.metadata.annotations ?? {}),
  );
});
