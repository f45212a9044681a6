import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { FIRST_NODE, MIRRORING_CLASS, MIRRORING_PORT } from '../../../scripts/cluster/layout.ts';
import { MIRRORING } from '../../../scripts/cluster/mirroring.ts';
import { createGatewayApiRouter } from '../../../src/routers/gateway-api/index.ts';
import { ownCluster, type TestCluster } from '../../support/cluster.ts';
import { waitFor } from '../../support/wait-for.ts';
import { ask, askMany } from '../support/ask.ts';
import { failedOf, startClients } from '../support/clients.ts';
import { routed, site } from '../support/controller.ts';
import { hostOf } from '../support/settle.ts';
import { type Deployed, type RouterLab, routerLab } from './lab.ts';

const ROUTER = `http://${FIRST_NODE.address}:${MIRRORING_PORT}`;
const PARENTS = [{ name: MIRRORING.name, namespace: MIRRORING.namespace }];
const MIRROR = 'HTTPRouteRequestMirror';
const SOON = { timeoutMs: 30_000 };

async function lab(t: TestContext): Promise<RouterLab | undefined> {
  const front = { router: 'gatewayApi' as const, port: 8080, parentRefs: PARENTS };
  return await routerLab(t, front, ({ kube, cluster, owner }) =>
    createGatewayApiRouter({
      kube,
      namespace: cluster.namespace,
      ownerOf: async () => owner,
      now: () => Date.now(),
    }),
  );
}

/** What the class says that it can: Contour lists nothing itself. */
async function sayFeatures({ kubectl }: TestCluster, names: readonly string[]): Promise<void> {
  const status = { supportedFeatures: names.map((name) => ({ name })) };
  const patch = ['--subresource=status', '--type=merge', '-p', JSON.stringify({ status })];
  await kubectl(['patch', 'gatewayclass', MIRRORING_CLASS, ...patch]);
}

/** Requests that the pods of a pool have seen, copies among them. */
async function seenBy({ replicas }: Deployed): Promise<number> {
  let sum = 0;
  for (const { address } of replicas) sum += Number((await ask(`http://${address}/seen`)).body);
  return sum;
}

test('a switch loses nothing where a Service has to be known before a rule gives it requests', async (t) => {
  const made = await lab(t);
  if (made === undefined) return;
  const headers = { host: made.host };
  const [blue, green] = [await made.pool('blue', 2, 1), await made.pool('green', 2, 2)];
  await made.apply(made.table([blue], { [blue.pool.id]: 10_000 }));
  assert.deepEqual(await askMany(ROUTER, 20, { headers }), { blue: 20 });
  const all = (['kept', 'fresh'] as const).map((connections) =>
    startClients({ url: ROUTER, headers, connections, clients: 4 }),
  );
  // Each names anew whom the one before it has dropped.
  for (const to of [green, blue, green, blue, green, blue]) {
    for (const clients of all) await clients.more(100);
    await made.apply(made.table([to], { [to.pool.id]: 10_000 }));
    const version = to === green ? 'green' : 'blue';
    assert.deepEqual(await askMany(ROUTER, 20, { headers }), { [version]: 20 });
    const backends = await made.lab.cluster.kubectl([
      ...['get', 'httproute', 'shop', '-o', 'jsonpath={.spec.rules[*].backendRefs[*].name}'],
    ]);
    assert.equal(backends, `shop-${to.pool.id}`, 'whom nobody is sent to any more is dropped');
  }
  for (const clients of all) {
    const tally = await clients.stop();
    assert.equal(failedOf(tally), 0, JSON.stringify(tally.failures));
  }
});

test('copies go to the pool that is named for them, and users notice nothing', async (t) => {
  const made = await lab(t);
  if (made === undefined) return;
  await sayFeatures(made.lab.cluster, [MIRROR]);
  const headers = { host: made.host };
  const [stable, candidate] = [await made.pool('stable', 2, 1), await made.pool('candidate', 1, 2)];
  const weights = { [stable.pool.id]: 10_000 };
  await made.apply(made.table([stable], weights));
  assert.deepEqual(await askMany(ROUTER, 20, { headers }), { stable: 20 });
  assert.equal(await seenBy(candidate), 0);

  const kept = startClients({ url: ROUTER, headers, connections: 'kept', clients: 4 });
  const fresh = startClients({ url: ROUTER, headers, connections: 'fresh', clients: 4 });
  const mirror = { to: candidate.pool.id, share: 10_000 };
  const table = made.table([stable, candidate], weights, { mirror });
  await made.apply(table);
  const before = await seenBy(candidate);
  assert.deepEqual(await askMany(ROUTER, 50, { headers }), { stable: 50 });
  await waitFor(async () => (await seenBy(candidate)) >= before + 50, {
    ...SOON,
    what: 'the copies to arrive',
  });
  const { view } = await made.router.observe(made.app);
  assert.deepEqual(view.serving, table);
  assert.deepEqual([view.ackedGeneration, view.trouble], [table.generation, undefined]);

  await made.apply(made.table([stable, candidate], { ...weights, [candidate.pool.id]: 0 }));
  for (const clients of [kept, fresh]) {
    await clients.more(100);
    const tally = await clients.stop();
    assert.equal(failedOf(tally), 0, JSON.stringify(tally.failures));
    assert.deepEqual(Object.keys(tally.answers), ['stable'], 'nobody gets the answer to a copy');
  }
  const after = await seenBy(candidate);
  assert.deepEqual(await askMany(ROUTER, 50, { headers }), { stable: 50 });
  assert.equal(await seenBy(candidate), after, 'there are no copies any more');
});

