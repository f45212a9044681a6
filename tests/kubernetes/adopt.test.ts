import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type OwnTestCluster, ownCluster } from '../support/cluster.ts';
import { isFullTest } from '../support/full.ts';
import { waitFor } from '../support/wait-for.ts';
import { failedOf, startClients } from './support/clients.ts';
import { routed, type Site, site } from './support/controller.ts';
import { deployment, httpRoute, ingress, service } from './support/objects.ts';
import { answers, hostOf, ROUTER, serviceUrl, settled } from './support/settle.ts';

/** Whoever is put beside old pods has to have node in its PATH; this one has. */
process.env.CROSSFADE_IMAGE = 'localhost/service:v1';

const REPLICAS = 3;
const SOON = { timeoutMs: 180_000, intervalMs: 200 };

interface Pods {
  items: {
    metadata: { name: string; uid: string; deletionTimestamp?: string; labels: Record<string, string> };
    status: { containerStatuses?: { restartCount: number }[] };
  }[];
}

/** Name, uid and restarts of every pod that serves as `app=shop`. */
async function podsOf(cluster: OwnTestCluster): Promise<string[]> {
  const { items } = JSON.parse(
    await cluster.kubectl(['get', 'pods', '-l', 'app=shop', '-o', 'json']),
  ) as Pods;
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(
      ({ metadata, status }) =>
        `${metadata.name} ${metadata.uid} ${status.containerStatuses?.[0]?.restartCount}`,
    )
    .sort();
}

/** A Deployment with a history, its Service and its way in, as people have them. */
async function existing(cluster: OwnTestCluster, way: 'httproute' | 'ingress' = 'httproute'): Promise<void> {
  const { host } = hostOf(cluster);
  const wayIn = way === 'ingress' ? ingress('shop', host, 'shop') : httpRoute('shop', host, { shop: 1 });
  await cluster.apply(
    deployment({ name: 'shop', image: 'localhost/service:v3', replicas: REPLICAS }),
    service('shop'),
    wayIn,
  );
  await settled(cluster, 'shop', REPLICAS);
  // An old ReplicaSet without pods: what a Deployment would start again when it loses the present one.
  await cluster.kubectl(['set', 'image', 'deployment/shop', 'app=localhost/service:v1']);
  await settled(cluster, 'shop', REPLICAS);
  await answers(ROUTER, 'v1', { headers: { host } });
}

const VIAS = [
  { via: 'its HTTPRoute', flags: ['--httproute', 'shop'], strategy: 'canary' },
  { via: 'its Ingress', flags: ['--ingress', 'shop'], strategy: 'canary' },
  { via: 'its Service alone', flags: [], strategy: 'blueGreen' },
];

/** Somebody else's rule comes before the App's, which had the first position until then. */
const RULE_BEFORE = JSON.stringify([
  {
    op: 'add',
    path: '/spec/rules/0',
    value: {
      matches: [{ path: { type: 'PathPrefix', value: '/elsewhere' } }],
      backendRefs: [{ name: 'elsewhere', port: 80 }],
    },
  },
]);

