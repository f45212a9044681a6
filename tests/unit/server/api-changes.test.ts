import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SHOP, shopDocument, startApi } from './harness.ts';
import { SmallWorld } from './small-world.ts';

const KEY = 'default/shop';
const COMMANDS = '/v1/namespaces/default/apps/shop/commands';

it('records a command once, with who and why, and answers what the controller said', async (t) => {
  const { client, store } = await startApi(t);
  await client.apply(SHOP, { app: shopDocument() });
  const command = { id: 'c1', verb: 'promote', full: true, reason: 'it looks good' } as const;
  for (let sent = 0; sent < 2; sent += 1) {
    const answer = await client.command(SHOP, command);
    assert.deepEqual([answer.result, answer.message, answer.app.kind], ['done', 'promoted', 'App']);
  }
  const at = Date.UTC(2026, 0, 1);
  assert.deepEqual(await store.commands(KEY), [{ ...command, actor: 'ann', at }]);
  const entries = (await client.audit()).filter((entry) => entry.commandId === 'c1');
  assert.deepEqual(
    entries.map(({ action, actor, verified, reason }) => [action, actor, verified, reason]),
    [['promote --full', 'ann', false, 'it looks good']],
  );
});

it('tells a refused command from one that is not carried out yet', async (t) => {
  const harness = await startApi(t);
  const { client, call } = harness;
  await client.apply(SHOP, { app: shopDocument() });
  harness.answer = { kind: 'refused', reason: { code: 'E_NO_RELEASE', message: 'no release is running' } };
  const refused = await client.command(SHOP, { id: 'c1', verb: 'abort' });
  assert.deepEqual([refused.result, refused.reason?.code], ['refused', 'E_NO_RELEASE']);
  harness.answer = undefined;
  const { status, body } = await call('POST', COMMANDS, { id: 'c2', verb: 'undo', toRevision: '1' });
  assert.equal(status, 202);
  assert.equal((body as { result: string }).result, 'accepted');
});

it('refuses what is no command, naming each field', async (t) => {
  const { call, client } = await startApi(t);
  await client.apply(SHOP, { app: shopDocument() });
  const wrong: [unknown, RegExp][] = [
    [{ id: 'c1' }, /verb/],
    [{ id: '', verb: 'promote' }, /id/],
    [{ id: 'c1', verb: 'explode' }, /verb/],
    [{ id: 'c1', verb: 'promote', force: true }, /force/],
    ['{', /JSON/i],
    ['', /JSON|body/i],
  ];
  for (const [request, told] of wrong) {
    const { status, text } = await call('POST', COMMANDS, request);
    assert.equal(status, 400, text);
    assert.match(text, told);
    assert.match(text, /E_BAD_REQUEST/);
  }
  await assert.rejects(client.command({ namespace: 'default', name: 'gone' }, { id: 'c', verb: 'abort' }), {
    code: 'E_APP_NOT_FOUND',
    status: 404,
  });
});

it('scales without preparing anything: the revision stays, whatever the source is by now', async (t) => {
  const { client, engine, store } = await startApi(t);
  await client.apply(SHOP, { app: shopDocument() });
  engine.content = 'edited meanwhile';
  const before = (await store.load(KEY))?.object.revision.id;
  const { result } = await client.scale(SHOP, { replicas: 7, reason: 'more users' });
  assert.equal(result, 'configured');
  const stored = await store.load(KEY);
  assert.equal(stored?.object.spec.spec.replicas, 7);
  assert.equal(stored?.object.revision.id, before);
  assert.deepEqual(engine.prepared, [false]);
  assert.equal((await client.scale(SHOP, { replicas: 7 })).result, 'unchanged');
  await assert.rejects(client.scale(SHOP, { replicas: -1 }), { status: 400 });
});

it('sets and unsets variables, which makes a new revision', async (t) => {
  const { client, store } = await startApi(t);
  await client.apply(SHOP, { app: shopDocument({ run: { command: ['x'], env: { A: '1', B: '2' } } }) });
  const before = (await store.load(KEY))?.object.revision.id;
  await client.setEnv(SHOP, { set: { A: '3', C: '4' }, unset: ['B', 'NOT_THERE'] });
  const stored = await store.load(KEY);
  assert.deepEqual(stored?.object.spec.spec.run.env, { A: '3', C: '4' });
  assert.notEqual(stored?.object.revision.id, before);
  await assert.rejects(client.setEnv(SHOP, { set: { 'NOT-A-NAME': 'x' }, unset: [] }), { status: 400 });
});

it('an App that runs from source has no image to set', async (t) => {
  const { client } = await startApi(t);
  await client.apply(SHOP, { app: shopDocument() });
  const wrong = { code: 'E_APP_HAS_NO_IMAGE', status: 409 };
  await assert.rejects(client.setImage(SHOP, { image: 'shop:2' }), wrong);
  await assert.rejects(client.setImage(SHOP, { image: '' }), { status: 400 });
});

it('keeps every one of many edits at the same moment', async (t) => {
  const { client, store } = await startApi(t);
  await client.apply(SHOP, { app: shopDocument() });
  await Promise.all([
    client.scale(SHOP, { replicas: 4 }),
    client.setEnv(SHOP, { set: { A: '1' }, unset: [] }),
    client.setEnv(SHOP, { set: { B: '2' }, unset: [] }),
  ]);
  const spec = (await store.load(KEY))?.object.spec.spec;
  assert.equal(spec?.replicas, 4);
  assert.deepEqual(spec?.run.env, { A: '1', B: '2' });
});

it('plans what an apply would do, and stores and builds nothing', async (t) => {
  const { client, store, engine } = await startApi(t);
  const created = await client.plan(SHOP, { app: shopDocument() });
  assert.equal(created.change, 'create');
  assert.deepEqual(created.notes, [
    'a first release: there is nothing to go back to, and the strategy does not matter yet',
  ]);
  await client.apply(SHOP, { app: shopDocument() });
  const generation = (await store.load(KEY))?.object.generation;
  const plan = await client.plan(SHOP, { app: shopDocument({ replicas: 5 }) });
  assert.deepEqual(plan.differences, [{ field: 'spec.replicas', from: '2', to: '5' }]);
  assert.deepEqual(plan.content, []);
  assert.deepEqual(engine.prepared, [true, false, true]);
  assert.equal((await store.load(KEY))?.object.generation, generation);
});

it('onNewRevision: reject takes no other revision while a release runs, and stores nothing of it', async (t) => {
  const { client, engine, store } = await startApi(t);
  const app = shopDocument({ onNewRevision: 'reject' });
  await client.apply(SHOP, { app });
  const steps = [{ kind: 'setWeight' as const, weightBp: 2000 }, { kind: 'pause' as const }];
  const world = new SmallWorld({ strategy: { kind: 'canary', steps, warmMs: 0 } }).settle();
  world.release('hallo');
  world.settle();
  const { release } = world.state;
  assert.equal(release?.phase.kind, 'advancing');
  await store.commit(KEY, 0, { next: { ...world.state, version: 1 }, events: [], actions: [] });
  const before = await store.load(KEY);
  engine.content = 'another version';
  for (const dryRun of [true, false])
    await assert.rejects(client.apply(SHOP, { app, dryRun }), { code: 'E_RELEASE_RUNNING', status: 409 });
  assert.deepEqual(await store.load(KEY), before);
  const { result } = await client.scale(SHOP, { replicas: 7 });
  assert.equal(result, 'configured', 'what is no new revision is taken');
});
