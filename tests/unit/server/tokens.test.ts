import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { createTokenStore } from '../../../src/server/tokens.ts';
import { tempDir } from '../../support/temp-dir.ts';

it('recognises the token it made, also after a restart, and nothing else', async (t) => {
  const stateDir = await tempDir(t);
  const made = createTokenStore(stateDir).create({ user: 'ann', role: 'deployer' });
  const tokens = createTokenStore(stateDir);
  assert.deepEqual(tokens.verify(made.token), { user: 'ann', role: 'deployer' });
  const wrong = [
    '',
    'x',
    made.id,
    `${made.token}x`,
    made.token.slice(0, -1),
    made.token.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
    made.token.replace(made.id, '000000000000'),
  ];
  for (const token of wrong) assert.equal(tokens.verify(token), undefined, token);
});

it('keeps no token, only its hash, in a file of its owner', async (t) => {
  const stateDir = await tempDir(t);
  const { token } = createTokenStore(stateDir).create({ user: 'ann', role: 'admin' });
  const file = path.join(stateDir, 'tokens.json');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(!readFileSync(file, 'utf8').includes(token.slice(16)));
});

it('shows a token once, and forgets a revoked one', async (t) => {
  const tokens = createTokenStore(await tempDir(t));
  const { token, ...shown } = tokens.create({ user: 'ann', role: 'viewer' });
  tokens.create({ user: 'bob', role: 'viewer' });
  assert.deepEqual(tokens.list()[0], shown);
  assert.equal(tokens.revoke(shown.id), true);
  assert.equal(tokens.revoke(shown.id), false);
  assert.equal(tokens.verify(token), undefined);
  assert.deepEqual(
    tokens.list().map(({ user }) => user),
    ['bob'],
  );
});

it('lets a token expire, and notes when one was used', async (t) => {
  let now = 1_000;
  const tokens = createTokenStore(await tempDir(t), () => now);
  const { token } = tokens.create({ user: 'ann', role: 'viewer', expiresInMs: 500 });
  now = 1_499;
  assert.ok(tokens.verify(token));
  now = 1_500;
  assert.equal(tokens.verify(token), undefined);
  assert.equal(tokens.list()[0]?.expiresAt, new Date(1_500).toISOString());
  assert.equal(tokens.list()[0]?.lastUsedAt, new Date(1_499).toISOString());
});

it('refuses a file that it cannot read instead of letting everybody or nobody in silently', async (t) => {
  const stateDir = await tempDir(t);
  for (const text of ['', '{', '{"tokens": [{"id": "x"}]}', '[]']) {
    writeFileSync(path.join(stateDir, 'tokens.json'), text);
    assert.throws(() => createTokenStore(stateDir), { code: 'E_TOKENS_CORRUPT' }, text);
  }
});
