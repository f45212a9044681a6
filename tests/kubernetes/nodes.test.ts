import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster } from '../../scripts/cluster/cluster.ts';
import { testImages } from '../../scripts/cluster/images/test-images.ts';
import { ownCluster } from '../support/cluster.ts';
import { waitFor } from '../support/wait-for.ts';
import { type DeploymentOptions, deployment, service } from './support/objects.ts';
import { secondCluster } from './support/second-cluster.ts';

interface Pods {
  items: { metadata: { name: string }; spec: { nodeName: string }; status: { podIP: string } }[];
}

const apply = (cluster: Cluster, ...items: object[]) =>
  cluster.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));

const available = (cluster: Cluster, name: string) =>
  cluster.kubectl(['rollout', 'status', `deployment/${name}`, '--timeout=120s']);

const nodesOf = async (cluster: Cluster) => {
  const { items } = JSON.parse(await cluster.kubectl(['get', 'pods', '-o', 'json'])) as Pods;
  return items.map(({ spec }) => spec.nodeName).sort();
};

/** As many pods on every node as on the others. */
function spread(options: DeploymentOptions): object {
  const made = deployment(options) as { spec: { template: { spec: object } } };
  const labelSelector = { matchLabels: { app: options.name } };
  const constraint = {
    topologyKey: 'kubernetes.io/hostname',
    maxSkew: 1,
    whenUnsatisfiable: 'DoNotSchedule',
  };
  Object.assign(made.spec.template.spec, {
    topologySpreadConstraints: [{ ...constraint, labelSelector, nodeTaintsPolicy: 'Honor' }],
  });
  return made;
}

test('a second node runs pods that the first one reaches, and is drained', async (t) => {
  if ((await ownCluster(t)) === undefined) return;
  const cluster = await secondCluster(t);
  const node = await cluster.addNode();
  await cluster.importImages(await testImages());
  await apply(cluster, spread({ name: 'web', image: 'localhost/service:v1', replicas: 4 }), service('web'));
  await available(cluster, 'web');
  assert.deepEqual(await nodesOf(cluster), ['node-1', 'node-1', 'node-2', 'node-2']);
  const { items } = JSON.parse(await cluster.kubectl(['get', 'pods', '-o', 'json'])) as Pods;
  const urls = items.map(({ status }) => `http://${status.podIP}:8080/`);
  const code = `for (const url of ${JSON.stringify(urls)}) console.log(await (await fetch(url)).text())`;
  const { stdout } = await cluster.run(process.execPath, ['--input-type=module', '-e', code]);
  assert.deepEqual(stdout.trim().split('\n'), ['v1', 'v1', 'v1', 'v1']);
  await cluster.kubectl(['drain', node.name, '--timeout=100s']);
  await available(cluster, 'web');
  const moved = async () => (await nodesOf(cluster)).every((name) => name === 'node-1');
  await waitFor(moved, { timeoutMs: 60_000, what: 'the pods to be on the first node' });
  const log = await cluster.kubectl(['logs', '--all-pods', 'deployment/web']);
  assert.match(log, /version v1 listens/);
});

test('pods go on without the kubelet, and it takes them over when it is back', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  await cluster.apply(deployment({ name: 'web', image: 'localhost/service:v1' }));
  await cluster.kubectl(['rollout', 'status', 'deployment/web', '--timeout=120s']);
  const [pod] = ((await cluster.get('pods')) as Pods).items;
  assert.ok(pod !== undefined);
  const isUp = async () => (await fetch(`http://${pod.status.podIP}:8080/`)).ok;
  await cluster.cluster.stop('kubelet');
  try {
    const stopped = (await cluster.cluster.components()).filter(({ running }) => !running);
    assert.deepEqual(stopped, [{ name: 'kubelet', running: false }]);
    assert.ok(await isUp());
  } finally {
    await cluster.cluster.start('kubelet');
  }
  await cluster.kubectl(['scale', 'deployment/web', '--replicas=2']);
  await cluster.kubectl(['rollout', 'status', 'deployment/web', '--timeout=120s']);
  const { items } = (await cluster.get('pods')) as Pods;
  assert.ok(
    items.some(({ metadata }) => metadata.name === pod.metadata.name),
    'the first pod is still there',
  );
  assert.ok(await isUp());
});
