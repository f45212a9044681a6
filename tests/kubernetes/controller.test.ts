import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownCluster, testCluster } from '../support/cluster.ts';
import { waitFor } from '../support/wait-for.ts';
import { type Site, site, worker } from './support/controller.ts';

const SOON = { timeoutMs: 120_000 };

async function phase(place: Site, app: string, wanted: string): Promise<void> {
  const what = `${app} to be ${wanted}`;
  await waitFor(async () => (await place.field(app, 'status.phase')) === wanted, { ...SOON, what });
}

test('an App is released, taken back and deleted, with the rights of one namespace', async (t) => {
  const cluster = await testCluster(t);
  if (cluster === undefined) return;
  const place = await site(t, cluster);
  await place.startController();

  const first = await place.apply(worker('shop', 'v1'), '--wait');
  assert.match(first.stdout, /app\/shop created\n[\s\S]*app "shop" successfully rolled out/);
  await phase(place, 'shop', 'Healthy');
  assert.equal(await place.field('shop', 'status.ready'), '2/2');
  assert.equal(await place.field('shop', 'status.stable'), '#1');

  const second = await place.apply(worker('shop', 'v2'), '--wait');
  assert.match(second.stdout, /app\/shop configured/);
  assert.match((await place.crossfade(['logs', 'shop', '--tail', '1'])).stdout, /v2/);

  const undone = await place.crossfade(['rollout', 'undo', 'shop', '--wait', '--reason', 'worse']);
  assert.match(undone.stdout, /app\/shop rolled back: going back to revision 1/);
  assert.match((await place.crossfade(['logs', 'shop', '--tail', '1'])).stdout, /v1/);
  assert.match(
    (await place.crossfade(['get', 'events', 'shop'])).stdout,
    /undo: going back to revision 1 \(worse\)/,
  );

  // What was undone is not started again because its file is applied again.
  const held = await place.attempt(['apply', '-f', '-'], { input: JSON.stringify(worker('shop', 'v2')) });
  assert.equal(held.code, 5, held.stderr);
  assert.match(held.stdout, /app\/shop held/);

  await place.crossfade(['scale', 'shop', '--replicas', '1']);
  await waitFor(async () => (await place.field('shop', 'status.ready')) === '1/1', {
    ...SOON,
    what: 'one replica',
  });

  await place.crossfade(['delete', 'app', 'shop', '--wait']);
  const gone = async () => (await cluster.kubectl(['get', 'pods', '-o', 'name'])) === '';
  await waitFor(gone, { ...SOON, what: 'its pods to be gone' });
});

test('kubectl is enough: it applies, commands, waits and scales', async (t) => {
  const cluster = await testCluster(t);
  if (cluster === undefined) return;
  const place = await site(t, cluster);
  await place.startController();
  await cluster.apply(worker('shop', 'v1'));
  await cluster.kubectl(['wait', '--for=condition=Ready', 'xf/shop', '--timeout=120s']);
  await cluster.apply(worker('shop', 'v2'));
  const stable = async () => (await place.field('shop', 'status.stable')) === '#2';
  await waitFor(stable, { ...SOON, what: 'revision 2 to be stable' });

  // Who asks is held to be who they say, where the whole cluster has the policy for it.
  const who = await cluster.kubectl(['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}']);
  const command = { app: 'shop', verb: 'undo', reason: 'by hand', actor: who };
  const object = {
    apiVersion: 'crossfade.dev/v1',
    kind: 'AppCommand',
    metadata: { name: 'back' },
    spec: command,
  };
  await cluster.apply(object);
  await cluster.kubectl(['wait', '--for=jsonpath={.status.result}=done', 'xfc/back', '--timeout=120s']);
  await waitFor(async () => (await place.field('shop', 'status.stable')) === '#1', {
    ...SOON,
    what: 'revision 1',
  });
  await assert.rejects(
    cluster.apply({ ...object, spec: { ...command, verb: 'abort' } }),
    /a command cannot be changed/,
  );

  await cluster.kubectl(['scale', 'xf/shop', '--replicas=3']);
  await waitFor(async () => (await place.field('shop', 'status.ready')) === '3/3', {
    ...SOON,
    what: 'three replicas',
  });
});

