import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { GiveBackStep } from '../../../src/adoption/give-back.ts';
import type { AdoptionStep, AdoptionWish } from '../../../src/adoption/plan.ts';
import { createOwnership, type Ownership } from '../../../src/cluster/ownership/index.ts';
import { emptyState } from '../../../src/core/decide/state.ts';
import type { AppResource } from '../../../src/kubernetes/crossfade.ts';
import type { Ingress } from '../../../src/kubernetes/network.ts';
import { recordAnnotation, recordText } from '../../../src/kubernetes/routing/record.ts';
import type { Deployment, ReplicaSet } from '../../../src/kubernetes/workloads.ts';
import { deployment, replicaSet, service, TEMPLATE } from '../adoption/found.ts';
import { scriptedApi } from '../kubernetes/scripted-api.ts';
import { tableOf } from '../router-kubernetes/tables.ts';
import { FakeCluster } from './fake-cluster.ts';

const WISH = { namespace: 'team', deployment: 'shop', httpRoute: 'web' };
const PATHS = [
  { path: '/cart', pathType: 'Prefix', backend: { service: { name: 'cart', port: { number: 80 } } } },
  { path: '/', pathType: 'Prefix', backend: { service: { name: 'shop', port: { number: 80 } } } },
];
const BACKENDS = [{ name: 'shop', port: 80, weight: 1 }];

interface World {
  cluster: FakeCluster;
  /** So many writes are still taken; then everything is refused. */
  left: number;
  ownership: Ownership;
}

/** A Deployment with pods and a history, its Service and its HTTPRoute; after every write its pods are looked at. */
async function world(t: TestContext): Promise<World> {
  const cluster = new FakeCluster();
  cluster.add('deployments', deployment());
  const uid = cluster.get<Deployment>('deployments/shop').metadata.uid ?? '';
  const older = { ...TEMPLATE, metadata: { ...TEMPLATE.metadata, annotations: { note: 'old' } } };
  for (const set of [replicaSet('shop-old', 0, older), replicaSet('shop-new', 3)]) {
    const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop', uid, controller: true };
    cluster.add('replicasets', { ...set, metadata: { ...set.metadata, ownerReferences: [owner] } });
  }
  cluster.add('services', service());
  cluster.add('httproutes', { metadata: { name: 'web' }, spec: { rules: [{ backendRefs: BACKENDS }] } });
  cluster.add('ingresses', { metadata: { name: 'web' }, spec: { rules: [{ http: { paths: PATHS } }] } });
  cluster.begin();
  const pods = cluster.behind('shop');
  assert.equal(pods.length, 3);
  cluster.onWrite = () => {
    assert.deepEqual([cluster.made, cluster.removed], [[], []], 'no pod is made, and none is removed');
    assert.deepEqual(cluster.behind('shop'), pods, 'the Service leads to the same pods at every moment');
  };
  const answer = cluster.answer;
  const made: World = { cluster, left: Number.POSITIVE_INFINITY } as World;
  const { kube } = await scriptedApi(t, (asked, response) => {
    if (made.left <= 0) return void response.writeHead(403).end('{}');
    const isWrite = asked.method !== 'GET' && !asked.path.includes('selfsubjectreviews');
    if (isWrite) made.left -= 1;
    if (!asked.path.includes('selfsubjectreviews')) return answer(asked, response);
    response.writeHead(201, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ status: { userInfo: { username: 'ann' } } }));
  });
  return Object.assign(made, { ownership: createOwnership(kube) });
}

async function adopt(
  { ownership }: World,
  steps: AdoptionStep[] = [],
  wish: AdoptionWish = WISH,
): Promise<void> {
  await ownership.adopt(await ownership.planAdoption(wish), (step) => steps.push(step));
}

/** As the controller writes it down. */
function decided({ cluster }: World, stable: string): void {
  const app = cluster.get<AppResource>('apps/shop');
  app.status = { state: JSON.stringify({ ...emptyState(), generationSeen: 1, stable }) };
}