/** The others take the same way through other objects; one of them is enough where time is short. */
for (const { via, flags, strategy } of isFullTest() ? VIAS : VIAS.slice(0, 1)) {
  test(`a Deployment is adopted behind ${via}, released by ${strategy}, and given back: no pod is restarted, nothing is lost`, async (t) => {
    const cluster = await ownCluster(t);
    if (cluster === undefined) return;
    const at = await site(t, cluster);
    await at.startController();
    await existing(cluster, flags[0] === '--ingress' ? 'ingress' : 'httproute');
    const wayIn = flags[0] === '--ingress' ? 'ingress/shop' : 'httproute/shop';
    const isShared = flags[0] === '--httproute';
    const ledTo = await field(cluster, wayIn, '{.spec.rules}');
    const headers = hostOf(cluster);
    const routed = flags.length > 0;
    const inside = await serviceUrl(cluster, 'shop');
    const users = [
      startClients({ url: routed ? ROUTER : inside, headers, connections: 'fresh', clients: 3 }),
      startClients({ url: ROUTER, headers, connections: 'kept', clients: 3 }),
      startClients({ url: inside, connections: 'fresh', clients: 2 }),
    ];
    t.after(() => Promise.all(users.map((one) => one.stop())));
    const more = (requests: number) => Promise.all(users.map((one) => one.more(requests)));
    await more(100);

    const before = await podsOf(cluster);
    const plan = await at.crossfade([
      'adopt',
      'deployment/shop',
      ...flags,
      '--strategy',
      strategy,
      '--dry-run',
    ]);
    assert.match(plan.stdout, /app\/shop would adopt deployment\/shop/);
    assert.deepEqual(await podsOf(cluster), before);
    const adopted = await at.crossfade(['adopt', 'deployment/shop', ...flags, '--strategy', strategy]);
    assert.match(adopted.stdout, /app\/shop has adopted deployment\/shop: 3 pods, none restarted/);
    await at.until('status.phase', 'Healthy');
    assert.equal(await at.field('shop', 'status.stable'), '#1');
    assert.deepEqual(await podsOf(cluster), before);
    await more(200);
    assert.deepEqual(await podsOf(cluster), before);
    // Nobody sees what is in flight to pods that came without a pause: they have all of this time.
    await cluster.kubectl(['patch', 'xf/shop', '--type=merge', '-p', '{"spec":{"drain":{"timeout":"5s"}}}']);

    // As CI does it: no kind of ours is known to it.
    await cluster.kubectl(['set', 'image', 'deployment/shop', 'app=localhost/service:v2']);
    if (strategy === 'canary') {
      await at.until('status.asked', '10%');
      await at.until('status.phase', 'Paused');
      await more(200);
      if (isShared) {
        await cluster.apply(service('elsewhere', { app: 'shop' }));
        await cluster.kubectl(['patch', wayIn, '--type=json', '-p', RULE_BEFORE]);
      }
      await at.crossfade(['rollout', 'promote', 'shop']);
    }
    await at.until('status.stable', '#2');
    await at.until('status.phase', 'Healthy');
    await answers(routed ? ROUTER : inside, 'v2', { headers });
    await more(200);
    await answers(inside, 'v2');

    const running = await servingPods(cluster, at);
    const back = await at.crossfade(['release-ownership', 'shop']);
    assert.match(back.stdout, /app\/shop has given back deployment\/shop/);
    await more(200);
    await gone(cluster);
    const after = await podsOf(cluster);
    assert.deepEqual(after, running, 'the pods are those that were stable');
    assert.equal(await field(cluster, 'deployment/shop', '{.spec.paused}{.status.readyReplicas}'), '3');
    assert.equal(await field(cluster, 'service/shop', '{.spec.selector}'), '{"app":"shop"}');
    const owner = await field(
      cluster,
      'replicasets',
      '{range .items[?(@.spec.replicas>0)]}{.metadata.ownerReferences[0].name}{end}',
    );
    assert.equal(owner, 'shop');
    const leadsTo = JSON.parse(await field(cluster, wayIn, '{.spec.rules}')) as object[];
    const foreign = isShared ? leadsTo.shift() : undefined;
    assert.equal(JSON.stringify(leadsTo), ledTo);
    if (foreign) assert.match(JSON.stringify(foreign), /"name":"elsewhere","port":80,/);
    assert.doesNotMatch(await field(cluster, wayIn, '{.metadata.annotations}'), /crossfade/);
    assert.equal(await cluster.kubectl(['get', 'ingresses', '-l', 'crossfade.dev/app', '-o', 'name']), '');

    // It is an ordinary Deployment again.
    await cluster.kubectl(['scale', 'deployment/shop', '--replicas=2']);
    await waitFor(async () => (await podsOf(cluster)).length === 2, { ...SOON, what: 'two pods' });
    for (const one of users) {
      const tally = await one.stop();
      assert.equal(failedOf(tally), 0, JSON.stringify(tally));
      t.diagnostic(`${tally.requests} requests, 0 failed, ${JSON.stringify(tally.answers)}`);
    }
  });
}

test('what was adopted is given back as it came, without a label of ours, when no release was made', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const at = await site(t, cluster);
  await at.startController();
  await existing(cluster);
  const before = await podsOf(cluster);
  await at.crossfade(['adopt', 'deployment/shop']);
  await at.until('status.phase', 'Healthy');
  await cluster.kubectl(['scale', 'deployment/shop', '--replicas=4']);
  await waitFor(async () => (await podsOf(cluster)).length === 4, { ...SOON, what: 'the App to be scaled' });
  await at.until('status.ready', '4/4');
  await at.crossfade(['release-ownership', 'shop']);
  await gone(cluster);
  const after = await podsOf(cluster);
  assert.ok(
    before.every((pod) => after.includes(pod)),
    `${before} are in ${after}`,
  );
  const text = await cluster.kubectl(['get', 'deployments,replicasets,pods,services', '-o', 'json']);
  const { items } = JSON.parse(text) as {
    items: { kind: string; metadata: { name: string; labels?: object; annotations?: object } }[];
  };
  for (const { kind, metadata } of items)
    assert.ok(
      !JSON.stringify([metadata.labels, metadata.annotations]).includes('crossfade.dev'),
      `${kind} ${metadata.name}`,
    );
  assert.equal(items.filter(({ kind }) => kind === 'ReplicaSet').length, 2, 'its history is there again');
  await cluster.kubectl(['rollout', 'undo', 'deployment/shop']);
  await cluster.kubectl(['rollout', 'status', 'deployment/shop', '--timeout=120s']);
});

