import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { RouteTable } from '../../../src/core/model.ts';
import type { Carrier } from '../../../src/kubernetes/routing/carrier.ts';
import { Leaving } from '../../../src/kubernetes/routing/leaving.ts';
import { type RouteRecord, recordBy } from '../../../src/kubernetes/routing/record.ts';
import { createClusterRouter } from '../../../src/kubernetes/routing/router.ts';
import type { OwnerReference } from '../../../src/kubernetes/types.ts';
import { GATEWAY_API_CAN } from '../../../src/routers/gateway-api/able.ts';
import { scriptedApi } from '../kubernetes/scripted-api.ts';
import { tableOf } from './tables.ts';

/** Carries what it is given, accepted at once; nobody can be asked whether requests follow. */
function carrier(): Carrier {
  let record: RouteRecord | undefined;
  return {
    name: 'gatewayApi',
    capabilities: GATEWAY_API_CAN,
    namesAnswers: true,
    synced: Promise.resolve(),
    async write(writer, table) {
      record = recordBy(writer, table);
    },
    erase: async () => {
      record = undefined;
    },
    apps: () => [],
    read: () => record && { record, accepted: true },
    readLive: async () => record,
    check: async () => undefined,
    entrance: async () => {
      throw new Error('nobody can be asked');
    },
    onChange: () => () => undefined,
    close: () => undefined,
  };
}

/** @param uid of the App object, as the cluster and this process know it */
async function router(t: TestContext, carried: Carrier, uid?: () => string) {
  const { kube } = await scriptedApi(t, ({ query, path }, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    if (query.get('watch') !== null) return void response.write('\n');
    if (path.endsWith('/apps/shop')) return void response.end(JSON.stringify({ metadata: { uid: uid?.() } }));
    response.end(JSON.stringify({ items: [], metadata: { resourceVersion: '9' } }));
  });
  const leaving = new Leaving({ kube, namespace: 'default', now: () => 0 });
  t.after(() => leaving.close());
  const made = createClusterRouter({
    kube,
    ownerOf: async () => uid && { apiVersion: 'crossfade.dev/v1', kind: 'App', name: 'shop', uid: uid() },
    now: () => 0,
    carrier: carried,
    leaving,
  });
  t.after(() => made.close());
  return made;
}

const CTX = { app: 'default/shop', stateVersion: 3 };
const table = (generation: number): RouteTable => ({
  ...tableOf({ '1-1': 10_000 }),
  generation,
  members: { '1-1': [] },
});

for (const generation of [1, 8])
  test(`table ${generation}, which was accepted and could not be proved, is not acknowledged`, async (t) => {
    const made = await router(t, carrier());
    await assert.rejects(made.apply(CTX, table(generation)), /nobody can be asked/);
    const { view } = await made.observe('default/shop');
    assert.equal(view.ackedGeneration, generation - 1);
  });

test('what another process of ours has had accepted is taken as followed', async (t) => {
  const carried = carrier();
  await carried.write({ ...CTX, owner: undefined }, table(8));
  const made = await router(t, carried);
  assert.equal((await made.observe('default/shop')).view.ackedGeneration, 8);
});

/** The App of uid `old` is deleted and made anew as `new` at some moment of what the router does for it. */
async function madeAnew(t: TestContext, when: 'before it is written' | 'while it is written') {
  let uid = 'old';
  const real = carrier();
  const writers: (string | undefined)[] = [];
  let erased = 0;
  const carried: Carrier = {
    ...real,
    async readLive(app, front) {
      if (when === 'before it is written') uid = 'new';
      return real.readLive(app, front);
    },
    async write(writer, written) {
      writers.push(writer.owner?.uid);
      await real.write(writer, written);
      if (when !== 'while it is written') return;
      uid = 'new';
      await real.write({ ...CTX, owner: { ...writer.owner, uid } as OwnerReference }, table(1));
    },
    erase: async () => {
      erased += 1;
    },
  };
  const made = await router(t, carried, () => uid);
  await assert.rejects(made.apply(CTX, table(1)), { code: 'E_APP_NOT_FOUND' });
  return { writers, erased, left: real.read('default/shop')?.record.uid };
}

test('what an App that went had asked for is not written over one that has its name since', async (t) => {
  assert.deepEqual(await madeAnew(t, 'before it is written'), { writers: [], erased: 0, left: undefined });
});

test('what an App of the same name has written since is not taken back', async (t) => {
  const done = await madeAnew(t, 'while it is written');
  assert.deepEqual(done, { writers: ['old'], erased: 0, left: 'new' });
});

test('a route that was written for an App that had just gone is taken back', async (t) => {
  let uid = 'old';
  const real = carrier();
  const carried: Carrier = {
    ...real,
    async write(writer, written) {
      await real.write(writer, written);
      uid = 'new';
    },
  };
  const made = await router(t, carried, () => uid);
  await assert.rejects(made.apply(CTX, table(1)), { code: 'E_APP_NOT_FOUND', message: /taken back/ });
  assert.equal(real.read('default/shop'), undefined);
});
