import assert from 'node:assert/strict';
import { request } from 'node:http';
import { it } from 'node:test';
import type { WatchItem } from '../../../src/api/client.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type Harness, SHOP, shopDocument, startApi } from './harness.ts';

const KEY = 'default/shop';

async function happen(store: Harness['store'], ...messages: string[]): Promise<void> {
  const state = (await store.load(KEY))?.state;
  assert.ok(state);
  const events = messages.map((message) => ({ at: 0, type: 'Normal', reason: 'Tested', message }) as const);
  await store.commit(KEY, state.version, {
    next: { ...state, version: state.version + 1 },
    events,
    actions: [],
  });
}

/** Reads a watch until `enough`, then leaves it. */
async function readWatch(
  harness: Harness,
  query: { after?: number; namespace?: string; app?: string },
  enough: (items: WatchItem[]) => boolean,
  started: (items: WatchItem[]) => Promise<void> = async () => undefined,
): Promise<WatchItem[]> {
  const leave = new AbortController();
  const items: WatchItem[] = [];
  for await (const item of harness.client.watch({ ...query, signal: leave.signal })) {
    items.push(item);
    if (items.length === 1) await started(items);
    if (enough(items)) leave.abort();
  }
  return items;
}

const messages = (items: WatchItem[]) =>
  items.flatMap((item) => (item.kind === 'event' ? [item.event.message] : []));

it('watches from now on: the Apps as they are, then what happens to them', async (t) => {
  const harness = await startApi(t);
  await harness.client.apply(SHOP, { app: shopDocument() });
  await happen(harness.store, 'before');
  const items = await readWatch(
    harness,
    {},
    (seen) => messages(seen).includes('b'),
    () => happen(harness.store, 'a', 'b'),
  );
  assert.deepEqual(messages(items), ['a', 'b']);
  const [first] = items;
  assert.equal(first?.kind === 'app' && first.app.metadata.name, 'shop');
});

it('resumes after an event id without losing or repeating one', async (t) => {
  const harness = await startApi(t);
  await harness.client.apply(SHOP, { app: shopDocument() });
  await happen(harness.store, 'a', 'b', 'c');
  const all = await readWatch(harness, { after: 0 }, (seen) => messages(seen).includes('c'));
  assert.deepEqual(messages(all), ['a', 'b', 'c']);
  const second = all.flatMap((item) => (item.kind === 'event' ? [item.event.id] : []))[1];
  const rest = await readWatch(harness, { after: second ?? 0 }, (seen) => messages(seen).includes('c'));
  assert.deepEqual(messages(rest), ['c']);
});

it('follows the header of a browser that reconnects rather than its first URL', async (t) => {
  const { socketPath, client, store } = await startApi(t);
  await client.apply(SHOP, { app: shopDocument() });
  await happen(store, 'a', 'b');
  const last = String((await client.events(SHOP))[0]?.id);
  const { text } = await readSome(socketPath, '/v1/watch?after=0', { 'last-event-id': last }, /"b"/);
  assert.doesNotMatch(text, /"a"/);
});

it('watches one App or namespace alone', async (t) => {
  const harness = await startApi(t);
  const cart = { namespace: 'default', name: 'cart' };
  await harness.client.apply(SHOP, { app: shopDocument() });
  await harness.client.apply(cart, { app: shopDocument({}, 'cart') });
  await happen(harness.store, 'of shop');
  const apps = (items: WatchItem[]) =>
    items.map((item) => (item.kind === 'app' ? item.app.metadata.name : item.event.app));
  const one = await readWatch(harness, { after: 0, app: 'shop' }, (seen) => seen.length === 2);
  assert.deepEqual([...new Set(apps(one))], ['shop']);
  const both = await readWatch(harness, { after: 0, namespace: 'default' }, (seen) => seen.length === 3);
  assert.deepEqual([...new Set(apps(both))].sort(), ['cart', 'shop']);
});

it('sends an App again only when it looks different, and says when it is gone', async (t) => {
  const { socketPath, client, store } = await startApi(t);
  await client.apply(SHOP, { app: shopDocument() });
  const reading = readSome(
    socketPath,
    '/v1/watch',
    {},
    /event: gone\ndata: {"namespace":"default","app":"shop"}/,
  );
  await reading.started;
  await client.scale(SHOP, { replicas: 9 });
  await waitFor(() => reading.soFar().includes('"generation":2'), { what: 'the scaled App' });
  await store.removeApp(KEY, 0);
  const { text } = await reading;
  assert.equal(text.match(/event: app\n/g)?.length, 2);
});

it('ends watches when the listener closes', async (t) => {
  const { socketPath, listener } = await startApi(t);
  const reading = readSome(socketPath, '/v1/watch', {}, /never/);
  await reading.started;
  await listener.close();
  assert.equal((await reading).ended, true);
});

