/**
 * How long users wait for what was asked, and what a release costs: the figures that docs/kubernetes.md compares with those
 * of other tools, in their shape (3 replicas, 16 clients, an application that is gone at once on TERM). `npm run
 * bench:kubernetes` prints them; none is asserted, but that nobody loses anything.
 */
import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { APP_COMMANDS, APPS } from '../../src/kubernetes/crossfade.ts';
import { type OwnTestCluster, ownCluster } from '../support/cluster.ts';
import { freePort } from '../support/free-port.ts';
import { waitFor } from '../support/wait-for.ts';
import { ask } from './support/ask.ts';
import { type Clients, failedOf, startClients } from './support/clients.ts';
import { routed, type Site, site } from './support/controller.ts';
import { openKube } from './support/kube.ts';
import { hostOf, ROUTER } from './support/settle.ts';

const CLIENTS = 16;
/** Traefik takes a new table every two seconds at most: what is measured is not what is left of those. */
const REST_MS = 3_000;
const SOON = { timeoutMs: 120_000, intervalMs: 20 };
const CANARY = { canary: { steps: [{ setWeight: 20 }, { pause: {} }], scaleDownDelaySeconds: 120 } };
const BLUE_GREEN = { blueGreen: { autoPromotionEnabled: false, scaleDownDelaySeconds: 120 } };
const rows: string[][] = [];

after(() => {
  if (rows.length === 0) return;
  const head = ['what', 'measured'];
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  console.log(`\n${lines.join('\n')}`);
});

interface Running {
  place: Site;
  cluster: OwnTestCluster;
  clients: Clients;
  app(version: string, more?: object): object;
  /** A command as an object, and a new image: what the program costs to start is no part of what is measured. */
  tell(verb: string): Promise<void>;
  change(version: string): Promise<void>;
  /** Of the controller to the API server so far. */
  writes(): Promise<number>;
}

async function running(t: TestContext, strategy: object): Promise<Running | undefined> {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return undefined;
  const place = await site(t, cluster);
  const listen = `127.0.0.1:${await freePort()}`;
  await place.startController('--listen', listen);
  const app = (version: string, more = {}) =>
    routed(cluster, { version, router: 'gatewayApi', strategy, ...more });
  await place.apply(app('v1'), '--wait');
  const clients = startClients({
    url: ROUTER,
    headers: hostOf(cluster),
    connections: 'kept',
    clients: CLIENTS,
  });
  t.after(() => clients.stop());
  await clients.more(500);
  const metrics = `http://${listen}/metrics`;
  const kube = await openKube();
  t.after(() => kube.close());
  const { namespace } = cluster;
  let told = 0;
  return {
    place,
    cluster,
    clients,
    app,
    async tell(verb) {
      const metadata = { namespace, name: `told-${++told}` };
      await kube.create(APP_COMMANDS, { metadata, spec: { app: 'shop', verb, actor: 'admin' } });
    },
    async change(version) {
      await kube.patch(APPS, namespace, 'shop', { spec: { image: `localhost/service:${version}` } });
    },
    writes: () => writesOf(metrics),
  };
}

