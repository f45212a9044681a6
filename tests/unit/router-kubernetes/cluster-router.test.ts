import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { RouteTable } from '../../../src/core/model.ts';
import type { Carrier } from '../../../src/kubernetes/routing/carrier.ts';
import { Leaving } from '../../../src/kubernetes/routing/leaving.ts';
import type { RouteRecord } from '../../../src/kubernetes/routing/record.ts';
import { createClusterRouter } from '../../../src/kubernetes/routing/router.ts';
import { GATEWAY_API_CAN } from '../../../src/routers/gateway-api/index.ts';
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
    async write({ stateVersion }, table) {
      record = { stateVersion, table };
    },
    erase: async () => undefined,
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

async function router(t: TestContext, carried: Carrier) {
  const { kube } = await scriptedApi(t, ({ query }, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    if (query.get('watch') !== null) return void response.write('\n');
    response.end(JSON.stringify({ items: [], metadata: { resourceVersion: '9' } }));
  });
  const leaving = new Leaving({ kube, namespace: 'default', now: () => 0 });
  t.after(() => leaving.close());
  const made = createClusterRouter({
    kube,
    ownerOf: async () => undefined,
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
  await carried.write(CTX, table(8));
  const made = await router(t, carried);
  assert.equal((await made.observe('default/shop')).view.ackedGeneration, 8);
});
