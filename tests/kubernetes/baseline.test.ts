/**
 * What plain Kubernetes does with users' requests, measured where our own numbers are measured: the baseline that they are
 * compared with. `npm run test:kubernetes -- baseline --verbose` prints the tables. How much is lost differs from run to
 * run and is not asserted.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type OwnTestCluster, ownCluster } from '../support/cluster.ts';
import { type Connections, describeFailures, failedOf, startClients, type Tally } from './support/clients.ts';
import { deployment, httpRoute, ingress, service } from './support/objects.ts';
import { answers, hostOf, ROUTER, serviceUrl, settled } from './support/settle.ts';

const REPLICAS = 3;
const LOAD_MS = 8_000;
const BEFORE = 500;
const WATCHED_MS = 2_500;
const CONNECTIONS: readonly Connections[] = ['fresh', 'kept'];
const APPS = [
  { suffix: '-after-2s', onTerm: 'serves 2 s more, then exits' },
  { suffix: '', onTerm: 'exits at once' },
];

const rolls: string[][] = [];
const switches: string[][] = [];

after(() => {
  print(['path', 'app on SIGTERM', 'connections', 'requests', 'failed'], rolls);
  print(['how', 'first new answer after the command began', 'failed', 'answers'], switches);
});

function print(head: readonly string[], rows: readonly (readonly string[])[]): void {
  if (rows.length === 0) return;
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  console.log(`\n${lines.join('\n')}`);
}

for (const { suffix, onTerm } of APPS) {
  test(`a rolling update of an application that ${onTerm}`, async (t) => {
    const cluster = await ownCluster(t);
    if (cluster === undefined) return;
    const headers = hostOf(cluster);
    const image = (version: string) => `localhost/service:${version}${suffix}`;
    await cluster.apply(
      deployment({ name: 'shop', image: image('v1'), replicas: REPLICAS }),
      service('shop'),
      httpRoute('shop', headers.host, { shop: 1 }),
    );
    const paths = [
      { path: 'ClusterIP', url: await serviceUrl(cluster, 'shop') },
      { path: 'Traefik', url: ROUTER },
    ];
    let version = 1;
    for (const { path, url } of paths) {
      for (const connections of CONNECTIONS) {
        await settled(cluster, 'shop', REPLICAS);
        await answers(url, `v${version}`, { headers });
        version = 3 - version;
        const clients = startClients({ url, headers, connections });
        await clients.more(BEFORE);
        await cluster.kubectl(['set', 'image', 'deployment/shop', `app=${image(`v${version}`)}`]);
        await sleep(LOAD_MS);
        const tally = await clients.stop();
        rolls.push([path, onTerm, connections, String(tally.requests), describeFailures(tally)]);
        assert.ok(tally.requests > failedOf(tally), 'something was answered');
      }
    }
  });
}

test('switching all traffic by the weights of a HTTPRoute', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  await deployTwo(cluster);
  const { host } = hostOf(cluster);
  await cluster.apply(httpRoute('shop', host, { v1: 100, v2: 0 }));
  const patch = JSON.stringify([
    { op: 'replace', path: '/spec/rules/0/backendRefs/0/weight', value: 0 },
    { op: 'replace', path: '/spec/rules/0/backendRefs/1/weight', value: 100 },
  ]);
  const command = ['patch', 'httproute/shop', '--type=json', '-p', patch];
  const tally = await measureSwitch(cluster, {
    how: 'HTTPRoute weights 100/0 -> 0/100',
    url: ROUTER,
    command,
  });
  assert.ok((tally.answers.v2 ?? 0) > 0, 'the new version answered');
});

test('switching all traffic by the weight of a canary Ingress', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  await deployTwo(cluster);
  const { host } = hostOf(cluster);
  const canary = { canary: 'true', 'canary-weight': '0' };
  await cluster.apply(ingress('main', host, 'v1'), ingress('canary', host, 'v2', canary));
  const annotation = 'nginx.ingress.kubernetes.io/canary-weight=100';
  const command = ['annotate', '--overwrite', 'ingress/canary', annotation];
  const tally = await measureSwitch(cluster, { how: 'canary-weight 0 -> 100', url: ROUTER, command });
  assert.ok((tally.answers.v2 ?? 0) > 0, 'the new version answered');
});

for (const connections of CONNECTIONS) {
  test(`switching all traffic by the selector of a Service, ${connections} connections`, async (t) => {
    const cluster = await ownCluster(t);
    if (cluster === undefined) return;
    await deployTwo(cluster);
    await cluster.apply(service('shop', { app: 'v1' }));
    const patch = JSON.stringify({ spec: { selector: { app: 'v2' } } });
    const tally = await measureSwitch(cluster, {
      how: `Service selector, ${connections} connections`,
      url: await serviceUrl(cluster, 'shop'),
      command: ['patch', 'service/shop', '-p', patch],
      connections,
    });
    // The hazard: the patch is accepted, and whoever has a connection stays with the old version.
    assert.equal((tally.answers.v2 ?? 0) > 0, connections === 'fresh', JSON.stringify(tally));
  });
}

async function deployTwo(cluster: OwnTestCluster): Promise<void> {
  for (const version of ['v1', 'v2']) {
    const image = `localhost/service:${version}`;
    await cluster.apply(deployment({ name: version, image, replicas: REPLICAS }), service(version));
  }
  for (const version of ['v1', 'v2']) await settled(cluster, version, REPLICAS);
}

interface Switch {
  how: string;
  url: string;
  /** The kubectl command that switches. */
  command: readonly string[];
  connections?: Connections;
}

async function measureSwitch(
  cluster: OwnTestCluster,
  { how, url, command, connections = 'fresh' }: Switch,
): Promise<Tally> {
  const headers = hostOf(cluster);
  await answers(url, 'v1', { headers });
  const clients = startClients({ url, headers, connections });
  await clients.more(BEFORE);
  const beganAt = performance.now();
  await cluster.kubectl(command);
  const commandMs = Math.round(performance.now() - beganAt);
  await sleep(WATCHED_MS);
  const tally = await clients.stop();
  const { v2: newAt } = tally.firstAt;
  const first = newAt === undefined ? 'never' : `${Math.round(newAt - beganAt)} ms`;
  const failed = `${describeFailures(tally)} of ${tally.requests}`;
  const answered = Object.entries(tally.answers).map(([version, times]) => `${times} ${version}`);
  switches.push([how, `${first} (kubectl took ${commandMs} ms)`, failed, answered.join(', ')]);
  return tally;
}
