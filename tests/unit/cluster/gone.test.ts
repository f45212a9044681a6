import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Routers } from '../../../src/cluster/chosen-router.ts';
import { giveBackOfGone } from '../../../src/cluster/ownership/gone.ts';
import { OperatingError } from '../../../src/core/errors.ts';
import { waitFor } from '../../support/wait-for.ts';
import { scriptedApi, send } from '../kubernetes/scripted-api.ts';

const LOG = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A router that has something of these Apps, and gives it back when it is asked so often. */
function routerOf(apps: string[], failures = 0) {
  const removed: string[] = [];
  let left = failures;
  const router = {
    apps: async () => apps.filter((app) => !removed.includes(app)),
    remove: async ({ app }: { app: string }) => {
      if (app === 'team/strange') throw new TypeError('what somebody has noted there cannot be read');
      if (left-- > 0) throw new OperatingError('E_CONFLICT', 'changed meanwhile');
      removed.push(app);
    },
  };
  return { router, removed };
}

test('what belongs to others is given back of Apps that are gone, and of no other', async (t) => {
  const { kube, asked } = await scriptedApi(t, ({ path }, response) => {
    if (path.endsWith('/apps/new')) send(response, 200, { metadata: { name: 'new' } });
    else if (path.endsWith('/deployments/adopting-1-1'))
      send(response, 200, { metadata: { annotations: { 'crossfade.dev/keep': 'being adopted' } } });
    else send(response, 404, { kind: 'Status', reason: 'NotFound', message: 'no such object' });
  });
  const first = routerOf(['team/known', 'team/gone', 'team/new', 'other/shard', 'team/adopting']);
  const second = routerOf(['team/strange', 'team/lost'], 1);
  const routers = { gatewayApi: first.router, service: second.router } as unknown as Routers;
  const gone = giveBackOfGone({
    kube,
    routers,
    isOurs: (app) => app.startsWith('team/'),
    isThere: (app) => app === 'team/known',
    log: LOG,
  });
  gone.look();
  await waitFor(() => second.removed.length > 0, { what: 'it to be tried again', timeoutMs: 60_000 });
  await gone.close();
  assert.deepEqual([first.removed, second.removed], [['team/gone'], ['team/lost']]);
  assert.ok(!asked.some(({ path }) => /known|shard/.test(path)), 'nobody is asked for what is known');
});

test('routers that keep nothing are not asked', async (t) => {
  const { kube, asked } = await scriptedApi(t, (_, response) => send(response, 500, {}));
  const routers = { service: {} } as unknown as Routers;
  const gone = giveBackOfGone({ kube, routers, isOurs: () => true, isThere: () => false, log: LOG });
  gone.look();
  await gone.close();
  assert.deepEqual(asked, []);
});
