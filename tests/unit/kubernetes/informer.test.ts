import assert from 'node:assert/strict';
import type http from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { createInformer, type Informer } from '../../../src/kubernetes/informer.ts';
import type { KubeObject, Resource } from '../../../src/kubernetes/types.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type Asked, scriptedApi, send, tell } from './scripted-api.ts';

const PODS: Resource<KubeObject> = { apiVersion: 'v1', kind: 'Pod', plural: 'pods', namespaced: true };
type Kept = { name: string; app: string; version: string };

const pod = (name: string, version: number, app = 'shop'): KubeObject => ({
  metadata: { namespace: 'n', name, resourceVersion: String(version), labels: { app } },
});

interface Watching {
  informer: Informer<KubeObject, Kept>;
  /** Lists that were asked for. */
  lists: Asked[];
  /** The watches that were opened, in order. */
  watches: { asked: Asked; response: http.ServerResponse }[];
  names(app?: string): string[];
}

/** @param lists what each list in turn answers */
async function watching(
  t: TestContext,
  ...lists: { version: number; items: KubeObject[] }[]
): Promise<Watching> {
  const seen: Watching['lists'] = [];
  const watches: Watching['watches'] = [];
  const { kube } = await scriptedApi(t, (asked, response) => {
    if (asked.query.get('watch') === 'true') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
      watches.push({ asked, response });
      return;
    }
    const list = lists[Math.min(seen.length, lists.length - 1)];
    seen.push(asked);
    send(response, 200, { metadata: { resourceVersion: String(list?.version) }, items: list?.items });
  });
  const informer = createInformer(kube, PODS, {
    keep: ({ metadata }): Kept | undefined =>
      metadata.labels?.app === undefined
        ? undefined
        : { name: metadata.name ?? '', app: metadata.labels.app, version: metadata.resourceVersion ?? '' },
    groups: ({ app }) => [app],
  });
  t.after(() => informer.close());
  await informer.synced;
  const names = (app = 'shop') =>
    informer
      .group(app)
      .map(({ name }) => name)
      .sort();
  return { informer, lists: seen, watches, names };
}

async function watchOf({ watches }: Watching, index: number) {
  return await waitFor(() => watches[index], { what: `watch ${index + 1}` });
}

describe('an informer', () => {
  it('knows what was there, and follows what happens from then on', async (t) => {
    const world = await watching(t, { version: 5, items: [pod('a', 3), pod('b', 4, 'other')] });
    assert.deepEqual([world.names(), world.names('other')], [['a'], ['b']]);
    const { asked, response } = await watchOf(world, 0);
    assert.equal(asked.query.get('resourceVersion'), '5');
    tell(response, 'ADDED', pod('c', 6));
    tell(response, 'MODIFIED', pod('b', 7, 'shop'));
    tell(response, 'DELETED', pod('a', 8));
    await waitFor(() => world.names().join() === 'b,c', { what: 'the changes' });
    assert.deepEqual(world.names('other'), []);
  });

  it('keeps no more of an object than it was told to, and nothing of others', async (t) => {
    const stranger = { metadata: { namespace: 'n', name: 'x', resourceVersion: '4' } };
    const { informer } = await watching(t, { version: 5, items: [pod('a', 3), stranger] });
    assert.deepEqual([...informer.all()], [{ name: 'a', app: 'shop', version: '3' }]);
    assert.equal(informer.get('n/x'), undefined);
  });

  it('goes on from the last bookmark when a watch ends, without reading all anew', async (t) => {
    const world = await watching(t, { version: 5, items: [] });
    const first = await watchOf(world, 0);
    tell(first.response, 'BOOKMARK', { metadata: { resourceVersion: '90' } });
    first.response.end();
    const second = await watchOf(world, 1);
    assert.equal(second.asked.query.get('resourceVersion'), '90');
    assert.equal(world.lists.length, 1);
  });

  it('reads all anew after 410, and tells of what went meanwhile', async (t) => {
    const world = await watching(
      t,
      { version: 5, items: [pod('a', 3), pod('b', 4)] },
      { version: 100, items: [pod('b', 99)] },
    );
    const gone: string[] = [];
    world.informer.onChange(({ now, before }) => now ?? gone.push(before?.name ?? ''));
    const { response } = await watchOf(world, 0);
    tell(response, 'ERROR', { code: 410, reason: 'Expired', message: 'too old resource version' });
    const second = await watchOf(world, 1);
    assert.equal(second.asked.query.get('resourceVersion'), '100');
    assert.deepEqual(world.names(), ['b']);
    assert.deepEqual(gone, ['a']);
  });

  it('comes back after the server broke off in mid-line', async (t) => {
    const world = await watching(t, { version: 5, items: [pod('a', 3)] });
    const { response } = await watchOf(world, 0);
    response.write('{"type":"ADDED","obj');
    response.destroy();
    const second = await watchOf(world, 1);
    tell(second.response, 'ADDED', pod('b', 6));
    await waitFor(() => world.names().join() === 'a,b', { what: 'the next event' });
  });

  it('sees its own writes at once, and is not thrown back by older news', async (t) => {
    const world = await watching(t, { version: 5, items: [pod('a', 3)] });
    const { response } = await watchOf(world, 0);
    world.informer.saw(pod('a', 9, 'moved'));
    assert.deepEqual([world.names(), world.names('moved')], [[], ['a']]);
    tell(response, 'MODIFIED', pod('a', 8));
    tell(response, 'ADDED', pod('b', 10));
    await waitFor(() => world.names().includes('b'), { what: 'the later event' });
    assert.deepEqual([world.names(), world.names('moved')], [['b'], ['a']]);
  });

  it('does not bring back what was deleted after the write', async (t) => {
    const world = await watching(t, { version: 5, items: [pod('a', 3)] });
    const { response } = await watchOf(world, 0);
    tell(response, 'DELETED', pod('a', 20));
    await waitFor(() => world.names().length === 0, { what: 'the deletion' });
    world.informer.saw(pod('a', 9));
    assert.deepEqual(world.names(), []);
  });
});
