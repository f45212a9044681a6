import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { openAccess } from '../../../src/kubernetes/access.ts';
import { openServiceAccount } from '../../../src/kubernetes/service-account.ts';
import { tempDir } from '../../support/temp-dir.ts';

function inPod(t: TestContext, host: string | undefined): void {
  const before = { ...process.env };
  t.after(() => {
    process.env = before;
  });
  process.env = { ...before, KUBERNETES_SERVICE_PORT: '443' };
  if (host === undefined) delete process.env.KUBERNETES_SERVICE_HOST;
  else process.env.KUBERNETES_SERVICE_HOST = host;
}

async function account(t: TestContext): Promise<string> {
  const folder = await tempDir(t);
  for (const [name, text] of Object.entries({ token: 'letmein\n', 'ca.crt': 'CA', namespace: 'shop' }))
    await writeFile(path.join(folder, name), text);
  return folder;
}

test('a pod speaks as its account', async (t) => {
  inPod(t, '10.96.0.1');
  const access = openServiceAccount(await account(t)) ?? assert.fail('no account');
  t.after(() => access.close());
  assert.deepEqual([access.server, access.namespace], ['https://10.96.0.1:443', 'shop']);
  assert.deepEqual((await access.authorize()).headers, { authorization: 'Bearer letmein' });
});

test('a token that is renewed is read again, and one that cannot be read at this moment is kept', async (t) => {
  inPod(t, 'fd00::1');
  const folder = await account(t);
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const access = openServiceAccount(folder) ?? assert.fail('no account');
  t.after(() => access.close());
  assert.equal(access.server, 'https://[fd00::1]:443');
  const token = async () => (await access.authorize()).headers.authorization;
  await writeFile(path.join(folder, 'token'), 'second');
  assert.equal(await token(), 'Bearer letmein', 'not read with each request');
  now = 61_000;
  assert.equal(await token(), 'Bearer second');
  await rm(path.join(folder, 'token'));
  now = 122_000;
  assert.equal(await token(), 'Bearer second', 'not there');
  await mkdir(path.join(folder, 'token'));
  now = 183_000;
  assert.equal(await token(), 'Bearer second', 'not to be read');
});

test('what is no pod has no account; one that cannot be read is told', async (t) => {
  const folder = await account(t);
  inPod(t, undefined);
  assert.equal(openServiceAccount(folder), undefined);
  inPod(t, '10.96.0.1');
  assert.equal(openServiceAccount(path.join(folder, 'nowhere')), undefined);
  await rm(path.join(folder, 'token'));
  await mkdir(path.join(folder, 'token'));
  assert.throws(() => openServiceAccount(folder), { code: 'E_KUBECONFIG', message: /service account/ });
});

test('a kubeconfig comes before the account of the pod, whose namespace it has where it names none', async (t) => {
  inPod(t, '10.96.0.1');
  const folder = await tempDir(t);
  const cluster = { server: 'https://elsewhere:6443' };
  const config = {
    ...{
      clusters: [{ name: 'c', cluster }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    },
    ...{ users: [{ name: 'u', user: {} }], 'current-context': 'x' },
  };
  const file = path.join(folder, 'config');
  await writeFile(file, JSON.stringify(config));
  const where = async () => {
    const access = await openAccess({}, await account(t));
    t.after(() => access.close());
    return [access.server, access.namespace];
  };
  Object.assign(process.env, { HOME: folder, KUBECONFIG: '' });
  assert.deepEqual(await where(), ['https://10.96.0.1:443', 'shop']);
  process.env.KUBECONFIG = file;
  assert.deepEqual(await where(), ['https://elsewhere:6443', 'shop']);
});
