import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ownCluster } from '../support/cluster.ts';
import { routed, site } from './support/controller.ts';
import { startUsers } from './support/users.ts';

const STEPS = [{ setWeight: 20 }, { pause: {} }, { setWeight: 60 }, { pause: {} }];
const CANARY = { router: 'gatewayApi', strategy: { canary: { steps: STEPS } } } as const;

test('controllers are killed at every stage of a release and of its undo, and no user notices', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const place = await site(t, cluster);
  let leader = await place.startController();
  await place.apply(routed(cluster, { ...CANARY, version: 'v1' }), '--wait');
  const users = await startUsers(t, cluster, 'gatewayApi');
  let kills = 0;
  /** The one that takes over waits for the lead already, as a second replica of the Deployment does. */
  const killed = async () => {
    const next = await place.startController();
    await leader.kill('SIGKILL');
    leader = next;
    kills += 1;
  };

  await place.apply(routed(cluster, { ...CANARY, version: 'v2' }));
  await killed();
  await place.until('status.asked', '20%');
  await place.until('status.phase', 'Paused');
  await killed();
  await place.crossfade(['rollout', 'promote', 'shop']);
  await place.until('status.asked', '60%');
  await killed();
  await place.until('status.phase', 'Paused');
  await place.crossfade(['rollout', 'promote', 'shop']);
  await killed();
  await place.until('status.stable', '#2');
  await place.crossfade(['rollout', 'undo', 'shop']);
  await killed();
  await place.until('status.stable', '#1');
  await place.until('status.phase', 'Healthy');
  await users.more(200);

  assert.equal(kills, 5);
  assert.ok(((await users.stop()).v2 ?? 0) > 0);
});

const AWAY_MS = 20_000;

test('an API server that is away for 20 s in the middle of a release costs users nothing', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const place = await site(t, cluster);
  const controller = await place.startController();
  await place.apply(routed(cluster, { ...CANARY, version: 'v1' }), '--wait');
  const users = await startUsers(t, cluster, 'gatewayApi');
  await place.apply(routed(cluster, { ...CANARY, version: 'v2' }));
  await place.until('status.asked', '20%');
  const before = users.answers();
  await cluster.cluster.stop('apiserver', 'SIGKILL');
  try {
    await sleep(AWAY_MS);
    await users.more(200);
  } finally {
    await cluster.cluster.start('apiserver');
  }
  const during = users.answers();
  assert.ok((during.v2 ?? 0) > (before.v2 ?? 0), 'the candidate went on answering its share');
  await place.until('status.phase', 'Paused');
  await place.crossfade(['rollout', 'promote', 'shop', '--full']);
  await place.until('status.stable', '#2');
  await place.until('status.phase', 'Healthy');
  await users.more(200);
  await users.stop();
  assert.ok(controller.isRunning(), controller.log().slice(-2000));
});
