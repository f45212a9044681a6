/** The number of replicas while somebody else says it: an autoscaler, or a person in the middle of a release. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownCluster, testCluster } from '../support/cluster.ts';
import { waitFor } from '../support/wait-for.ts';
import { routed, site, worker } from './support/controller.ts';
import { startUsers } from './support/users.ts';

/** What says nothing of replicas leaves them to whoever scales. */
function unscaled(version: string): object {
  const app = worker('shop', version) as { spec: { replicas?: number } };
  delete app.spec.replicas;
  return app;
}

test('an autoscaler scales the App, and neither its own pools nor a release are in its way', async (t) => {
  const cluster = await testCluster(t);
  if (cluster === undefined) return;
  const place = await site(t, cluster);
  await place.startController();
  await place.apply(unscaled('v1'), '--wait');
  assert.equal(await place.field('shop', 'status.ready'), '1/1');
  const autoscaler = (minReplicas: number, maxReplicas: number) => ({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'shop' },
    spec: {
      scaleTargetRef: { apiVersion: 'crossfade.dev/v1', kind: 'App', name: 'shop' },
      minReplicas,
      maxReplicas,
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } },
        },
      ],
    },
  });
  await cluster.apply(autoscaler(3, 5));
  await place.until('status.ready', '3/3');
  assert.equal(await place.field('shop', 'status.stable'), '#1', 'scaling makes no revision');
  const current =
    "-o=jsonpath={.status.currentReplicas}{' '}{.status.conditions[?(@.type=='AbleToScale')].status}";
  // It looks every 15 s.
  await waitFor(async () => (await cluster.kubectl(['get', 'hpa', 'shop', current])) === '3 True', {
    timeoutMs: 60_000,
    intervalMs: 500,
    what: 'the autoscaler to see three',
  });

  // Applied again, with another image: the number is the autoscaler's.
  await place.apply(unscaled('v2'), '--wait');
  await place.until('status.stable', '#2');
  await place.until('status.ready', '3/3');
  await cluster.apply(autoscaler(1, 2));
  await place.until('status.ready', '2/2');
});

test('an App that is scaled in the middle of a release keeps the number, and nothing is lost', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const place = await site(t, cluster);
  await place.startController();
  const strategy = { canary: { steps: [{ setWeight: 20 }, { pause: {} }] } };
  const app = (version: string) => routed(cluster, { version, router: 'gatewayApi', strategy });
  await place.apply(app('v1'), '--wait');
  const users = await startUsers(t, cluster, 'gatewayApi');
  await place.apply(app('v2'));
  await place.until('status.phase', 'Paused');
  await cluster.kubectl(['scale', 'xf/shop', '--replicas=5']);
  const stable = async () =>
    (await cluster.kubectl(['get', 'deployment/shop-1-1', '-o', 'jsonpath={.status.readyReplicas}'])).trim();
  while ((await stable()) !== '5') await users.more(20);
  assert.equal(await place.field('shop', 'status.stable'), '#1');
  await users.more(100);
  await place.crossfade(['rollout', 'promote', 'shop', '--wait']);
  await place.until('status.ready', '5/5');
  assert.equal(await place.field('shop', 'status.stable'), '#2');
  await cluster.kubectl(['scale', 'xf/shop', '--replicas=2']);
  await place.until('status.ready', '2/2');
  await users.more(200);
  await users.stop();
});
