import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cookieValue, fieldValues } from '../../../src/routers/embedded/data/fields.ts';
import { claimsOf, hostName } from '../../../src/routers/embedded/data/listener.ts';
import { compileMatch, issueCookie, userKey } from '../../../src/routers/embedded/data/matching.ts';

const HEAD = Buffer.from(
  [
    'X-Team: qa',
    'x-team: beta',
    'Cookie: uid=u1; plan="gold"; empty=',
    'COOKIE: uid=second; late=1',
    'X-City: Köln',
    'X-Empty:',
    '',
    '',
  ].join('\r\n'),
  'utf8',
);

const header = (name: string, value: Parameters<typeof compileMatch>[0]['headers'][0]['value']) =>
  compileMatch({ headers: [{ name, value }], cookies: [] })(HEAD, 0);

describe('matches', () => {
  it('compare header names in any case and values exactly', () => {
    assert.equal(header('X-TEAM', { kind: 'exact', value: 'qa' }), true);
    assert.equal(header('x-team', { kind: 'exact', value: 'QA' }), false);
    assert.equal(header('x-other', { kind: 'present' }), false);
    assert.equal(header('x-empty', { kind: 'present' }), true);
  });

  it('look at every line of a header', () =>
    assert.equal(header('x-team', { kind: 'exact', value: 'beta' }), true));

  it('know prefixes', () => {
    assert.equal(header('x-team', { kind: 'prefix', value: 'be' }), true);
    assert.equal(header('x-team', { kind: 'prefix', value: 'eta' }), false);
  });

  it('compare what is not ASCII byte by byte', () => {
    assert.equal(header('x-city', { kind: 'exact', value: 'Köln' }), true);
  });

  it('need all of their conditions', () => {
    const qa = { name: 'x-team', value: { kind: 'exact', value: 'qa' } as const };
    const gold = { name: 'plan', value: { kind: 'exact', value: 'gold' } as const };
    const silver = { name: 'plan', value: { kind: 'exact', value: 'silver' } as const };
    assert.equal(compileMatch({ headers: [qa], cookies: [gold] })(HEAD, 0), true);
    assert.equal(compileMatch({ headers: [qa], cookies: [silver] })(HEAD, 0), false);
  });

  it('without a condition match nobody', () =>
    assert.equal(compileMatch({ headers: [], cookies: [] })(HEAD, 0), false));
});

describe('user keys', () => {
  it('come from a header or a cookie, and an empty one is none', () => {
    assert.equal(userKey({ kind: 'header', name: 'X-Team' }, HEAD, 0), 'qa');
    assert.equal(userKey({ kind: 'header', name: 'X-Empty' }, HEAD, 0), undefined);
    const cookie = { kind: 'cookie', issue: false, maxAgeSeconds: 1 } as const;
    assert.equal(userKey({ ...cookie, name: 'uid' }, HEAD, 0), 'u1');
    assert.equal(userKey({ ...cookie, name: 'empty' }, HEAD, 0), undefined);
    assert.equal(userKey({ ...cookie, name: 'late' }, HEAD, 0), '1');
  });

  it('are issued as a cookie for the whole site', () => {
    const line = issueCookie(
      { kind: 'cookie', name: 'uid', issue: true, maxAgeSeconds: 60 },
      'abc',
    ).toString();
    assert.equal(line, 'Set-Cookie: uid=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax\r\n');
  });
});

describe('fields', () => {
  it('are found by name, all of them', () =>
    assert.deepEqual(fieldValues(HEAD, 0, 'x-team'), ['qa', 'beta']));
  it('hold cookies with and without quotes', () => assert.equal(cookieValue(HEAD, 0, 'plan'), 'gold'));
});

describe('hosts', () => {
  it('are compared without port, case and trailing dot', () => {
    assert.equal(hostName('Shop.Localhost:8000'), 'shop.localhost');
    assert.equal(hostName('shop.localhost.'), 'shop.localhost');
    assert.equal(hostName('[::1]:80'), '[::1]');
    assert.equal(hostName('127.0.0.1'), '127.0.0.1');
  });

  it('of an App are its own, its preview, and its preview listener', () => {
    const listen = { host: '127.0.0.1', port: 8000 };
    assert.deepEqual(
      claimsOf({ listen, host: 'Shop.localhost', previewListen: { host: '::1', port: 8001 } }),
      [
        { listener: '127.0.0.1:8000', host: 'shop.localhost', preview: false },
        { listener: '127.0.0.1:8000', host: 'preview.shop.localhost', preview: true },
        { listener: '[::1]:8001', host: '*', preview: true },
      ],
    );
    assert.equal(claimsOf({ listen })[1]?.host, 'preview.localhost');
  });
});