it('stops looking when the client goes', async (t) => {
  const { socketPath, client, engine } = await startApi(t);
  await client.apply(SHOP, { app: shopDocument() });
  await readSome(socketPath, '/v1/namespaces/default/apps/shop/logs?follow=true', {}, /^$/);
  await waitFor(() => engine.logQueries[0]?.signal?.aborted, { what: 'the logs to be left' });
});

it('leaves nothing behind when a client goes that never read on', async (t) => {
  const { socketPath, store, client } = await startApi(t);
  await client.apply(SHOP, { app: shopDocument() });
  await happen(store, ...Array.from({ length: 5_000 }, (_, index) => `${index} ${'x'.repeat(500)}`));
  let listeners = 0;
  const { onChange } = store;
  store.onChange = (listener) => {
    listeners += 1;
    const leave = onChange(listener);
    return () => {
      listeners -= 1;
      leave();
    };
  };
  const asking = request({ socketPath, path: '/v1/watch?after=0' }, (answer) => answer.pause());
  asking.on('error', () => undefined);
  asking.end();
  await waitFor(() => listeners === 1, { what: 'the watch to begin' });
  asking.destroy();
  await waitFor(() => listeners === 0, { what: 'the watch to be left' });
});

it('streams log lines as they come, filtered', async (t) => {
  const harness = await startApi(t);
  const { client, engine } = harness;
  await client.apply(SHOP, { app: shopDocument() });
  engine.lines.push({ replica: '1-1-1', at: 0, stream: 'stdout', text: 'first' });
  const leave = new AbortController();
  const texts: string[] = [];
  for await (const line of client.logs(SHOP, {
    follow: true,
    tail: 5,
    replica: '1-1-1',
    signal: leave.signal,
  })) {
    texts.push(`${line.at} ${line.stream} ${line.text}`);
    if (texts.length === 1) engine.lines.push({ replica: '1-1-1', at: 0, stream: 'stderr', text: 'second' });
    else leave.abort();
  }
  assert.deepEqual(texts, [
    '1970-01-01T00:00:00.000Z stdout first',
    '1970-01-01T00:00:00.000Z stderr second',
  ]);
  const { follow, tail, replica } = engine.logQueries.at(-1) ?? {};
  assert.deepEqual({ follow, tail, replica }, { follow: true, tail: 5, replica: '1-1-1' });
});

it('names a replica that there is not, and of which nothing is kept', async (t) => {
  const { client, call } = await startApi(t);
  await client.apply(SHOP, { app: shopDocument() });
  const answer = await call('GET', '/v1/namespaces/default/apps/shop/logs?replica=9-9-9');
  assert.equal(answer.status, 404);
  assert.match(answer.text, /"E_REPLICA_NOT_FOUND".*There is no replica 9-9-9 of default\/shop/);
});

it('reads the logs of a revision from all its pools, and refuses one that is not there', async (t) => {
  const { client, store, engine } = await startApi(t);
  await client.apply(SHOP, { app: shopDocument() });
  const stored = await store.load(KEY);
  assert.ok(stored);
  const { revision } = stored.object;
  const pool = (id: string, incarnation: number) => ({ id, revision: revision.id, incarnation });
  const pools = { '1-1': pool('1-1', 1), '1-2': pool('1-2', 2) };
  const next = { ...stored.state, version: 1, revisions: { [revision.id]: revision }, pools };
  await store.commit(KEY, 0, { next, events: [], actions: [] });
  engine.lines.push({ replica: 'r', at: 0, stream: 'stdout', text: 'x' });
  for (const wanted of ['1', revision.id]) {
    const lines = await Array.fromAsync(client.logs(SHOP, { revision: wanted }));
    assert.equal(lines.length, 2);
  }
  assert.deepEqual(engine.logQueries.map((query) => query.pool).sort(), ['1-1', '1-1', '1-2', '1-2']);
  await assert.rejects(Array.fromAsync(client.logs(SHOP, { revision: '7' })), {
    code: 'E_REVISION_NOT_FOUND',
  });
});

/** The text of a stream until it matches or ends. */
function readSome(socketPath: string, path: string, headers: Record<string, string>, until: RegExp) {
  const started = Promise.withResolvers<void>();
  let text = '';
  const done = new Promise<{ text: string; ended: boolean }>((resolve, reject) => {
    const asking = request({ socketPath, path, headers }, (answer) => {
      const finish = (ended: boolean) => {
        resolve({ text, ended });
        asking.destroy();
      };
      const look = () => {
        started.resolve();
        if (until.test(text)) finish(false);
      };
      answer.on('data', (chunk) => {
        text += chunk;
        look();
      });
      answer.on('end', () => finish(true));
      answer.on('error', () => finish(true));
      look();
    });
    asking.on('error', reject);
    asking.end();
  });
  return Object.assign(done, { started: started.promise, soFar: () => text });
}
