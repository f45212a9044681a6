import assert from 'node:assert/strict';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import { createSecretFiles } from '../../../src/engines/process/secret-files.ts';
import { removeFolder, temporaryFolder } from './support.ts';

function folderFor(t: TestContext): string {
  const folder = temporaryFolder();
  t.after(() => removeFolder(folder));
  return folder;
}

it('secrets are kept per namespace, in files that only the owner may read', async (t) => {
  const folder = folderFor(t);
  const secrets = createSecretFiles(folder);
  await secrets.set('default', 'token', 'one');
  await secrets.set('default', 'token', 'two\n');
  await secrets.set('other', 'token', 'three');
  assert.equal(await secrets.get('default', 'token'), 'two\n');
  assert.equal(await secrets.get('default', 'nope'), undefined);
  assert.deepEqual([await secrets.list('default'), await secrets.list('none')], [['token'], []]);
  for (const name of ['secrets/default', 'secrets/default/token'])
    assert.equal(statSync(path.join(folder, name)).mode & 0o077, 0);
  assert.deepEqual(
    [await secrets.delete('default', 'token'), await secrets.delete('default', 'token')],
    [true, false],
  );
  assert.equal(await secrets.get('default', 'token'), undefined);
  assert.equal(await secrets.get('other', 'token'), 'three');
});

it('names cannot leave the folder', async (t) => {
  const secrets = createSecretFiles(folderFor(t));
  for (const name of ['..', '../x', 'a/b', '', '.hidden', 'a\0b']) {
    await assert.rejects(secrets.set('default', name, 'x'), { code: 'E_SECRET_NAME' });
    await assert.rejects(secrets.get(name, 'x'), { code: 'E_SECRET_NAME' });
  }
});

it('values that cannot be an environment variable are refused', async (t) => {
  const secrets = createSecretFiles(folderFor(t));
  await assert.rejects(secrets.set('default', 'a', 'x\0y'), { code: 'E_SECRET_VALUE', message: /NUL/ });
  await assert.rejects(secrets.set('default', 'a', 'x'.repeat(200_000)), {
    code: 'E_SECRET_VALUE',
    message: /200000 bytes/,
  });
});

it('the key of an installation is made once, whoever asks first', async (t) => {
  const folder = folderFor(t);
  const keys = await Promise.all([1, 2, 3, 4].map(() => createSecretFiles(folder).hmacKey()));
  assert.equal(new Set(keys.map((key) => key.toString('hex'))).size, 1);
  assert.equal(keys[0]?.length, 32);
  assert.deepEqual(readdirSync(folder), ['hmac-key']);
  assert.equal(statSync(path.join(folder, 'hmac-key')).mode & 0o077, 0);
});

it('a key that was damaged is not replaced by another one', async (t) => {
  const folder = folderFor(t);
  writeFileSync(path.join(folder, 'hmac-key'), 'short');
  await assert.rejects(createSecretFiles(folder).hmacKey(), { code: 'E_STATE_CORRUPT' });
});
