import assert from 'node:assert/strict';
import { it } from 'node:test';
import { OperatingError } from '../../../src/core/errors.ts';
import { SHOP, shopDocument, startApi } from './harness.ts';

const KEY = 'default/shop';

it('creates an App, and knows when an apply changes nothing', async (t) => {
  const { client, asked, store } = await startApi(t);
  const created = await client.apply(SHOP, { app: shopDocument(), reason: 'first' });
  assert.equal(created.result, 'created');
  assert.match(created.message, /^revision 1 \(v1-[0-9a-f]{12}\) is started$/);
  assert.equal(created.app.metadata.generation, 1);
  assert.deepEqual(asked, [`poke ${KEY}`]);

  const again = await client.apply(SHOP, { app: shopDocument() });
  assert.equal(again.result, 'unchanged');
  assert.equal((await store.load(KEY))?.object.generation, 1);
  assert.equal((await store.audit({})).length, 1);
});

it('answers an App as the format writes it, expanded', async (t) => {
  const { client } = await startApi(t);
  await client.apply(SHOP, { app: shopDocument() });
  const { spec, kind, apiVersion } = await client.app(SHOP);
  assert.deepEqual({ kind, apiVersion }, { kind: 'App', apiVersion: 'crossfade.dev/v1' });
  const again = await client.apply(SHOP, { app: { ...(shopDocument() as object), spec } });
  assert.equal(again.result, 'unchanged');
});

it('makes a new generation of a changed spec, and a new revision only of changed content', async (t) => {
  const { client, engine } = await startApi(t);
  const first = await client.apply(SHOP, { app: shopDocument() });
  const scaled = await client.apply(SHOP, { app: shopDocument({ replicas: 5 }) });
  assert.equal(scaled.result, 'configured');
  assert.equal(scaled.app.metadata.generation, 2);
  engine.content = 'v2';
  const released = await client.apply(SHOP, { app: shopDocument({ replicas: 5 }) });
  assert.equal(released.result, 'configured');
  const ids = (await client.revisions(SHOP)).map((revision) => revision.id);
  assert.equal(ids.length, 1);
  assert.ok(!first.message.includes(ids[0] ?? ''));
});

it('stores nothing on a dry run, of a new App and of one that is there', async (t) => {
  const { client, store, asked, engine } = await startApi(t);
  const dry = await client.apply(SHOP, { app: shopDocument(), dryRun: true });
  assert.equal(dry.result, 'created');
  assert.equal(dry.app.metadata.name, 'shop');
  assert.deepEqual(await store.apps(), []);
  await client.apply(SHOP, { app: shopDocument() });
  const changed = await client.apply(SHOP, { app: shopDocument({ replicas: 9 }), dryRun: true });
  assert.equal(changed.result, 'configured');
  assert.equal((await store.load(KEY))?.object.spec.spec.replicas, 2);
  assert.deepEqual(engine.prepared, [true, false, true]);
  assert.deepEqual(asked, [`poke ${KEY}`]);
});

it('names every mistake of a document at once', async (t) => {
  const { call } = await startApi(t);
  const document = shopDocument({ replicas: -1, prot: 80 });
  const { status, body } = await call('PUT', '/v1/namespaces/default/apps/shop', { app: document });
  const { error } = body as { error: { code: string; details: { errors: { path: string }[] } } };
  assert.equal(status, 400);
  assert.equal(error.code, 'E_APP_FILE');
  assert.deepEqual(error.details.errors.map(({ path }) => path).sort(), ['spec.prot', 'spec.replicas']);
});

it('refuses a document for another App than the path names', async (t) => {
  const { client } = await startApi(t);
  const apply = client.apply({ namespace: 'default', name: 'cart' }, { app: shopDocument() });
  await assert.rejects(apply, {
    code: 'E_BAD_REQUEST',
    status: 400,
    message: /default\/cart.*default\/shop/,
  });
});

it('names both Apps that claim the same host on a listener', async (t) => {
  const { client } = await startApi(t);
  const cart = { namespace: 'default', name: 'cart' };
  await client.apply(SHOP, { app: shopDocument() });
  const same = shopDocument({ route: { listen: 8000, host: 'shop.localhost' } }, 'cart');
  const preview = shopDocument({ route: { listen: 8000, host: 'preview.shop.localhost' } }, 'cart');
  for (const app of [same, preview]) {
    const message = /default\/cart .* default\/shop .* on 127\.0\.0\.1:8000/;
    await assert.rejects(client.apply(cart, { app }), { code: 'E_ROUTE_CLAIMED', status: 409, message });
  }
  assert.equal((await client.apply(cart, { app: shopDocument({}, 'cart') })).result, 'created');
});

