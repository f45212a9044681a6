import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createServiceRouter } from '../../../src/routers/service/index.ts';
import { waitFor } from '../../support/wait-for.ts';
import { askMany } from '../support/ask.ts';
import { failedOf, startClients } from '../support/clients.ts';
import { serviceUrl } from '../support/settle.ts';
import { type RouterLab, routerLab } from './lab.ts';

async function lab(t: TestContext): Promise<RouterLab | undefined> {
  return await routerLab(t, { router: 'service', port: 8080 }, ({ kube, cluster, owner }) =>
    createServiceRouter({
      kube,
      namespace: cluster.namespace,
      ownerOf: async () => owner,
      now: () => Date.now(),
    }),
  );
}

test('a switch by the selector loses nothing, and new connections go to the new pool once it is acknowledged', async (t) => {
  const made = await lab(t);
  if (made === undefined) return;
  const [blue, green] = [await made.pool('blue', 2, 1), await made.pool('green', 2, 2)];
  const pools = [blue, green];
  await made.apply(made.table([blue], { [blue.pool.id]: 10_000 }));
  const url = await serviceUrl(made.lab.cluster, 'shop');
  assert.deepEqual(await askMany(url, 10), { blue: 10 });
  const clients = startClients({ url, connections: 'fresh', clients: 4 });
  for (const [to, from, version] of [
    [green, blue, 'green'],
    [blue, green, 'blue'],
  ] as const) {
    await clients.more(100);
    await made.apply(made.table(pools, { [from.pool.id]: 0, [to.pool.id]: 10_000 }));
    await waitFor(async () => Object.keys(await askMany(url, 10)).join() === version, {
      what: `new connections to go to ${version} alone`,
      timeoutMs: 30_000,
    });
  }
  const tally = await clients.stop();
  assert.equal(failedOf(tally), 0, JSON.stringify(tally.failures));
  const asked = await made.router.probe(made.app, 20);
  const { view, answered } = await made.router.observe(made.app);
  assert.equal(asked, 20);
  assert.equal(view.ackedGeneration, 3);
  assert.ok((answered.find(({ pool }) => pool === blue.pool.id)?.counts.probesOk ?? 0) >= 20);
});

test('a canary is a share of pods, and what it comes to is told', async (t) => {
  const made = await lab(t);
  if (made === undefined) return;
  const [stable, candidate] = [await made.pool('stable', 3, 1), await made.pool('candidate', 1, 2)];
  await made.apply(made.table([stable], { [stable.pool.id]: 10_000 }));
  await made.apply(made.table([stable, candidate], { [stable.pool.id]: 8000, [candidate.pool.id]: 2000 }));
  const url = await serviceUrl(made.lab.cluster, 'shop');
  const seen = await waitFor(
    async () => {
      const counts = await askMany(url, 40);
      return (counts.candidate ?? 0) > 0 && (counts.stable ?? 0) > (counts.candidate ?? 0) && counts;
    },
    { what: 'both to answer', timeoutMs: 30_000 },
  );
  assert.equal((seen.stable ?? 0) + (seen.candidate ?? 0), 40);
  const { view } = await made.router.observe(made.app);
  assert.deepEqual(view.shares, { [stable.pool.id]: 0.75, [candidate.pool.id]: 0.25 });
  assert.equal(view.byChance, true);
  await made.apply(made.table([stable, candidate], { [stable.pool.id]: 10_000, [candidate.pool.id]: 0 }));
  await waitFor(async () => (await askMany(url, 20)).stable === 20, {
    what: 'stable alone',
    timeoutMs: 30_000,
  });
});

test('somebody else who edits the selector is named', async (t) => {
  const made = await lab(t);
  if (made === undefined) return;
  const blue = await made.pool('blue', 1, 1);
  const table = made.table([blue], { [blue.pool.id]: 10_000 });
  await made.apply(table);
  const patch = JSON.stringify({ spec: { selector: { 'crossfade.dev/pool': '9-9' } } });
  await made.lab.cluster.kubectl(['patch', 'service', 'shop', '--type=merge', '-p', patch]);
  const view = await waitFor(
    async () => {
      const seen = (await made.router.observe(made.app)).view;
      return seen.trouble && seen;
    },
    { what: 'the writer to be told', timeoutMs: 30_000 },
  );
  assert.equal(view.trouble?.code, 'E_ROUTE_OVERWRITTEN');
  assert.match(view.trouble?.message ?? '', /Service shop.*kubectl-patch.*pool=1-1.*found .*pool=9-9/);
  assert.equal(view.ackedGeneration, table.generation - 1);
  await made.apply({ ...table, generation: made.generation });
  assert.deepEqual(await askMany(await serviceUrl(made.lab.cluster, 'shop'), 5), { blue: 5 });
  await made.router.remove(made.context(9));
  await assert.rejects(made.lab.cluster.get('service/shop'));
});