test('a mirror that somebody took away is told', async (t) => {
  const made = await lab(t);
  if (made === undefined) return;
  await sayFeatures(made.lab.cluster, [MIRROR]);
  const [stable, candidate] = [await made.pool('stable', 1, 1), await made.pool('candidate', 1, 2)];
  const mirror = { to: candidate.pool.id, share: 10_000 };
  await made.apply(made.table([stable, candidate], { [stable.pool.id]: 10_000 }, { mirror }));
  const patch = JSON.stringify([{ op: 'remove', path: '/spec/rules/0/filters' }]);
  await made.lab.cluster.kubectl(['patch', 'httproute', 'shop', '--type=json', '-p', patch]);
  const trouble = async () => (await made.router.observe(made.app)).view.trouble;
  await waitFor(async () => (await trouble())?.code === 'E_ROUTE_OVERWRITTEN', {
    ...SOON,
    what: 'it to be told',
  });
  assert.match((await trouble())?.message ?? '', /kubectl.*copies of 100% to \S+, found \S+ 10000\./);
});

test('what the class does not say that it can is not written', async (t) => {
  const made = await lab(t);
  if (made === undefined) return;
  const [stable, candidate] = [await made.pool('stable', 1, 1), await made.pool('candidate', 1, 2)];
  const weights = { [stable.pool.id]: 10_000 };
  await made.apply(made.table([stable], weights));
  const table = (share: number) =>
    made.table([stable, candidate], weights, { mirror: { to: candidate.pool.id, share } });
  await sayFeatures(made.lab.cluster, []);
  await assert.rejects(made.apply(table(10_000)), {
    code: 'E_ROUTER_CANNOT',
    message: /GatewayClass contour cannot do .*setMirror/,
  });
  await sayFeatures(made.lab.cluster, [MIRROR]);
  await assert.rejects(made.apply(table(2000)), { code: 'E_ROUTER_CANNOT', message: /all requests or none/ });
  assert.deepEqual(await askMany(ROUTER, 20, { headers: { host: made.host } }), { stable: 20 });
});

test('a canary that begins with copies: refused where the class has none, and released where it has', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  await sayFeatures(cluster, []);
  const place = await site(t, cluster, { wholeCluster: true });
  await place.startController();
  const strategy = {
    canary: { steps: [{ setMirror: 100 }, { pause: {} }, { setWeight: 50 }, { pause: {} }] },
  };
  const app = (version: string) =>
    routed(cluster, { version, router: 'gatewayApi', strategy, kubernetes: { parentRefs: PARENTS } });
  const planned = await place.attempt(['plan', '-f', '-'], { input: JSON.stringify(app('v1')) });
  assert.notEqual(planned.code, 0);
  assert.match(planned.stderr, /gatewayApi \(GatewayClass contour\) router.*setMirror/);
  await place.attempt(['apply', '-f', '-'], { input: JSON.stringify(app('v1')) });
  await place.until('status.message', /gatewayApi \(GatewayClass contour\) router.*setMirror/);

  await sayFeatures(cluster, [MIRROR]);
  await place.apply(app('v1'), '--wait');
  const headers = hostOf(cluster);
  const all = (['kept', 'fresh'] as const).map((connections) =>
    startClients({ url: ROUTER, headers, connections, clients: 4 }),
  );
  const more = async () => {
    for (const clients of all) await clients.more(200);
  };
  await place.apply(app('v2'));
  await place.until('status.phase', 'Paused');
  const rules = await cluster.kubectl(['get', 'httproute', 'shop', '-o', 'jsonpath={.spec.rules}']);
  assert.match(rules, /"RequestMirror"/);
  await more();
  for (const { answers } of all.map(({ tally }) => tally)) assert.deepEqual(Object.keys(answers), ['v1']);
  await place.crossfade(['rollout', 'promote', 'shop']);
  await place.until('status.asked', '50%');
  await place.until('status.phase', 'Paused');
  assert.doesNotMatch(
    await cluster.kubectl(['get', 'httproute', 'shop', '-o', 'jsonpath={.spec.rules}']),
    /RequestMirror/,
  );
  await more();
  await place.crossfade(['rollout', 'promote', 'shop', '--wait']);
  await place.until('status.stable', '#2');
  await more();
  await place.crossfade(['rollout', 'undo', 'shop', '--wait']);
  await place.until('status.stable', '#1');
  await more();
  for (const clients of all) {
    const tally = await clients.stop();
    const told = `${tally.requests} requests, ${JSON.stringify(tally.answers)}`;
    assert.equal(failedOf(tally), 0, `${told}, failed ${JSON.stringify(tally.failures)}`);
    t.diagnostic(`${told}, 0 failed`);
  }
});