async function writesOf(url: string): Promise<number> {
  const { body } = await ask(url);
  const lines = body
    .split('\n')
    .filter((line) => /^crossfade_api_requests_total\{method="(POST|PUT|PATCH|DELETE)"/.test(line));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** The most pods at one time, looked at again and again until it is ended. */
function watchPods(t: TestContext, cluster: OwnTestCluster): () => Promise<number> {
  let [most, ended] = [0, false];
  const loop = (async () => {
    while (!ended) {
      const text = await cluster.kubectl(['get', 'pods', '-l', 'crossfade.dev/app=shop', '-o', 'json']);
      const { items } = JSON.parse(text) as { items: { metadata: { deletionTimestamp?: string } }[] };
      most = Math.max(most, items.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length);
    }
  })();
  const end = async () => {
    ended = true;
    await loop;
    return most;
  };
  t.after(end);
  return end;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;

/** Time from the begin of a command to the first answer of a version that had not answered since. */
async function firstAnswer(clients: Clients, version: string, begun: number): Promise<number> {
  const at = () => (clients.tally.lastAt[version] ?? 0) > begun && clients.tally.firstAt[version];
  await waitFor(() => at() !== false, { ...SOON, what: `an answer of ${version}` });
  return (clients.tally.firstAt[version] ?? 0) - begun;
}

/** Time from the begin of a command to the last answer of a version that is to be left. */
async function lastAnswer(clients: Clients, version: string, begun: number): Promise<number> {
  for (;;) {
    const last = clients.tally.lastAt[version] ?? 0;
    await clients.more(1000);
    if (last === clients.tally.lastAt[version]) return Math.max(0, last - begun);
  }
}

async function podsMade(cluster: OwnTestCluster): Promise<number> {
  const text = await cluster.kubectl(['get', 'events', '-o', 'json']);
  const { items } = JSON.parse(text) as { items: { reason: string; involvedObject: { kind: string } }[] };
  return items.filter(({ reason, involvedObject: { kind } }) => reason === 'Scheduled' && kind === 'Pod')
    .length;
}

async function ends(clients: Clients, what: string): Promise<void> {
  const tally = await clients.stop();
  rows.push([`${what}: requests, failed`, `${tally.requests}, ${failedOf(tally)}`]);
  assert.equal(failedOf(tally), 0, JSON.stringify(tally.failures));
}

test('a canary: first new answer, abort, promotion, undo, and pods started', async (t) => {
  const at = await running(t, CANARY);
  if (at === undefined) return;
  const { place, cluster, clients, app } = at;
  const before = await podsMade(cluster);
  let begun = performance.now();
  await at.change('v2');
  rows.push(['first new answer after a new image', seconds(await firstAnswer(clients, 'v2', begun))]);
  await place.until('status.phase', 'Paused');
  await sleep(REST_MS);
  begun = performance.now();
  await at.tell('abort');
  rows.push(['`abort` to the last new answer', seconds(await lastAnswer(clients, 'v2', begun))]);
  await place.until('status.candidate', '');

  const [podsBefore, writesBefore] = [await podsMade(cluster), await at.writes()];
  const most = watchPods(t, cluster);
  await place.apply(app('v3'));
  await place.until('status.phase', 'Paused');
  await place.crossfade(['rollout', 'promote', 'shop']);
  await place.until('status.stable', '#3');
  await place.until('status.phase', 'Healthy');
  rows.push(
    ['pods started by one canary', String((await podsMade(cluster)) - podsBefore)],
    ['pods at most, at once', String(await most())],
    ['writes of the controller to the API server, one canary', String((await at.writes()) - writesBefore)],
  );
  await sleep(REST_MS);
  begun = performance.now();
  await at.tell('undo');
  rows.push([
    '`undo` after promotion, warm, to the last answer of the new version',
    seconds(await lastAnswer(clients, 'v3', begun)),
  ]);
  await place.until('status.stable', '#1');
  const made = (await podsMade(cluster)) - before;
  rows.push(['pods started by a canary that was aborted, one that was promoted, and its undo', String(made)]);
  await ends(clients, 'canary');
});

test('blue-green: promotion to the last old answer', async (t) => {
  const at = await running(t, BLUE_GREEN);
  if (at === undefined) return;
  const { place, clients, app } = at;
  await place.apply(app('v2'));
  await place.until('status.phase', 'Paused');
  await sleep(REST_MS);
  const begun = performance.now();
  await at.tell('promote');
  rows.push([
    'blue-green, `promote` to the last old answer',
    seconds(await lastAnswer(clients, 'v1', begun)),
  ]);
  await place.until('status.stable', '#2');
  await ends(clients, 'blue-green');
});

test('an image that cannot be had is told, with its name', async (t) => {
  const at = await running(t, CANARY);
  if (at === undefined) return;
  const { place, clients, app } = at;
  const begun = performance.now();
  await place.apply(app('v9', { image: 'localhost/nobody:1', kubernetes: { imagePullPolicy: 'Never' } }));
  await place.until('status.message', /localhost\/nobody:1/);
  rows.push(['a bad image is told, by its name', seconds(performance.now() - begun)]);
  await ends(clients, 'bad image');
});
