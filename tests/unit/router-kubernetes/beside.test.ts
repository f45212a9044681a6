import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { givenAnnotation } from '../../../src/kubernetes/given.ts';
import type { Service } from '../../../src/kubernetes/network.ts';
import { leaveBeside, noteSelector } from '../../../src/kubernetes/routing/beside.ts';
import { scriptedApi, send } from '../kubernetes/scripted-api.ts';

const SHOP = { namespace: 'team', name: 'shop' };
const STORE = { namespace: 'team', name: 'store' };
const BEFORE = { app: 'shop' };
const LED_BY_SHOP = { 'crossfade.dev/app': 'shop', 'crossfade.dev/pool': '1-1' };
const NOTED = { [givenAnnotation('shop')]: JSON.stringify({ selector: BEFORE }) };

function serviceWith(selector: Record<string, string>, annotations: Record<string, string> = {}): Service {
  const metadata = { name: 'web', namespace: 'team', resourceVersion: '7', annotations };
  return { metadata, spec: { selector } } as unknown as Service;
}

async function apiWith(t: TestContext, found: Service) {
  const { kube, asked } = await scriptedApi(t, (_, response) => send(response, 200, found));
  return { kube, written: () => asked.filter(({ method }) => method === 'PATCH').map(({ body }) => body) };
}

const noted = (app: string) => ({
  metadata: {
    resourceVersion: '7',
    annotations: { [givenAnnotation(app)]: JSON.stringify({ selector: BEFORE }) },
  },
});

test('what a Service selects is noted before an App leads it, once', async (t) => {
  const fresh = await apiWith(t, serviceWith(BEFORE));
  await noteSelector(fresh.kube, SHOP, serviceWith(BEFORE));
  assert.deepEqual(fresh.written(), [noted('shop')]);
  for (const service of [serviceWith(BEFORE, NOTED), serviceWith(LED_BY_SHOP)]) {
    const { kube, written } = await apiWith(t, service);
    await noteSelector(kube, SHOP, service);
    assert.deepEqual(written(), []);
  }
});

test('of one that another App leads, what it selected before that one is noted', async (t) => {
  const led = serviceWith(LED_BY_SHOP, NOTED);
  const { kube, written } = await apiWith(t, led);
  await noteSelector(kube, STORE, led);
  assert.deepEqual(written(), [noted('store')]);
  await noteSelector(kube, STORE, serviceWith(LED_BY_SHOP));
  assert.equal(written().length, 1, 'what is not known is not made up');
});

test('an App that goes puts the selector back, unless another leads the Service by now', async (t) => {
  const own = await apiWith(t, serviceWith(LED_BY_SHOP, NOTED));
  await leaveBeside(own.kube, SHOP, 'web');
  const metadata = { resourceVersion: '7', annotations: { [givenAnnotation('shop')]: null } };
  const selector = { 'crossfade.dev/app': null, 'crossfade.dev/pool': null, ...BEFORE };
  assert.deepEqual(own.written(), [{ metadata, spec: { selector } }]);
  const other = await apiWith(t, serviceWith({ ...LED_BY_SHOP, 'crossfade.dev/app': 'store' }, NOTED));
  await leaveBeside(other.kube, SHOP, 'web');
  assert.deepEqual(other.written(), [{ metadata }]);
});