for (const { via, flags, strategy } of isFullTest() ? VIAS : []) {
  test(`when an App that adopted a Deployment behind ${via} is deleted, what led to it leads where it led before`, async (t) => {
    const cluster = await ownCluster(t);
    if (cluster === undefined) return;
    const at = await site(t, cluster);
    const controller = await at.startController();
    const isIngress = flags[0] === '--ingress';
    await existing(cluster, isIngress ? 'ingress' : 'httproute');
    const wayIn = isIngress ? 'ingress/shop' : 'httproute/shop';
    const before = await ledBy(cluster, wayIn);
    await at.crossfade(['adopt', 'deployment/shop', ...flags, '--strategy', strategy]);
    await at.until('status.phase', 'Healthy');
    await cluster.kubectl(['set', 'image', 'deployment/shop', 'app=localhost/service:v2']);
    if (strategy === 'canary') await at.until('status.asked', '10%');
    else await at.until('status.stable', '#2');
    assert.notDeepEqual(await ledBy(cluster, wayIn), before);
    // Also when nobody was there to see it go.
    if (isIngress) await controller.kill('SIGKILL');
    await cluster.kubectl(['delete', 'xf/shop', '--timeout=60s']);
    if (isIngress) await at.startController();
    await givenBack(cluster, wayIn, before);
  });
}

test('an App that names a rule and a Service of others, without having adopted anything, leaves them as they were', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const at = await site(t, cluster);
  await at.startController();
  const { host } = hostOf(cluster);
  await cluster.apply(service('shop', { app: 'elsewhere' }), httpRoute('shop', host, { elsewhere: 7 }));
  const before = await ledBy(cluster, 'httproute/shop');
  const kubernetes = { parentRefs: undefined, httpRoute: { name: 'shop' }, service: 'shop' };
  const strategy = { blueGreen: {} };
  await at.apply(routed(cluster, { version: 'v1', router: 'gatewayApi', strategy, kubernetes }), '--wait');
  await answers(ROUTER, 'v1', { headers: { host } });
  await answers(await serviceUrl(cluster, 'shop'), 'v1');
  await at.crossfade(['delete', 'app', 'shop', '--wait']);
  await givenBack(cluster, 'httproute/shop', before);
});

/** The rules of the way in, and what the Service selects. */
async function ledBy(cluster: OwnTestCluster, wayIn: string): Promise<string[]> {
  return [
    await field(cluster, wayIn, '{.spec.rules}'),
    await field(cluster, 'service/shop', '{.spec.selector}'),
  ];
}

async function givenBack(cluster: OwnTestCluster, wayIn: string, before: readonly string[]): Promise<void> {
  const isAsBefore = async () => JSON.stringify(await ledBy(cluster, wayIn)) === JSON.stringify(before);
  await waitFor(isAsBefore, { ...SOON, what: 'the rules and the selector to be as before' });
  for (const object of [wayIn, 'service/shop'])
    assert.doesNotMatch(await field(cluster, object, '{.metadata.annotations}'), /crossfade\.dev/);
}

test('a Deployment in the middle of a rollout is not adopted, and nothing is changed', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const at = await site(t, cluster);
  await existing(cluster);
  await cluster.kubectl(['set', 'image', 'deployment/shop', 'app=localhost/service:bad-never-ready']);
  await waitFor(async () => (await podsOf(cluster)).length > REPLICAS, {
    ...SOON,
    what: 'the rollout to begin',
  });
  const refused = await at.attempt(['adopt', 'deployment/shop', '-o', 'json']);
  assert.equal(refused.code, 5, refused.stderr);
  assert.match(refused.stderr, /E_ADOPTION_REFUSED/);
  assert.equal(await field(cluster, 'deployment/shop', '{.spec.paused}'), '');
});

function field(cluster: OwnTestCluster, object: string, path: string): Promise<string> {
  return cluster.kubectl(['get', object, '-o', `jsonpath=${path}`]);
}

/** The pods of the stable pool, as podsOf() tells them. */
async function servingPods(cluster: OwnTestCluster, at: Site): Promise<string[]> {
  await at.until('status.ready', `${REPLICAS}/${REPLICAS}`);
  const names = (await cluster.kubectl(['get', 'pods', '-l', 'crossfade.dev/in-route=true', '-o', 'name']))
    .trim()
    .split('\n')
    .map((name) => name.replace('pod/', ''));
  return (await podsOf(cluster)).filter((pod) => names.includes(pod.split(' ')[0] ?? ''));
}

async function gone(cluster: OwnTestCluster): Promise<void> {
  await waitFor(async () => (await cluster.kubectl(['get', 'xf', '-o', 'name'])) === '', {
    ...SOON,
    what: 'the App to be gone',
  });
}
