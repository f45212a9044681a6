import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testImages } from '../../scripts/cluster/images/test-images.ts';
import { type OwnTestCluster, ownCluster } from '../support/cluster.ts';
import { waitFor } from '../support/wait-for.ts';
import { ask } from './support/ask.ts';
import { type RoutedOptions, routed, type Site, site } from './support/controller.ts';
import { hostOf, ROUTER } from './support/settle.ts';
import { startUsers, type Users } from './support/users.ts';

const CANARY = { canary: { steps: [{ setWeight: 40 }, { pause: {} }] } };
const SOON = { timeoutMs: 180_000, intervalMs: 250 };

function app(cluster: OwnTestCluster, version: string, more: Partial<RoutedOptions> = {}): object {
  return routed(cluster, { version, router: 'gatewayApi', strategy: CANARY, ...more });
}

/** In the middle of a release from v1 to v2, with users on both. */
async function halfway(
  t: TestContext,
  cluster: OwnTestCluster,
  more: Partial<RoutedOptions> = {},
): Promise<{ place: Site; users: Users }> {
  const place = await site(t, cluster);
  await place.startController();
  await place.apply(app(cluster, 'v1', more), '--wait');
  const users = await startUsers(t, cluster, 'gatewayApi');
  await place.apply(app(cluster, 'v2', more));
  await place.until('status.phase', 'Paused');
  return { place, users };
}

/** It goes on to its end, and nobody has lost anything. */
async function promoted({ place, users }: { place: Site; users: Users }): Promise<void> {
  await users.more(200);
  await place.crossfade(['rollout', 'promote', 'shop', '--wait']);
  await place.until('status.stable', '#2');
  await users.more(200);
  await users.stop();
}

interface Pods {
  items: {
    metadata: { name: string; labels: Record<string, string> };
    spec: { nodeName: string; containers: { image: string }[] };
    status: { conditions?: { type: string; status: string }[] };
  }[];
}

async function podsOf(cluster: OwnTestCluster): Promise<Pods['items']> {
  const text = await cluster.kubectl(['get', 'pods', '-l', 'crossfade.dev/app=shop', '-o', 'json']);
  return (JSON.parse(text) as Pods).items;
}

const isReady = ({ status }: Pods['items'][number]) =>
  status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false;

test('pods that are deleted by hand in the middle of a release come back, and nothing is lost', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const at = await halfway(t, cluster);
  const before = await podsOf(cluster);
  const pools = new Set(before.map(({ metadata }) => metadata.labels['crossfade.dev/pool']));
  assert.equal(pools.size, 2, 'both versions run');
  // One of each: what is left of a pool answers meanwhile.
  for (const pool of pools) {
    const [first] = before.filter(({ metadata }) => metadata.labels['crossfade.dev/pool'] === pool);
    await cluster.kubectl(['delete', 'pod', first?.metadata.name ?? '', '--wait=false']);
  }
  await waitFor(
    async () => {
      const now = await podsOf(cluster);
      return now.length === before.length && now.every(isReady);
    },
    { ...SOON, what: 'as many pods as before, all ready' },
  );
  await promoted(at);
});

test('a node that is drained in the middle of a release gives its pods up one by one, and nothing is lost', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const [, second] = await cluster.cluster.nodes();
  const node = second ?? (await cluster.cluster.addNode());
  await cluster.cluster.importImages(await testImages());
  await cluster.kubectl(['uncordon', node.name]);
  // It stays, and takes no pods of other tests.
  t.after(() => cluster.kubectl(['cordon', node.name]));
  const spread = { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway' };
  const kubernetes = { podDisruptionBudget: { maxUnavailable: 1 }, topologySpreadConstraints: [spread] };
  const at = await halfway(t, cluster, { kubernetes, replicas: 4 });
  const there = async () => (await podsOf(cluster)).filter(({ spec }) => spec.nodeName === node.name).length;
  assert.ok((await there()) >= 2, 'some of the pods are on the node');
  await cluster.kubectl(['drain', node.name, '--timeout=150s']);
  assert.equal(await there(), 0);
  await promoted(at);
});

const KUBELET_AWAY_MS = 15_000;

test('a kubelet that is away in the middle of a release delays it, and nothing is lost', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const at = await halfway(t, cluster);
  await cluster.cluster.stop('kubelet', 'SIGKILL');
  try {
    // Pods of it are asked for, and nobody starts them.
    await at.place.crossfade(['rollout', 'promote', 'shop']);
    await sleep(KUBELET_AWAY_MS);
    await at.users.more(200);
    assert.equal(await at.place.field('shop', 'status.stable'), '#1');
  } finally {
    await cluster.cluster.start('kubelet');
  }
  await at.place.until('status.stable', '#2');
  await at.users.more(200);
  await at.users.stop();
});

