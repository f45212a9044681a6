import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownCluster } from '../support/cluster.ts';
import { isFullTest } from '../support/full.ts';
import { type RouterName, routed, site } from './support/controller.ts';
import { startUsers } from './support/users.ts';

const CANARY = { canary: { steps: [{ setWeight: 20 }, { pause: {} }, { setWeight: 50 }, { pause: {} }] } };
const BLUE_GREEN = { blueGreen: { autoPromotionEnabled: false } };

interface Story {
  router: RouterName;
  strategy: object;
  wholeCluster?: true;
}

/** A route and a Service, and both kinds of rights. */
const SOME: readonly Story[] = [
  { router: 'gatewayApi', strategy: CANARY },
  { router: 'service', strategy: BLUE_GREEN, wholeCluster: true },
];
const OTHERS: readonly Story[] = [
  { router: 'ingressNginx', strategy: CANARY },
  { router: 'gatewayApi', strategy: BLUE_GREEN, wholeCluster: true },
  { router: 'ingressNginx', strategy: BLUE_GREEN },
  { router: 'service', strategy: CANARY, wholeCluster: true },
];

for (const { router, strategy, wholeCluster = false } of isFullTest() ? [...SOME, ...OTHERS] : SOME) {
  const rights = wholeCluster ? 'the rights of the whole cluster' : 'the rights of one namespace';
  const title = `${router}, ${Object.keys(strategy).join()}, ${rights}`;
  test(`${title}: released, promoted and undone under traffic, and nothing is lost`, async (t) => {
    const cluster = await ownCluster(t);
    if (cluster === undefined) return;
    const place = await site(t, cluster, { wholeCluster });
    await place.startController();
    const app = (version: string) => routed(cluster, { version, router, strategy });
    await place.apply(app('v1'), '--wait');
    await place.until('status.phase', 'Healthy');
    const users = await startUsers(t, cluster, router);
    await users.more(200);

    await place.apply(app('v2'));
    if (strategy === CANARY) {
      await place.until('status.asked', '20%');
      await place.until('status.phase', 'Paused');
      await users.more(300);
      await place.crossfade(['rollout', 'promote', 'shop']);
      await place.until('status.asked', '50%');
    }
    await place.until('status.phase', 'Paused');
    await users.more(200);
    await place.crossfade(['rollout', 'promote', 'shop', '--wait']);
    await place.until('status.stable', '#2');
    await users.more(200);
    const before = users.answers();
    await place.crossfade(['rollout', 'undo', 'shop', '--wait']);
    await place.until('status.stable', '#1');
    await users.more(300);

    const answers = await users.stop();
    assert.ok((answers.v2 ?? 0) > 100, JSON.stringify(answers));
    assert.ok((answers.v1 ?? 0) > (before.v1 ?? 0) + 100, 'after the undo the old version answers');
  });
}

test('a controller of one namespace that may not read the Gateway says so, and how to let it', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const place = await site(t, cluster, { gateway: false });
  await place.startController();
  await place.apply(routed(cluster, { version: 'v1', router: 'gatewayApi', strategy: { rolling: {} } }));
  await place.until('status.message', /may not read Gateway routers\/web.*--gateway routers\/web/);
  assert.equal(
    await place.field('shop', 'status.stable'),
    '',
    'what was not seen to be followed is not promoted',
  );
});
