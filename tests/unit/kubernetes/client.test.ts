import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openAccess } from '../../../src/kubernetes/access.ts';
import type { KubeObject, Resource } from '../../../src/kubernetes/types.ts';
import { scriptedApi, send } from './scripted-api.ts';

const CONFIG_MAPS: Resource<KubeObject> = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};
const named = (name: string, more = {}) => ({ metadata: { namespace: 'shop', name, ...more } });

describe('the Kubernetes client', () => {
  it('speaks as whom the kubeconfig says, in its namespace', async (t) => {
    const { kube, asked } = await scriptedApi(t, (_, response) => send(response, 200, named('a')));
    assert.equal(kube.namespace, 'shop');
    assert.deepEqual(await kube.get(CONFIG_MAPS, 'shop', 'a'), named('a'));
    assert.equal(asked[0]?.path, '/api/v1/namespaces/shop/configmaps/a');
    assert.equal(asked[0]?.headers.authorization, 'Bearer letmein');
  });

  it('says which contexts there are when the one that was asked for is not', async (t) => {
    const { kubeconfig } = await scriptedApi(t, (_, response) => send(response, 200, {}));
    assert.equal((await openAccess({ kubeconfig, context: 'two' })).namespace, 'default');
    await assert.rejects(openAccess({ kubeconfig, context: 'three' }), {
      code: 'E_KUBECONFIG',
      message: 'there is no context three in the kubeconfig; there are: one, two',
    });
    await assert.rejects(openAccess({ kubeconfig: '/nowhere' }), { code: 'E_KUBECONFIG' });
  });

  it('takes what is not there for nothing, and deletes it without complaint', async (t) => {
    const gone = { message: 'configmaps "a" not found', reason: 'NotFound' };
    const { kube } = await scriptedApi(t, (_, response) => send(response, 404, gone));
    assert.equal(await kube.get(CONFIG_MAPS, 'shop', 'a'), undefined);
    await kube.delete(CONFIG_MAPS, 'shop', 'a', { uid: 'u' });
    await assert.rejects(kube.patch(CONFIG_MAPS, 'shop', 'a', {}), { code: 'E_CLUSTER_NOT_FOUND' });
  });

  it('owns its fields as crossfade, and takes none by force unasked', async (t) => {
    const owned = {
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "kubectl": .data.a',
      details: { causes: [{ reason: 'FieldManagerConflict', field: '.data.a' }] },
    };
    const { kube, asked } = await scriptedApi(t, ({ query }, response) =>
      query.has('force') ? send(response, 200, named('a')) : send(response, 409, owned),
    );
    await assert.rejects(kube.apply(CONFIG_MAPS, named('a')), { code: 'E_FIELD_OWNED', message: /kubectl/ });
    await kube.apply(CONFIG_MAPS, named('a'), { force: true });
    assert.equal(asked[0]?.query.get('fieldManager'), 'crossfade');
    assert.equal(asked[0]?.headers['content-type'], 'application/apply-patch+yaml');
    assert.deepEqual(asked[0]?.body, { ...named('a'), apiVersion: 'v1', kind: 'ConfigMap' });
  });

  for (const { status, body, code } of [
    { status: 409, body: { reason: 'Conflict', message: 'modified' }, code: 'E_CONFLICT' },
    { status: 409, body: { reason: 'AlreadyExists', message: 'exists' }, code: 'E_CLUSTER_EXISTS' },
    {
      status: 403,
      body: { message: 'pods "a" is forbidden: exceeded quota: small' },
      code: 'E_QUOTA_EXCEEDED',
    },
    { status: 403, body: { message: 'User "x" cannot create pods' }, code: 'E_CLUSTER_FORBIDDEN' },
    { status: 422, body: { message: 'spec.image: Required value' }, code: 'E_CLUSTER_DENIED' },
    { status: 500, body: { message: 'failed calling webhook' }, code: 'E_CLUSTER_UNREACHABLE' },
    { status: 500, body: { message: 'field not declared in schema' }, code: 'E_CLUSTER_DENIED' },
    {
      status: 400,
      body: { message: 'admission webhook "policy" denied the request: no' },
      code: 'E_CLUSTER_DENIED',
    },
  ]) {
    it(`a write refused with ${status} (${body.message}) is ${code}, and is not repeated`, async (t) => {
      const { kube, asked } = await scriptedApi(t, (_, response) => send(response, status, body));
      await assert.rejects(kube.create(CONFIG_MAPS, named('a')), { code, message: new RegExp(body.message) });
      assert.equal(asked.length, 1);
    });
  }

  it('repeats reads that found the server unwell, and writes that it turned away', async (t) => {
    let answers = 0;
    const { kube, asked } = await scriptedApi(t, ({ method }, response) => {
      answers += 1;
      if (answers % 2 === 0) send(response, 200, named('a'));
      else if (method === 'GET') send(response, 503, { message: 'starting' });
      else send(response, 429, { message: 'busy' }, { 'retry-after': '0' });
    });
    await kube.get(CONFIG_MAPS, 'shop', 'a');
    await kube.create(CONFIG_MAPS, named('a'));
    assert.deepEqual(
      asked.map(({ method }) => method),
      ['GET', 'GET', 'POST', 'POST'],
    );
  });

  it('reads long lists page by page', async (t) => {
    const { kube } = await scriptedApi(t, ({ query }, response) => {
      const last = query.get('continue') === 'more';
      const metadata = { resourceVersion: '7', ...(last ? {} : { continue: 'more' }) };
      send(response, 200, { metadata, items: [named(last ? 'b' : 'a')] });
    });
    assert.deepEqual(await kube.list(CONFIG_MAPS, { namespace: 'shop' }), [named('a'), named('b')]);
  });

  it('says which server it could not reach', async (t) => {
    const { kube } = await scriptedApi(t, (_, response) => response.destroy());
    await assert.rejects(kube.get(CONFIG_MAPS, 'shop', 'a'), {
      code: 'E_CLUSTER_UNREACHABLE',
      message: /^reading ConfigMap a in shop: the API server http:\/\/127\.0\.0\.1:\d+ does not answer/,
    });
  });
});