it('lets only one of two Apps have a host that both claim at the same moment', async (t) => {
  const { client } = await startApi(t);
  const route = { route: { listen: 8000, host: 'same.localhost' } };
  const names = ['a', 'b', 'c', 'd'];
  const results = await Promise.allSettled(
    names.map((name) => client.apply({ namespace: 'default', name }, { app: shopDocument(route, name) })),
  );
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const result of results) {
    if (result.status === 'rejected') assert.equal(result.reason.code, 'E_ROUTE_CLAIMED');
  }
});

it('asks the router for a listener only while no App has it', async (t) => {
  const { client, router } = await startApi(t);
  router.taken.add(8000);
  await assert.rejects(client.apply(SHOP, { app: shopDocument() }), { code: 'E_PORT_TAKEN', status: 409 });
  router.taken.clear();
  await client.apply(SHOP, { app: shopDocument() });
  router.taken.add(8000);
  await client.apply(SHOP, { app: shopDocument({ replicas: 3 }) });
  await client.apply({ namespace: 'default', name: 'cart' }, { app: shopDocument({}, 'cart') });
  assert.deepEqual(router.checked, ['127.0.0.1:8000', '127.0.0.1:8000']);
});

it('tells that a revision is held, keeps it held, and says how to retry', async (t) => {
  const { client, store } = await startApi(t);
  await client.apply(SHOP, { app: shopDocument() });
  const stored = await store.load(KEY);
  assert.ok(stored);
  const { revision } = stored.object;
  const held = [{ revision: revision.id, why: { code: 'E_CANDIDATE_EXITS', message: 'it exits' } }];
  const next = { ...stored.state, version: 1, revisions: { [revision.id]: revision }, held };
  await store.commit(KEY, 0, { next, events: [], actions: [] });
  const again = await client.apply(SHOP, { app: shopDocument() });
  assert.equal(again.result, 'held');
  assert.match(
    again.message,
    /^revision 1 is held .*: it exits\. `crossfade rollout retry shop` tries it again$/,
  );
  assert.equal((await store.load(KEY))?.object.generation, 1);
});

it('passes on why a revision could not be prepared', async (t) => {
  const { client, engine, store } = await startApi(t);
  engine.fail = new OperatingError('E_BUILD_FAILED', 'the build exited with 2', { hint: 'look at the log' });
  await assert.rejects(client.apply(SHOP, { app: shopDocument() }), {
    code: 'E_BUILD_FAILED',
    status: 422,
    hint: 'look at the log',
  });
  assert.deepEqual(await store.apps(), []);
});

it('deletes once, however often it is asked, and refuses to apply meanwhile', async (t) => {
  const { client, store } = await startApi(t);
  await client.apply(SHOP, { app: shopDocument() });
  await client.remove(SHOP, 'not needed');
  await client.remove(SHOP);
  assert.equal((await client.app(SHOP)).status.phase, 'Deleting');
  assert.equal((await store.load(KEY))?.object.generation, 2);
  await assert.rejects(client.apply(SHOP, { app: shopDocument() }), { code: 'E_DELETING', status: 409 });
  const [, entry] = await client.audit({ namespace: 'default', app: 'shop' });
  assert.deepEqual([entry?.action, entry?.reason, entry?.actor], ['delete', 'not needed', 'ann']);
});

it('lists the Apps of one namespace, and of all', async (t) => {
  const { client } = await startApi(t);
  const document = shopDocument({ route: { listen: 8001 } }, 'cart') as { metadata: object };
  document.metadata = { name: 'cart', namespace: 'team' };
  await client.apply(SHOP, { app: shopDocument() });
  await client.apply({ namespace: 'team', name: 'cart' }, { app: document });
  const names = async (namespace?: string) => (await client.apps(namespace)).map((app) => app.metadata.name);
  assert.deepEqual(await names(), ['shop', 'cart']);
  assert.deepEqual(await names('team'), ['cart']);
  assert.deepEqual(await names('nobody'), []);
});

it('says what is not there', async (t) => {
  const { client, call } = await startApi(t);
  for (const ask of [client.app(SHOP), client.revisions(SHOP), client.remove(SHOP), client.replicas(SHOP)]) {
    await assert.rejects(ask, { code: 'E_APP_NOT_FOUND', status: 404 });
  }
  assert.equal((await call('GET', '/v1/nothing')).status, 404);
  assert.equal((await call('GET', '/v1/namespaces/Not_A_Name/apps')).status, 400);
});