test('at no step of an adoption is a pod made or removed, and the Service leads to the same ones', async (t) => {
  const made = await world(t);
  const { cluster } = made;
  const steps: AdoptionStep[] = [];
  await adopt(made, steps);
  assert.equal(steps.length, 9);
  const pool = cluster.get<Deployment>('deployments/shop-1-1');
  assert.equal(
    cluster.get<ReplicaSet>('replicasets/shop-new').metadata.ownerReferences?.[0]?.uid,
    pool.metadata.uid,
  );
  assert.equal(pool.metadata.ownerReferences?.[0]?.kind, 'App');
  assert.equal(pool.metadata.annotations?.['crossfade.dev/keep'], undefined);
  assert.equal(cluster.get<Deployment>('deployments/shop').spec.paused, true);
  for (const { metadata } of cluster.all('pods')) {
    assert.equal(metadata.labels?.['crossfade.dev/pool'], '1-1');
    assert.equal(metadata.labels?.app, 'shop', 'no label is taken');
  }
  assert.deepEqual(cluster.get<{ spec: { selector: object } }>('services/shop').spec.selector, {
    'crossfade.dev/app': 'shop',
    'crossfade.dev/pool': '1-1',
    'crossfade.dev/in-route': 'true',
  });
  const app = cluster.get<AppResource>('apps/shop');
  assert.equal(app.metadata.annotations?.['crossfade.dev/actor'], 'ann');
});

test('what the Deployment says later starts nothing by itself, and neither does another number of replicas', async (t) => {
  const made = await world(t);
  await adopt(made);
  const found = made.cluster.get<Deployment>('deployments/shop');
  found.spec.template = { ...TEMPLATE, metadata: { labels: { app: 'shop', team: 'other' } } };
  found.spec.replicas = 7;
  made.cluster.settle();
  assert.deepEqual(made.cluster.made, []);
});

test('an adoption that ends at any of its writes is finished by the same command, and nothing is lost in between', async (t) => {
  for (let writes = 1; ; writes += 1) {
    const made = await world(t);
    const { cluster } = made;
    made.left = writes;
    const interrupted = await adopt(made).then(
      () => false,
      () => true,
    );
    made.left = Number.POSITIVE_INFINITY;
    if (interrupted) await adopt(made);
    assert.ok(cluster.objects.has('apps/shop'), `interrupted at write ${writes}`);
    assert.equal(cluster.get<Deployment>('deployments/shop-1-1').metadata.ownerReferences?.[0]?.kind, 'App');
    if (!interrupted) return;
  }
});

test('what was adopted is given back as it was, without a pod made or removed at any step', async (t) => {
  const made = await world(t);
  const { cluster, ownership } = made;
  const before = new Map([...cluster.objects].map(([key, object]) => [key, structuredClone(object)]));
  await adopt(made);
  decided(made, '1-1');
  const steps: GiveBackStep[] = [];
  await ownership.giveBack(await ownership.planGiveBack({ namespace: 'team', name: 'shop' }), (step) =>
    steps.push(step),
  );
  assert.deepEqual([...cluster.objects.keys()].sort(), [...before.keys()].sort());
  for (const [key, object] of cluster.objects) {
    const was = before.get(key);
    assert.deepEqual(object.metadata.labels ?? {}, was?.metadata.labels ?? {}, key);
    assert.deepEqual(object.metadata.annotations ?? {}, was?.metadata.annotations ?? {}, key);
    assert.deepEqual(object.metadata.ownerReferences?.[0]?.uid, was?.metadata.ownerReferences?.[0]?.uid, key);
  }
  assert.equal(cluster.get<Deployment>('deployments/shop').spec.paused, false);
  assert.deepEqual(cluster.get<{ spec: object }>('httproutes/web').spec, {
    rules: [{ backendRefs: BACKENDS }],
  });
  assert.deepEqual(cluster.behind('shop').length, 3);
});

test('an Ingress leads where it led before, the canary beside it is gone, and paths of others are as they were', async (t) => {
  const made = await world(t);
  const { cluster, ownership } = made;
  await adopt(made, [], { namespace: 'team', deployment: 'shop', ingress: 'web' });
  decided(made, '1-1');
  const table = tableOf({ '1-1': 10_000 }, { app: 'team/shop' });
  const found = cluster.get<Ingress>('ingresses/web');
  found.metadata.annotations = {
    ...found.metadata.annotations,
    [recordAnnotation('shop')]: recordText({ stateVersion: 3, table }),
  };
  const [, own] = found.spec.rules?.[0]?.http?.paths ?? [];
  if (own) own.backend = { service: { name: 'shop-1-1', port: { number: 80 } } };
  cluster.add('ingresses', {
    metadata: { name: 'shop-canary', labels: { 'crossfade.dev/app': 'shop' } },
    spec: {},
  });
  // Somebody else's, who calls it so.
  cluster.add('ingresses', { metadata: { name: 'shop-preview' }, spec: {} });
  await ownership.giveBack(
    await ownership.planGiveBack({ namespace: 'team', name: 'shop' }),
    () => undefined,
  );
  const { metadata, spec } = cluster.get<Ingress>('ingresses/web');
  assert.deepEqual(spec, { rules: [{ http: { paths: PATHS } }] });
  assert.deepEqual(metadata.annotations, {});
  assert.equal(cluster.objects.has('ingresses/shop-canary'), false);
  assert.equal(cluster.objects.has('ingresses/shop-preview'), true);
});

