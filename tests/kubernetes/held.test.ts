/** What keeps a route from being what was asked for: the release holds, says what it is, and nobody loses anything by it. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { HTTP_ROUTES, INGRESSES } from '../../src/kubernetes/network.ts';
import { pathOf, type Resource } from '../../src/kubernetes/types.ts';
import { type OwnTestCluster, ownCluster } from '../support/cluster.ts';
import { waitFor } from '../support/wait-for.ts';
import { type RouterName, routed, type Site, site } from './support/controller.ts';
import { openKube } from './support/kube.ts';
import { startUsers, type Users } from './support/users.ts';

const CANARY = { canary: { steps: [{ setWeight: 20 }, { pause: {} }, { setWeight: 60 }] } };
/** As often as a tool of GitOps that heals what it finds, and then some. */
const EVERY_MS = 200;
const HELD_FOR_MS = 8_000;
const SOON = { timeoutMs: 60_000, intervalMs: 250 };

async function paused(
  t: TestContext,
  cluster: OwnTestCluster,
  router: RouterName,
): Promise<{ place: Site; users: Users }> {
  const place = await site(t, cluster);
  await place.startController();
  await place.apply(routed(cluster, { version: 'v1', router, strategy: CANARY }), '--wait');
  const users = await startUsers(t, cluster, router);
  await place.apply(routed(cluster, { version: 'v2', router, strategy: CANARY }));
  await place.until('status.phase', 'Paused');
  return { place, users };
}

/** Somebody who writes this into an object again and again. @returns ends it */
function writer(t: TestContext, write: () => Promise<unknown>): () => Promise<void> {
  let ended = false;
  const loop = (async () => {
    while (!ended) {
      // The other writer was faster: the next try is over what that one wrote.
      await write().catch(() => undefined);
      await sleep(EVERY_MS);
    }
  })();
  const end = async () => {
    ended = true;
    await loop;
  };
  t.after(end);
  return end;
}

const WRITER = 'healing-tool';

async function patching(cluster: OwnTestCluster, { kind, ...resource }: Resource, name: string) {
  const kube = await openKube();
  return {
    close: () => kube.close(),
    write: (body: readonly object[]) =>
      kube.request({
        method: 'PATCH',
        path: pathOf({ kind, ...resource }, cluster.namespace, name),
        query: { fieldManager: WRITER },
        contentType: 'application/json-patch+json',
        body,
        doing: `changing ${kind} ${name}`,
      }),
  };
}

/** It stays where it is while somebody is in the way, with the reason, and no pod of stable is touched. */
async function holds(cluster: OwnTestCluster, place: Site, why: RegExp): Promise<void> {
  await place.until('status.message', why);
  const until = performance.now() + HELD_FOR_MS;
  while (performance.now() < until) {
    assert.equal(await place.field('shop', 'status.stable'), '#1');
    const old = await cluster.kubectl(['get', 'pods', '-l', 'crossfade.dev/pool=1-1', '-o', 'name']);
    assert.equal(old.trim().split('\n').length, 3, 'stable is whole');
    await sleep(500);
  }
}

test('weights that somebody sets back every 200 ms hold the release, with their writer named, and nothing is lost', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const { place, users } = await paused(t, cluster, 'gatewayApi');
  const route = await patching(cluster, HTTP_ROUTES, 'shop');
  t.after(route.close);
  const end = writer(t, () =>
    route.write([
      { op: 'replace', path: '/spec/rules/0/backendRefs/0/weight', value: 100 },
      { op: 'replace', path: '/spec/rules/0/backendRefs/1/weight', value: 0 },
    ]),
  );
  await place.crossfade(['rollout', 'promote', 'shop']);
  await holds(cluster, place, /HTTPRoute shop was changed by healing-tool .*asked for/);
  await users.more(200);
  await end();
  await place.until('status.stable', '#2');
  await users.more(200);
  await users.stop();
});

test('a canary Ingress whose host somebody changes holds the release, and is put right when they let it be', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const { place, users } = await paused(t, cluster, 'ingressNginx');
  const ingress = await patching(cluster, INGRESSES, 'shop-canary');
  t.after(ingress.close);
  const end = writer(t, () =>
    ingress.write([{ op: 'replace', path: '/spec/rules/0/host', value: 'elsewhere.example' }]),
  );
  await place.crossfade(['rollout', 'promote', 'shop']);
  await holds(
    cluster,
    place,
    /canary Ingress of shop was changed by healing-tool .*found .*elsewhere\.example/,
  );
  await users.more(200);
  await end();
  await place.until('status.stable', '#2');
  await users.more(200);
  await users.stop();
});

test('a router that is stopped holds the release, and no pod is taken away meanwhile', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const { place, users } = await paused(t, cluster, 'gatewayApi');
  await users.more(100);
  await users.stop();
  await cluster.cluster.stop('traefik');
  try {
    await place.crossfade(['rollout', 'promote', 'shop']);
    await holds(cluster, place, /./);
  } finally {
    await cluster.cluster.start('traefik');
  }
  await place.until('status.stable', '#2');
  const again = await startUsers(t, cluster, 'gatewayApi');
  await again.more(200);
  assert.deepEqual(Object.keys(await again.stop()), ['v2']);
});

test('a route that no Gateway takes is told before anything depends on it', async (t) => {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return;
  const place = await site(t, cluster);
  await place.startController();
  const app = (sectionName?: string) => {
    const made = routed(cluster, { version: 'v1', router: 'gatewayApi', strategy: CANARY }) as {
      spec: { kubernetes: { parentRefs: object[] } };
    };
    const [parent] = made.spec.kubernetes.parentRefs;
    made.spec.kubernetes.parentRefs = [{ ...parent, ...(sectionName === undefined ? {} : { sectionName }) }];
    return made;
  };
  await place.apply(app('nobody'));
  await place.until('status.message', /NoMatchingParent|not accepted|is not taken|refused/i);
  assert.equal(await place.field('shop', 'status.stable'), '');
  await place.apply(app());
  await place.until('status.stable', '#1');
  await waitFor(async () => (await place.field('shop', 'status.phase')) === 'Healthy', {
    ...SOON,
    what: 'the App to be healthy',
  });
});
