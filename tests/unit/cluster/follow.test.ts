import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { markOf, TAKEN_ANNOTATION } from '../../../src/adoption/taken.ts';
import { followAdopted } from '../../../src/cluster/ownership/follow.ts';
import { waitFor } from '../../support/wait-for.ts';
import { deployment, TEMPLATE } from '../adoption/found.ts';
import { type Asked, scriptedApi } from '../kubernetes/scripted-api.ts';

const LOG = { info: () => undefined, warn: () => undefined, error: () => undefined };

function withImage(image: string) {
  const [web, logs] = TEMPLATE.spec.containers;
  return { ...TEMPLATE, spec: { ...TEMPLATE.spec, containers: [{ ...web, image }, logs] } };
}

/** Follows one adopted Deployment and its App as they are; gives what was written. */
async function followed(
  t: TestContext,
  spec: Parameters<typeof deployment>[0],
  { annotations = {}, isOurs = true }: { annotations?: Record<string, string>; isOurs?: boolean } = {},
): Promise<Asked[]> {
  const adopted = deployment({ paused: true, ...spec });
  adopted.metadata.labels = { 'crossfade.dev/adopted': 'shop' };
  const app = {
    metadata: {
      name: 'shop',
      namespace: 'team',
      resourceVersion: '5',
      annotations: { [TAKEN_ANNOTATION]: markOf(deployment()), ...annotations },
    },
    spec: { kubernetes: { container: 'web' } },
  };
  const { kube, asked } = await scriptedApi(t, ({ method, path, query }, response) => {
    const json = (body: object) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (query.get('watch') !== null) return void response.writeHead(200).write('\n');
    if (method === 'PATCH' && path.includes('/deployments/'))
      return json({ ...adopted, spec: { ...adopted.spec, paused: true } });
    if (path.includes('/apps/shop')) return json(app);
    if (path.endsWith('/deployments/shop')) return json(adopted);
    json({ items: [adopted], metadata: { resourceVersion: '9' } });
  });
  const following = followAdopted({ kube, namespace: 'team', isOurs: () => isOurs, log: LOG });
  t.after(() => following.close());
  const isWatched = () => asked.some(({ query }) => query.get('watch') !== null);
  await waitFor(isWatched, { what: 'the watch to begin', timeoutMs: 60_000 });
  return asked;
}

const writes = (asked: readonly Asked[]) => asked.filter(({ method }) => method === 'PATCH');
const looked = (asked: readonly Asked[]) => asked.some(({ path }) => path.endsWith('/deployments/shop'));
const soon = (what: string) => ({ what, timeoutMs: 60_000 });

test('an image that somebody sets in the Deployment is written into the App, which is released by it', async (t) => {
  const asked = await followed(t, { template: withImage('registry.example.com/shop:2') });
  await waitFor(() => writes(asked).length > 0, soon('the App to be changed'));
  const [patch] = writes(asked);
  assert.ok(patch);
  assert.match(patch.path, /\/apis\/crossfade\.dev\/v1\/namespaces\/team\/apps\/shop$/);
  const image = (patch.body as { path: string; value: unknown }[]).find(({ path }) => path === '/spec/image');
  assert.equal(image?.value, 'registry.example.com/shop:2');
});

test('a Deployment that is as it was taken over changes nothing', async (t) => {
  const asked = await followed(t, {});
  await waitFor(() => looked(asked), soon('the Deployment to be looked at'));
  assert.deepEqual(writes(asked), []);
});

test('one that is resumed is paused again, over exactly the version that was read', async (t) => {
  const asked = await followed(t, { paused: false });
  await waitFor(() => writes(asked).length > 0, soon('it to be paused'));
  assert.deepEqual(writes(asked)[0]?.body, { metadata: { resourceVersion: '9' }, spec: { paused: true } });
});

test('an App that is being given back is let be, and so is one of another shard', async (t) => {
  const template = withImage('registry.example.com/shop:2');
  const released = await followed(t, { template }, { annotations: { 'crossfade.dev/released': 'true' } });
  await waitFor(() => looked(released), soon('the Deployment to be looked at'));
  assert.deepEqual(writes(released), []);
  assert.deepEqual(writes(await followed(t, { template }, { isOurs: false })), []);
});