test('pods of a later revision are given back too: the Deployment takes their ReplicaSet for its own', async (t) => {
  const made = await world(t);
  const { cluster, ownership } = made;
  await adopt(made);
  released(made);
  const pods = cluster.behind('shop');
  cluster.begin();
  cluster.onWrite = () => {
    assert.deepEqual(cluster.made, [], 'no pod is made');
    assert.deepEqual(cluster.behind('shop'), pods);
  };
  await ownership.giveBack(
    await ownership.planGiveBack({ namespace: 'team', name: 'shop' }),
    () => undefined,
  );
  const owner = cluster.get<ReplicaSet>('replicasets/second').metadata.ownerReferences?.[0]?.uid;
  assert.equal(owner, cluster.get<Deployment>('deployments/shop').metadata.uid);
  assert.deepEqual(cluster.behind('shop'), pods);
  assert.equal(cluster.objects.has('deployments/shop-2-2'), false);
});

test('giving back that ends at any of its writes is finished by the same command, and no pod is made', async (t) => {
  for (let writes = 1; ; writes += 1) {
    const made = await world(t);
    const { cluster, ownership } = made;
    await adopt(made);
    released(made);
    cluster.begin();
    cluster.onWrite = () => assert.deepEqual(cluster.made, [], `interrupted at write ${writes}`);
    const app = { namespace: 'team', name: 'shop' };
    const giveBack = async () => ownership.giveBack(await ownership.planGiveBack(app), () => undefined);
    made.left = writes;
    const interrupted = await giveBack().then(
      () => false,
      () => true,
    );
    made.left = Number.POSITIVE_INFINITY;
    // The App is the last to go: while it is there, the command can be run again.
    if (cluster.objects.has('apps/shop')) await giveBack();
    assert.equal(cluster.objects.has('apps/shop'), false, `interrupted at write ${writes}`);
    assert.equal(cluster.behind('shop').length, 3);
    assert.equal(cluster.get<Deployment>('deployments/shop').spec.paused, false);
    if (!interrupted) return;
  }
});

/** As after a release: another pool is stable, and the adopted one has no pods any more. */
function released(made: World): void {
  const { cluster } = made;
  cluster.onWrite = () => undefined;
  cluster.get<Deployment>('deployments/shop-1-1').spec.replicas = 0;
  const ours = { 'crossfade.dev/app': 'shop', 'crossfade.dev/pool': '2-2' };
  const labels = { ...TEMPLATE.metadata.labels, ...ours, 'crossfade.dev/in-route': 'true' };
  const template = { metadata: { ...TEMPLATE.metadata, labels }, spec: TEMPLATE.spec };
  const selector = { matchLabels: ours };
  const spec = { replicas: 3, selector, template, paused: false };
  cluster.add('deployments', { metadata: { name: 'shop-2-2', labels: ours }, spec });
  const { uid } = cluster.get<Deployment>('deployments/shop-2-2').metadata;
  const hashed = { ...labels, 'pod-template-hash': 'second' };
  cluster.add('replicasets', {
    metadata: {
      name: 'second',
      labels: hashed,
      ownerReferences: [{ kind: 'Deployment', name: 'shop-2-2', uid, controller: true }],
    },
    spec: {
      replicas: 3,
      selector: { matchLabels: { ...ours, 'pod-template-hash': 'second' } },
      template: { ...template, metadata: { ...template.metadata, labels: hashed } },
    },
  });
  const selected = cluster.get<{ spec: { selector: Record<string, string> } }>('services/shop').spec.selector;
  selected['crossfade.dev/pool'] = '2-2';
  decided(made, '2-2');
  cluster.settle();
}
