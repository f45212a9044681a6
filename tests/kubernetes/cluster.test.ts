import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type OwnTestCluster, ownCluster, testCluster } from '../support/cluster.ts';
import { waitFor } from '../support/wait-for.ts';
import { ask, askMany } from './support/ask.ts';
import { deployment, httpRoute, ingress, service } from './support/objects.ts';
import { answers, hostOf, ROUTER, serviceUrl, settled, whileRouterRests } from './support/settle.ts';

const REQUESTS = 500;
const CANARY_REQUESTS = 100;

/** Two versions, each with a Service of its name, all replicas ready. */
async function deployTwo(cluster: OwnTestCluster): Promise<void> {
  for (const version of ['v1', 'v2']) {
    const image = `localhost/service:${version}`;
    await cluster.apply(deployment({ name: version, image, replicas: 2 }), service(version));
  }
  for (const version of ['v1', 'v2']) await settled(cluster, version, 2);
}

/**
 * To one request: the router schedules by deadlines that are sums of fractions, so what ties differs from round to round.
 * A router that draws lots would be 9 off, as a rule.
 */
async function splitsExactly(headers: Record<string, string>): Promise<void> {
  const counts = await whileRouterRests(() => askMany(ROUTER, REQUESTS, { headers }));
  const { v1 = 0, v2 = 0, ...others } = counts;
  assert.deepEqual([others, v1 + v2], [{}, REQUESTS]);
  assert.ok(Math.abs(v2 - CANARY_REQUESTS) <= 1, JSON.stringify(counts));
}

/** The router has the route, and both versions behind it. */
async function routed(headers: Record<string, string>): Promise<void> {
  const seen = new Set<string>();
  const both = async () => seen.add((await ask(ROUTER, { headers })).body).has('v1') && seen.has('v2');
  await waitFor(both, { timeoutMs: 60_000, what: 'the router to route to both versions' });
}

test('a Deployment of an image of ours becomes available, and its log can be read', async (t) => {
  const cluster = await testCluster(t);
  if (cluster === undefined) return;
  await cluster.apply(deployment({ name: 'shop', image: 'localhost/shop:2.0.0', replicas: 2 }));
  await settled(cluster, 'shop', 2);
  assert.match(await cluster.kubectl(['logs', 'deployment/shop']), /shop 2\.0\.0 listens on port 8080/);
});

test('a Deployment is served through the address of its Service, and through each of its pods', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  await cluster.apply(
    deployment({ name: 'shop', image: 'localhost/shop:1.0.0', replicas: 2 }),
    service('shop'),
  );
  await settled(cluster, 'shop', 2);
  const url = `${await serviceUrl(cluster, 'shop')}/api/version`;
  const answer = await waitFor(() => ask(url), { timeoutMs: 60_000, what: 'the Service to answer' });
  assert.deepEqual([answer.status, JSON.parse(answer.body).version], [200, '1.0.0']);
  const pods = (await cluster.get('pods')) as { items: { status: { podIP: string } }[] };
  assert.equal(pods.items.length, 2);
  for (const { status } of pods.items) {
    assert.equal((await ask(`http://${status.podIP}:8080/healthz`)).status, 200);
  }
});

test('a HTTPRoute of 80 to 20 splits 500 requests 80 to 20, to one request', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  await deployTwo(cluster);
  const headers = hostOf(cluster);
  await cluster.apply(httpRoute('shop', headers.host, { v1: 80, v2: 20 }));
  await routed(headers);
  await splitsExactly(headers);
});

test('a canary Ingress takes its weight, and the requests that name it in a header', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  await deployTwo(cluster);
  const headers = hostOf(cluster);
  const canary = { canary: 'true', 'canary-weight': '20', 'canary-by-header': 'x-canary' };
  await cluster.apply(ingress('main', headers.host, 'v1'), ingress('canary', headers.host, 'v2', canary));
  const named = { ...headers, 'x-canary': 'always' };
  await answers(ROUTER, 'v2', { headers: named });
  await splitsExactly(headers);
  assert.deepEqual(await askMany(ROUTER, 10, { headers: named }), { v2: 10 });
  assert.deepEqual(await askMany(ROUTER, 10, { headers: { ...headers, 'x-canary': 'never' } }), { v1: 10 });
});

test('traffic flows while the API server is stopped, and the cluster goes on when it is back', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  await deployTwo(cluster);
  const headers = hostOf(cluster);
  await cluster.apply(httpRoute('shop', headers.host, { v1: 1 }));
  await answers(ROUTER, 'v1', { headers });
  await cluster.cluster.stop('apiserver', 'SIGKILL');
  try {
    await assert.rejects(cluster.kubectl(['get', 'pods']), /refused/);
    assert.deepEqual(await askMany(ROUTER, 20, { headers }), { v1: 20 });
  } finally {
    await cluster.cluster.start('apiserver');
  }
  await waitFor(() => cluster.kubectl(['get', '--raw', '/readyz']), {
    timeoutMs: 120_000,
    what: 'the API server to be ready again',
  });
  await cluster.kubectl(['scale', 'deployment/v1', '--replicas=3']);
  await settled(cluster, 'v1', 3);
});
