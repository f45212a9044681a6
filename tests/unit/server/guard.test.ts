import assert from 'node:assert/strict';
import { it } from 'node:test';
import { requiredRole } from '../../../src/server/access.ts';
import { admit, hostName } from '../../../src/server/guard.ts';
import { createTokenStore } from '../../../src/server/tokens.ts';
import { tempDir } from '../../support/temp-dir.ts';

it('lets in a known host with a token, from a program or from a page of its own', async (t) => {
  const { guard, token } = await guarded(t);
  const accepted: Record<string, string>[] = [
    {},
    { host: 'localhost' },
    { host: '[::1]:7000' },
    { host: 'LOCALHOST:7000' },
    { origin: 'http://127.0.0.1:7000', 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
  ];
  for (const headers of accepted) {
    const all = { host: '127.0.0.1:7000', authorization: `Bearer ${token}`, ...headers };
    const ended = guard.tokens.ended(token);
    assert.deepEqual(admit(new Headers(all), guard), { kind: 'tcp', user: 'ann', role: 'viewer', ended });
  }
});

it('keeps out foreign hosts, foreign pages and wrong tokens', async (t) => {
  const { guard, token } = await guarded(t);
  const refused: [string, Record<string, string>][] = [
    ['E_FOREIGN_HOST', { host: 'evil.example:7000' }],
    ['E_FOREIGN_HOST', { host: '127.0.0.1.evil.example' }],
    ['E_FOREIGN_HOST', { host: '' }],
    ['E_FOREIGN_HOST', { host: 'localhost:7000@evil.example' }],
    ['E_FOREIGN_ORIGIN', { origin: 'http://evil.example' }],
    ['E_FOREIGN_ORIGIN', { origin: 'null' }],
    ['E_FOREIGN_ORIGIN', { origin: 'http://127.0.0.1:7001' }],
    ['E_FOREIGN_ORIGIN', { origin: 'https://127.0.0.1:7000' }],
    ['E_FOREIGN_ORIGIN', { 'sec-fetch-site': 'cross-site' }],
    ['E_FOREIGN_ORIGIN', { 'sec-fetch-site': 'same-site' }],
    ['E_UNAUTHORIZED', { authorization: '' }],
    ['E_UNAUTHORIZED', { authorization: `Basic ${token}` }],
    ['E_UNAUTHORIZED', { authorization: `Bearer ${token}x` }],
  ];
  for (const [code, headers] of refused) {
    const all = { host: '127.0.0.1:7000', authorization: `Bearer ${token}`, ...headers };
    assert.throws(() => admit(new Headers(all), guard), { code }, JSON.stringify(headers));
  }
});

it('answers to every address when it listens on all, and still to no foreign name', async (t) => {
  const { guard, token } = await guarded(t);
  const ask = (host: string, anyAddress: boolean) => () =>
    admit(new Headers({ host, authorization: `Bearer ${token}` }), { ...guard, anyAddress });
  assert.throws(ask('192.168.1.5:7000', false), { code: 'E_FOREIGN_HOST' });
  assert.equal(ask('192.168.1.5:7000', true)().kind, 'tcp');
  assert.equal(ask('[fe80::1]:7000', true)().kind, 'tcp');
  assert.throws(ask('evil.example', true), { code: 'E_FOREIGN_HOST' });
});

it('reads the name out of a Host header', () => {
  assert.equal(hostName('Shop.Localhost:80'), 'shop.localhost');
  assert.equal(hostName('[::1]:80'), '::1');
  for (const host of ['', 'a b', 'a:b', 'a/b', 'a@b', '[::1', 'a:123456'])
    assert.equal(hostName(host), undefined, host);
});

it('asks for more than a viewer wherever something changes', () => {
  const roles: [string, string, string][] = [
    ['GET', '/v1/apps', 'viewer'],
    ['GET', '/v1/namespaces/default/secrets', 'viewer'],
    ['PUT', '/v1/namespaces/default/apps/shop', 'deployer'],
    ['DELETE', '/v1/namespaces/default/apps/tokens', 'deployer'],
    ['POST', '/v1/namespaces/default/apps/shop/commands', 'deployer'],
    ['PATCH', '/v1/anything', 'deployer'],
    ['GET', '/v1/tokens', 'admin'],
    ['DELETE', '/v1/tokens/1', 'admin'],
    ['POST', '/v1/daemon/stop', 'admin'],
  ];
  for (const [method, path, role] of roles)
    assert.equal(requiredRole(method, path), role, `${method} ${path}`);
});

async function guarded(t: Parameters<typeof tempDir>[0]) {
  const tokens = createTokenStore(await tempDir(t));
  const { token } = tokens.create({ user: 'ann', role: 'viewer' });
  return { token, guard: { tokens, allowedHosts: new Set(['localhost', '127.0.0.1', '::1']) } };
}
