import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type OwnTestCluster, ownCluster } from '../support/cluster.ts';
import { isFullTest } from '../support/full.ts';
import { waitFor } from '../support/wait-for.ts';
import { failedOf, startClients } from './support/clients.ts';
import { routed, site } from './support/controller.ts';
import { serviceUrl } from './support/settle.ts';

/** Puts watchers of this image beside old pods: it has node in its PATH, which is all that they need. */
process.env.CROSSFADE_IMAGE = 'localhost/service:v1';

const SOON = { timeoutMs: 180_000, intervalMs: 200 };
/** Clients that never let go are not to be cut by a deadline in this test. */
const DRAIN = { timeout: '100s', longConnections: '100s' };

/** Those of the old version that were not told to end. */
async function oldPods(cluster: OwnTestCluster): Promise<number> {
  const text = await cluster.kubectl(['get', 'pods', '-l', 'crossfade.dev/pool=1-1', '-o', 'json']);
  const { items } = JSON.parse(text) as { items: { metadata: { deletionTimestamp?: string } }[] };
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length;
}

for (const suffix of isFullTest() ? ['', '-after-2s'] : ['']) {
  test(`a switch by selector waits for kept connections, and cuts none: image service:v1${suffix}`, async (t) => {
    const cluster = await ownCluster(t);
    if (cluster === undefined) return;
    const at = await site(t, cluster);
    await at.startController();
    const app = (version: string) =>
      routed(cluster, {
        version: `${version}${suffix}`,
        router: 'service',
        strategy: { blueGreen: { scaleDownDelaySeconds: 0 } },
        drain: DRAIN,
      });
    await at.apply(app('v1'), '--wait');
    const url = await serviceUrl(cluster, 'shop');
    const kept = startClients({ url, connections: 'kept', clients: 6 });
    const fresh = startClients({ url, connections: 'fresh', clients: 2 });
    t.after(() => Promise.all([kept.stop(), fresh.stop()]));
    await kept.more(200);

    await at.apply(app('v2'));
    await waitFor(async () => /OldReplicasServe/.test(await at.events()), {
      ...SOON,
      what: 'the old side to be told of',
    });
    // Those of the clients that are kept, and perhaps one of the kubelet's own.
    assert.match(await at.events(), /replicas? of revision 1 still (has|have) \d+ open connections?/);
    // New connections are on the new version, kept ones on the old, and the old ones are not touched.
    await kept.more(1000);
    await fresh.more(100);
    assert.equal(await oldPods(cluster), 3);
    assert.equal(await at.field('shop', 'status.stable'), '#1');

    const tally = await kept.stop();
    assert.equal(failedOf(tally), 0, JSON.stringify(tally.failures));
    assert.deepEqual(Object.keys(tally.answers), ['v1']);
    await at.until('status.stable', '#2');
    await waitFor(async () => (await oldPods(cluster)) === 0, {
      ...SOON,
      what: 'the old pods to be told to end',
    });
    const others = await fresh.stop();
    assert.equal(failedOf(others), 0, JSON.stringify(others.failures));
    assert.ok((others.answers.v2 ?? 0) > 0);
    assert.match(await at.events(), /OldReplicasQuiet/);
    assert.doesNotMatch(await at.events(), /ConnectionsCut/);
    t.diagnostic(`kept: ${tally.requests} requests, 0 failed; fresh: ${others.requests}, 0 failed`);
  });
}

test('where nobody can look inside, that is said, and old pods have their time to drain', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const at = await site(t, cluster);
  process.env.CROSSFADE_IMAGE = 'localhost/none:1';
  t.after(() => {
    process.env.CROSSFADE_IMAGE = 'localhost/service:v1';
  });
  await at.startController();
  const app = (version: string) =>
    routed(cluster, {
      version,
      router: 'service',
      strategy: { blueGreen: { scaleDownDelaySeconds: 0 } },
      drain: { timeout: '5s', longConnections: '1s' },
    });
  await at.apply(app('v1'), '--wait');
  await at.apply(app('v2'), '--wait');
  assert.match(await at.events(), /may still have connections, which cannot be seen/);
  await waitFor(async () => (await oldPods(cluster)) === 0, {
    ...SOON,
    what: 'the old pods to be told to end',
  });
});
