import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Leaving } from '../../../src/kubernetes/routing/leaving.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type Answer, scriptedApi } from '../kubernetes/scripted-api.ts';

const APP = 'team/shop';

interface PodChanges {
  annotations?: Record<string, string>;
  spec?: object;
  status?: object;
}

function pod(
  name: string,
  { annotations = { 'crossfade.dev/left': '7' }, spec = {}, status = {} }: PodChanges,
) {
  const labels = { 'crossfade.dev/app': 'shop', 'crossfade.dev/in-route': 'false' };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'team', uid: `u-${name}`, resourceVersion: '5', labels, annotations },
    spec: { containers: [{ name: 'app' }], ...spec },
    status,
  };
}

/** A watcher as kubelet tells of it. */
function watched(state: object): PodChanges {
  return {
    spec: { ephemeralContainers: [{ name: 'crossfade-drain-7' }] },
    status: { ephemeralContainerStatuses: [{ name: 'crossfade-drain-7', state }] },
  };
}

/** These pods are out of the route; a watcher's last line is `says`. */
function answers(pods: object[], says = '3', refuses = false): Answer {
  return ({ method, path, query }, response) => {
    const json = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (path.endsWith('/log')) return void response.end(`${says}\n`);
    if (method === 'PATCH') {
      const denied = { kind: 'Status', message: 'no', reason: 'Forbidden', code: 403 };
      return refuses ? json(403, denied) : json(200, pods[0] ?? {});
    }
    if (query.get('watch') !== null) return void response.writeHead(200).write('\n');
    if (path.endsWith('/pods')) return json(200, { items: pods, metadata: { resourceVersion: '9' } });
    return json(200, pods[0] ?? {});
  };
}

async function leaving(t: Parameters<typeof scriptedApi>[0], answer: Answer, image = 'crossfade:1') {
  const { kube, asked } = await scriptedApi(t, answer);
  const clock = { now: 1000 };
  const made = new Leaving({ kube, namespace: 'team', now: () => clock.now, watcherImage: image });
  t.after(() => made.close());
  return { made, asked, clock };
}

test('a pod that is looked into is in flight with what its watcher says, and until it ends well', async (t) => {
  const pods = [
    pod('served', watched({ running: {} })),
    pod('begun', watched({ waiting: { reason: 'ContainerCreating' } })),
    pod('quiet', watched({ terminated: { exitCode: 0 } })),
  ];
  const { made } = await leaving(t, answers(pods, '3'));
  assert.deepEqual(await made.inFlight(APP, true), { served: 3, begun: 1 });
  assert.equal(made.unseen(APP), 'yet');
});

test('a pod that has just left is known before the watch tells of it', async (t) => {
  const { made } = await leaving(t, answers([]));
  assert.deepEqual(await made.inFlight(APP, true), {});
  const left = pod('left', {});
  made.saw([{ ...left, metadata: { ...left.metadata, resourceVersion: '12' } }]);
  assert.deepEqual(await made.inFlight(APP, true), { left: 1 });
});

test('a watcher of an earlier leaving says nothing about this one', async (t) => {
  const before = { ...watched({ terminated: { exitCode: 0 } }), annotations: { 'crossfade.dev/left': '9' } };
  const { made } = await leaving(t, answers([pod('back', before)]));
  assert.deepEqual(await made.inFlight(APP, true), { back: 1 });
  assert.equal(made.unseen(APP), 'never');
});

test('a pod that nobody can look into has the time that it is given to drain', async (t) => {
  for (const state of [{ waiting: { reason: 'ErrImagePull' } }, { terminated: { exitCode: 3 } }]) {
    const { made, clock } = await leaving(t, answers([pod('old', watched(state))]));
    assert.deepEqual(await made.inFlight(APP, true), { old: 1 });
    assert.equal(made.unseen(APP), 'never');
    made.drain(APP, 'old', 5000);
    assert.deepEqual(await made.inFlight(APP, true), { old: 1 });
    clock.now = 5000;
    assert.deepEqual(await made.inFlight(APP, true), {});
  }
});

test('behind what reads requests only a pod without a pause before TERM is given that time', async (t) => {
  const pauses = { containers: [{ name: 'app', lifecycle: { preStop: { sleep: { seconds: 3 } } } }] };
  const { made, clock } = await leaving(t, answers([pod('ours', { spec: pauses }), pod('adopted', {})]));
  assert.deepEqual(await made.inFlight(APP, false), { adopted: 1 });
  made.drain(APP, 'adopted', 2000);
  clock.now = 2000;
  assert.deepEqual(await made.inFlight(APP, false), {});
});

test('a watcher is put beside a pod once, without privileges; a refusal is no failure of the release', async (t) => {
  const { made, asked } = await leaving(t, answers([pod('old', {})]));
  await made.watch(APP, 'old', 7, 8080);
  const patch = asked.find(({ method }) => method === 'PATCH');
  assert.ok(patch);
  assert.equal(patch.path, '/api/v1/namespaces/team/pods/old/ephemeralcontainers');
  const [container] = (patch.body as { spec: { ephemeralContainers: Record<string, unknown>[] } }).spec
    .ephemeralContainers;
  assert.deepEqual([container?.name, container?.image], ['crossfade-drain-7', 'crossfade:1']);
  const again = await leaving(t, answers([pod('old', watched({ running: {} }))]));
  await again.made.watch(APP, 'old', 7, 8080);
  assert.ok(!again.asked.some(({ method }) => method === 'PATCH'));

  const refused = await leaving(t, answers([pod('old', watched({ running: {} }))], '1', true));
  await refused.made.watch(APP, 'old', 8, 8080);
  await waitFor(async () => refused.made.unseen(APP) === 'never', {
    what: 'it to count as unseen',
    timeoutMs: 30_000,
  });
});
