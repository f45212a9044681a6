import assert from 'node:assert/strict';
import { it } from 'node:test';
import { waitFor } from '../../support/wait-for.ts';
import { SHOP, shopDocument, startApi } from './harness.ts';

it('takes secrets and shows their names alone, with who set them when', async (t) => {
  const harness = await startApi(t);
  const { client, secrets, call, logged, store } = harness;
  const shown = await client.putSecret('default', 'db-password', 'hunter2');
  assert.deepEqual(shown, {
    name: 'db-password',
    namespace: 'default',
    updatedAt: '2026-01-01T00:00:00.000Z',
    updatedBy: 'ann',
  });
  assert.equal(secrets.get('default/db-password'), 'hunter2');
  assert.deepEqual(await client.secrets('default'), [shown]);
  assert.deepEqual(await client.secrets('other'), []);
  const everything = [
    (await call('GET', '/v1/namespaces/default/secrets')).text,
    (await call('PUT', '/v1/namespaces/default/secrets/x', { value: ['hunter2'] })).text,
    JSON.stringify(await store.audit({})),
    ...logged,
  ];
  for (const text of everything) assert.doesNotMatch(text, /hunter2/);
  assert.equal((await call('GET', '/v1/namespaces/default/secrets/db-password')).status, 404);
});

it('removes a secret once', async (t) => {
  const { client } = await startApi(t);
  await client.putSecret('default', 'a', 'b');
  await client.removeSecret('default', 'a');
  await assert.rejects(client.removeSecret('default', 'a'), { code: 'E_SECRET_NOT_FOUND', status: 404 });
  assert.deepEqual(await client.secrets('default'), []);
  assert.deepEqual(
    (await client.audit()).map((entry) => entry.action),
    ['set secret default/a', 'delete secret default/a'],
  );
});

it('makes, lists and revokes tokens', async (t) => {
  const { client, tokens } = await startApi(t);
  const { token, ...shown } = await client.createToken({ user: 'bob', role: 'viewer' });
  assert.deepEqual(tokens.verify(token), { user: 'bob', role: 'viewer' });
  const [listed] = await client.tokens();
  assert.deepEqual({ ...listed, lastUsedAt: null }, shown);
  await client.revokeToken(shown.id);
  await assert.rejects(client.revokeToken(shown.id), { code: 'E_TOKEN_NOT_FOUND', status: 404 });
  assert.equal(tokens.verify(token), undefined);
});

it('stops the daemon after it has answered, and answers when what it runs has stopped', async (t) => {
  const { client, asked } = await startApi(t);
  const { left } = await client.stopDaemon({ replicas: true });
  assert.deepEqual([asked, left], [['stop true'], ['replica 1-1-0 of default/shop: it does not end']]);
  assert.deepEqual((await client.stopDaemon({ replicas: false })).left, []);
  await waitFor(() => asked.includes('stop false'), { what: 'the daemon to be stopped' });
  assert.deepEqual(
    (await client.audit()).map((entry) => entry.action),
    ['stop daemon and replicas', 'stop daemon'],
  );
});

it('says what does not work', async (t) => {
  const { client } = await startApi(t);
  assert.deepEqual(await client.health(), { status: 'ok', problems: [] });
  await client.apply(SHOP, { app: shopDocument() });
  assert.deepEqual(await client.health(), {
    status: 'degraded',
    problems: ['default/shop: the router cannot be seen: no router in this test'],
  });
});

it('answers which daemon it is', async (t) => {
  const { client } = await startApi(t);
  assert.equal((await client.version()).apiVersion, 'v1');
});