test('a spec with mistakes is told in words, stalls, and changes nothing', async (t) => {
  const cluster = await testCluster(t);
  if (cluster === undefined) return;
  const place = await site(t, cluster);
  await place.startController();
  await cluster.apply(worker('shop', 'v1', { replicas: 1 }));
  await cluster.kubectl(['wait', '--for=condition=Ready', 'xf/shop', '--timeout=120s']);

  // What the schema of the kind can say, the API server says.
  const two = worker('shop', 'v2', { strategy: { rolling: {}, recreate: {} } });
  await assert.rejects(
    cluster.apply(two),
    /expected exactly one of recreate, rolling, blueGreen, canary, abTest/,
  );
  await assert.rejects(cluster.apply(worker('shop', 'v2', { replcas: 2 })), /replcas/);

  // The rest is said by the controller, in the words of the file's own errors.
  await cluster.apply(worker('shop', 'v2', { replicas: 1, strategy: { blueGreen: {} } }));
  await cluster.kubectl(['wait', '--for=condition=Stalled', 'xf/shop', '--timeout=120s']);
  assert.match(
    await place.field('shop', 'status.message'),
    /spec\.strategy\.blueGreen: .* spec\.route is missing/,
  );
  assert.equal(await place.field('shop', 'status.stable'), '#1');

  await cluster.apply(worker('shop', 'v2', { replicas: 1 }));
  const stable = async () => (await place.field('shop', 'status.stable')) === '#2';
  await waitFor(stable, { ...SOON, what: 'the corrected spec to be released' });
});

test('a controller that is killed in the middle of a release is replaced, and the release goes on', async (t) => {
  const cluster = await testCluster(t);
  if (cluster === undefined) return;
  const place = await site(t, cluster);
  const first = await place.startController();
  await place.apply(worker('shop', 'v1'), '--wait');
  // Waits for the lead, with everything else ready.
  await place.startController();
  await place.apply(worker('shop', 'v2'));
  await first.kill('SIGKILL');
  const stable = async () => (await place.field('shop', 'status.stable')) === '#2';
  await waitFor(stable, { ...SOON, what: 'the other controller to finish the release' });
  await phase(place, 'shop', 'Healthy');
});

test('Apps are shared out among shards, each with a lease of its own', async (t) => {
  const cluster = await testCluster(t);
  if (cluster === undefined) return;
  const place = await site(t, cluster);
  await place.startController('--shards', '3');
  const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((letter) => `app-${letter}`);
  await cluster.apply(...names.map((name) => worker(name, 'v1', { replicas: 0 })));
  for (const name of names) await phase(place, name, 'Healthy');
  const leases = await cluster.kubectl(['get', 'leases', '-o', 'name']);
  assert.deepEqual(leases.trim().split('\n').length, 3);
});

test('an API server that is away for a while costs a release nothing but the time', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const place = await site(t, cluster);
  await place.startController();
  await place.apply(worker('shop', 'v1'), '--wait');
  await place.apply(worker('shop', 'v2'));
  await cluster.cluster.stop('apiserver', 'SIGKILL');
  await cluster.cluster.start('apiserver');
  const stable = async () => (await place.field('shop', 'status.stable')) === '#2';
  await waitFor(stable, { ...SOON, what: 'the release to end' });
  await phase(place, 'shop', 'Healthy');
});

test('an App that no controller has taken up is shown as such, and taken up when one comes', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const place = await site(t, cluster);
  await cluster.apply(worker('shop', 'v1', { replicas: 1 }));
  const shown = await place.crossfade(['get', 'app', 'shop', '-o', 'json']);
  assert.match(shown.stdout, /no controller has taken it up yet: see `crossfade doctor`/);
  const refused = await place.attempt(['rollout', 'restart', 'shop']);
  assert.match(refused.stderr, /App .*\/shop is stored, and no controller has taken it up yet/);
  await place.startController();
  await place.until('status.stable', '#1');
});
