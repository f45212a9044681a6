import assert from 'node:assert/strict';
import { linkSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import { createClient } from '../../../src/api/client.ts';
import type { Role } from '../../../src/api/types.ts';
import { listenTcp, listenUnix } from '../../../src/server/listen.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { type Harness, SHOP, shopDocument, startApi } from './harness.ts';

async function overTcp(t: TestContext, harness: Harness, role: Role) {
  const listener = await listenTcp(harness.api, { host: '127.0.0.1', port: 0, tokens: harness.tokens });
  const { token } = harness.tokens.create({ user: `the ${role}`, role });
  const client = createClient({ url: listener.address, token }, { actor: 'somebody else' });
  t.after(async () => {
    await client.close();
    await listener.close(0);
  });
  return { client, token, listener };
}

it('keeps its socket to its owner', async (t) => {
  const { socketPath } = await startApi(t);
  assert.equal(statSync(socketPath).mode & 0o777, 0o600);
});

it('takes the place of a dead daemon, and never of one that answers or of a file', async (t) => {
  const { api, socketPath } = await startApi(t);
  await assert.rejects(listenUnix(api, socketPath), { code: 'E_DAEMON_RUNNING' });
  const folder = await tempDir(t);
  const stale = path.join(folder, 'stale.sock');
  const dead = createServer().listen(stale);
  // Closing removes the file: a copy under another name stays behind, as after a kill.
  await new Promise((resolve) => dead.once('listening', resolve));
  const left = path.join(folder, 'left.sock');
  linkSync(stale, left);
  await new Promise((resolve) => dead.close(resolve));
  const listener = await listenUnix(api, left);
  t.after(() => listener.close(0));
  const file = path.join(folder, 'file');
  writeFileSync(file, 'precious');
  await assert.rejects(listenUnix(api, file), { code: 'E_SOCKET_PATH' });
  await assert.rejects(listenUnix(api, `${folder}/${'x'.repeat(100)}`), {
    code: 'E_SOCKET_PATH',
    message: /107/,
  });
});

it('believes a token, and over the Unix socket only writes down what is claimed', async (t) => {
  const harness = await startApi(t);
  const { client } = await overTcp(t, harness, 'deployer');
  await client.apply(SHOP, { app: shopDocument(), reason: 'Grüße' });
  await harness.client.remove(SHOP);
  const entries = (await harness.client.audit()).map(({ actor, verified, reason }) => [
    actor,
    verified,
    reason,
  ]);
  assert.deepEqual(entries, [
    ['the deployer', true, 'Grüße'],
    ['ann', false, null],
  ]);
});

it('lets each role do its part, and no more', async (t) => {
  const harness = await startApi(t);
  await harness.client.apply(SHOP, { app: shopDocument() });
  const viewer = (await overTcp(t, harness, 'viewer')).client;
  const deployer = (await overTcp(t, harness, 'deployer')).client;
  const admin = (await overTcp(t, harness, 'admin')).client;
  const forbidden = { code: 'E_FORBIDDEN', status: 403 };
  assert.equal((await viewer.apps()).length, 1);
  await assert.rejects(viewer.scale(SHOP, { replicas: 1 }), forbidden);
  await assert.rejects(viewer.putSecret('default', 'a', 'b'), forbidden);
  assert.equal((await deployer.scale(SHOP, { replicas: 1 })).result, 'configured');
  await assert.rejects(deployer.tokens(), forbidden);
  await assert.rejects(deployer.stopDaemon({ replicas: true }), forbidden);
  assert.equal((await admin.tokens()).length, 3);
});

it('answers nothing on TCP without a token, under a foreign name or to a foreign page', async (t) => {
  const harness = await startApi(t);
  const { listener, token } = await overTcp(t, harness, 'admin');
  const get = (headers: Record<string, string>, path = '/healthz') =>
    fetch(`${listener.address}${path}`, { headers });
  const bare = await get({});
  assert.equal(bare.status, 401);
  assert.equal(bare.headers.get('www-authenticate'), 'Bearer');
  const authorization = `Bearer ${token}`;
  assert.equal((await get({ authorization })).status, 200);
  assert.equal((await get({ authorization, origin: 'http://evil.example' })).status, 403);
  assert.equal((await get({}, '/openapi.json')).status, 401);
  assert.equal((await get({}, '/nothing')).status, 401);
});

it('takes no folder of this machine over TCP', async (t) => {
  const harness = await startApi(t);
  const { client } = await overTcp(t, harness, 'admin');
  await assert.rejects(client.apply(SHOP, { app: shopDocument(), baseDir: '/etc' }), {
    code: 'E_BAD_REQUEST',
    message: /Unix socket/,
  });
});

it('says who has the port', async (t) => {
  const harness = await startApi(t);
  const { listener } = await overTcp(t, harness, 'admin');
  const again = listenTcp(harness.api, { host: '127.0.0.1', port: listener.port, tokens: harness.tokens });
  await assert.rejects(again, { code: 'E_PORT_TAKEN', message: new RegExp(`127.0.0.1:${listener.port}`) });
});

it('refuses a body that is too large, and keeps the reason of a bug to its log', async (t) => {
  const harness = await startApi(t);
  const large = await harness.call('PUT', '/v1/namespaces/default/apps/shop', { app: 'x'.repeat(5_000_000) });
  assert.equal(large.status, 413);
  assert.match(large.text, /E_TOO_LARGE/);
  harness.store.apps = () => Promise.reject(new Error('the secret sauce'));
  const bug = await harness.call('GET', '/v1/apps');
  assert.equal(bug.status, 500);
  assert.doesNotMatch(bug.text, /sauce/);
  assert.equal(harness.logged.length, 1);
});

it('ends the streams of a token that is revoked, or that expires', async (t) => {
  const harness = await startApi(t);
  await harness.client.apply(SHOP, { app: shopDocument() });
  const { listener } = await overTcp(t, harness, 'viewer');
  const open = async (expiresInMs?: number) => {
    const { id, token } = harness.tokens.create({ user: 'eve', role: 'viewer', expiresInMs });
    const get = (path: string) =>
      fetch(`${listener.address}${path}`, { headers: { authorization: `Bearer ${token}` } });
    const answers = await Promise.all([
      get('/v1/watch'),
      get('/v1/namespaces/default/apps/shop/logs?follow=true'),
    ]);
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [200, 200],
    );
    // Resolves when both have ended.
    return { id, ended: Promise.all(answers.map((answer) => answer.text())) };
  };
  const revoked = await open();
  const other = await open();
  assert.equal(harness.tokens.revoke(revoked.id), true);
  await revoked.ended;
  const expiring = await open(300);
  await expiring.ended;
  const stillOpen = await Promise.race([
    other.ended,
    new Promise((resolve) => setImmediate(resolve, 'open')),
  ]);
  assert.equal(stillOpen, 'open');
  harness.tokens.revoke(other.id);
  await other.ended;
});