test('a release that is aborted at each of its stages goes back in one step, and nothing is lost', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const steps = [20, 50, 80].flatMap((setWeight) => [{ setWeight }, { pause: {} }]);
  const strategy = { canary: { steps } };
  const { place, users } = await halfway(t, cluster, { strategy });
  for (const promotions of [0, 1, 2]) {
    if (promotions > 0) {
      await place.crossfade(['rollout', 'retry', 'shop']);
      await place.until('status.candidate', '#2');
      await place.until('status.phase', 'Paused');
    }
    for (let done = 0; done < promotions; done += 1) {
      await place.crossfade(['rollout', 'promote', 'shop']);
      await place.until('status.asked', `${[20, 50, 80][done + 1]}%`);
      await place.until('status.phase', 'Paused');
    }
    await users.more(100);
    await place.crossfade(['rollout', 'abort', 'shop']);
    await place.until('status.candidate', '');
    const { v2 = 0 } = users.answers();
    await users.more(100);
    assert.equal(users.answers().v2, v2, `aborted after ${promotions} promotions, nobody is on it`);
  }
  assert.equal(await place.field('shop', 'status.stable'), '#1');
  await users.stop();
});

test('kinds that are upgraded in the middle of a release keep what is stored, and the release goes on', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  // As a version before this one had it: without a field that this one has. What it does not know it does not store.
  const kind = 'crd/apps.crossfade.dev';
  const schema = '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties';
  const older = JSON.stringify([{ op: 'remove', path: `${schema}/progressDeadlineSeconds` }]);
  const isKnown = async () => {
    const field = schema.slice(1).replaceAll('/', '.').replace('versions.0', 'versions[0]');
    return (
      (await cluster.kubectl(['get', kind, '-o', `jsonpath={.${field}.progressDeadlineSeconds.type}`])) !== ''
    );
  };
  const place = await site(t, cluster);
  await cluster.kubectl(['patch', kind, '--type=json', '-p', older]);
  assert.equal(await isKnown(), false);
  await place.startController();
  await cluster.apply(app(cluster, 'v1'));
  await place.until('status.stable', '#1');
  const users = await startUsers(t, cluster, 'gatewayApi');
  await cluster.apply(app(cluster, 'v2'));
  await place.until('status.phase', 'Paused');
  const ahead = await place.attempt(['apply', '-f', '-'], { input: JSON.stringify(app(cluster, 'v3')) });
  assert.equal(ahead.code, 1, ahead.stdout);
  assert.match(ahead.stderr, /progressDeadlineSeconds: .*\n.*`crossfade install --crds-only` upgrades/);
  const stored = () =>
    cluster.kubectl(['get', 'xf/shop', '-o', 'jsonpath={.spec}{.status.object}{.status.state}']);
  await users.more(100);
  const before = await stored();
  await place.crossfade(['install', '--crds-only']);
  // Of the whole cluster: other tests have their own, or none.
  const policy = 'appcommand-actor.crossfade.dev';
  for (const one of ['validatingadmissionpolicybinding', 'validatingadmissionpolicy'])
    t.after(() => cluster.kubectl(['delete', one, policy, '--ignore-not-found']));
  assert.equal(await isKnown(), true);
  await users.more(100);
  assert.equal(await stored(), before);
  assert.equal(await place.field('shop', 'status.phase'), 'Paused');
  await promoted({ place, users });
});

test('a third version in the middle of a release takes its place, and nothing is lost', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const { place, users } = await halfway(t, cluster);
  await users.more(200);
  await place.apply(app(cluster, 'v3'));
  await place.until('status.candidate', '#3');
  await place.until('status.phase', 'Paused');
  await place.crossfade(['rollout', 'promote', 'shop', '--wait']);
  await place.until('status.stable', '#3');
  const before = users.answers();
  await users.more(200);
  const answers = await users.stop();
  assert.equal(answers.v2, before.v2, 'the version that was replaced answers nobody any more');
  assert.ok((answers.v3 ?? 0) >= 400, JSON.stringify(answers));
});

test('an App that is deleted in the middle of a release leaves nothing behind', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const { place, users } = await halfway(t, cluster);
  await users.more(200);
  await users.stop();
  await place.crossfade(['delete', 'app', 'shop', '--wait']);
  await nothingIsLeft(cluster);
});

async function nothingIsLeft(cluster: OwnTestCluster): Promise<void> {
  const kinds = 'apps.crossfade.dev,deployments,pods,services,httproutes,endpointslices,configmaps,pdb';
  const left = () => cluster.kubectl(['get', kinds, '-l', 'crossfade.dev/app=shop', '-o', 'name']);
  await waitFor(async () => (await left()) === '', { ...SOON, what: 'everything of the App to be gone' });
}

test('an App that is made anew at once never leads to pods of the one before it', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const place = await site(t, cluster);
  await place.startController();
  await place.apply(app(cluster, 'v1'), '--wait');
  // Nothing waits for what it leaves behind.
  await cluster.kubectl(['delete', 'xf/shop']);
  await place.apply(app(cluster, 'v2'), '--wait');
  const users = await startUsers(t, cluster, 'gatewayApi');
  const images = async () => [
    ...new Set((await podsOf(cluster)).flatMap(({ spec }) => spec.containers.map(({ image }) => image))),
  ];
  await waitFor(async () => (await images()).length === 1, { ...SOON, what: 'the old pods to be gone' });
  await users.more(400);
  const answers = await users.stop();
  assert.deepEqual(Object.keys(answers), ['v2']);
  // Later, when nothing of it is left: the controller remembers none of what went with it.
  await cluster.kubectl(['delete', 'xf/shop']);
  await nothingIsLeft(cluster);
  await place.apply(app(cluster, 'v3'), '--wait');
  await waitFor(async () => (await ask(ROUTER, { headers: hostOf(cluster) })).body === 'v3', {
    ...SOON,
    what: 'the route to be followed again',
  });
});
