import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { testImages } from '../../scripts/cluster/images/test-images.ts';
import { type OwnTestCluster, ownCluster } from '../support/cluster.ts';
import { waitFor } from '../support/wait-for.ts';
import { type RoutedOptions, routed, type Site, site } from './support/controller.ts';
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
    spec: { nodeName: string };
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
  const kinds = 'apps.crossfade.dev,deployments,pods,services,httproutes,endpointslices,configmaps,pdb';
  const left = () => cluster.kubectl(['get', kinds, '-l', 'crossfade.dev/app=shop', '-o', 'name']);
  await waitFor(async () => (await left()) === '', { ...SOON, what: 'everything of the App to be gone' });
});
