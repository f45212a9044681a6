import assert from 'node:assert/strict';
import { test } from 'node:test';
import { programImage } from '../../scripts/image/program-image.ts';
import { type OwnTestCluster, ownCluster } from '../support/cluster.ts';
import { waitFor } from '../support/wait-for.ts';
import { installed, routed } from './support/controller.ts';
import { startUsers } from './support/users.ts';

const IMAGE = 'localhost/crossfade:test';
const CANARY = { canary: { steps: [{ setWeight: 20 }, { pause: {} }, { setWeight: 60 }, { pause: {} }] } };
const DEPLOYMENT = 'deployment/crossfade-controller';
const SOON = { timeoutMs: 180_000, intervalMs: 250 };

/** Who it is and what it may do, asked inside of the pod. */
const INSIDE = `
const fs = require('node:fs');
const attempt = (file) => { try { fs.writeFileSync(file, ''); return 'written'; } catch (error) { return error.code; } };
console.log(JSON.stringify({ user: process.getuid(), root: attempt('/x'), tmp: attempt('/tmp/x'), app: attempt('/app/x') }));
`;

const holder = (cluster: OwnTestCluster) =>
  cluster.kubectl(['get', 'lease', 'crossfade-controller-0', '-o', 'jsonpath={.spec.holderIdentity}']);

test('the controller as pods, from the image of the project: a release under traffic, in which the leading pod is killed', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  await cluster.cluster.importImages([await programImage(IMAGE)]);
  const place = await installed(t, cluster, ['--image', IMAGE, '--replicas', '2']);
  await cluster.kubectl(['rollout', 'status', DEPLOYMENT, '--timeout=180s']);
  const asked = await cluster.kubectl(['exec', DEPLOYMENT, '--', 'node', '-e', INSIDE]);
  assert.deepEqual(JSON.parse(asked), { user: 65_532, root: 'EROFS', tmp: 'EROFS', app: 'EROFS' });

  const app = (version: string) => routed(cluster, { version, router: 'gatewayApi', strategy: CANARY });
  await place.apply(app('v1'), '--wait');
  const users = await startUsers(t, cluster, 'gatewayApi');
  await place.apply(app('v2'));
  await place.until('status.asked', '20%');
  const leader = await waitFor(async () => await holder(cluster), { ...SOON, what: 'a leader' });
  const [pod = ''] = leader.split('_');
  await cluster.kubectl(['delete', 'pod', pod, '--grace-period=0', '--force']);
  await waitFor(async () => (await holder(cluster)) !== leader, { ...SOON, what: 'another leader' });
  await place.until('status.phase', 'Paused');
  await place.crossfade(['rollout', 'promote', 'shop']);
  await place.until('status.asked', '60%');
  await place.until('status.phase', 'Paused');
  await place.crossfade(['rollout', 'promote', 'shop', '--wait']);
  await place.until('status.stable', '#2');
  await users.more(200);
  await place.crossfade(['rollout', 'undo', 'shop', '--wait']);
  await users.more(200);
  await users.stop();

  const doctor = (await place.crossfade(['doctor'])).stdout;
  assert.match(doctor, /crossfade-controller-0/);
  assert.match(doctor, /reads the router's counters/);
});
