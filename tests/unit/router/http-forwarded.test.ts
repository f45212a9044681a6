import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileTrust } from '../../../src/routers/embedded/data/trust.ts';
import { type Check, GET, runChecks } from './support/check.ts';

const GIVEN =
  'X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n' +
  'X-Forwarded-Port: 443\r\nForwarded: for=9.9.9.9;proto=https\r\n';

/** The fields that tell whom a request is made for, in order, as a replica got them. */
function told(received: string): string[] {
  return received.split('\r\n').filter((line) => /^(x-forwarded-|forwarded:)/i.test(line));
}

function check(name: string, fields: string, trustedProxies: string[], expected: string[]): Check {
  return {
    name,
    send: `${GET}${fields}\r\n`,
    trustedProxies,
    until: (text) => text.includes('R('),
    expect: (_, received) => assert.deepEqual(told(received), expected),
  };
}

const OWN = ['X-Forwarded-For: 127.0.0.1', 'X-Forwarded-Proto: http', 'X-Forwarded-Host: a'];

runChecks('whom a request is made for', [
  check('is what the connection says', '', [], OWN),
  check('is what the connection says, whatever a client claims', GIVEN, [], OWN),
  check(
    'is what the connection says, whatever a client beside the proxies claims',
    GIVEN,
    ['10.0.0.0/8'],
    OWN,
  ),
  check(
    'is not taken out by a client that names it in Connection',
    `Connection: X-Forwarded-For\r\n${GIVEN}`,
    [],
    OWN,
  ),
  check('is what the connection of a proxy says that says nothing', '', ['127.0.0.1'], OWN),
  check(
    'is what a trusted proxy says, with its own address after it',
    GIVEN,
    ['127.0.0.0/8'],
    [
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: shop.example',
      'X-Forwarded-Port: 443',
      'Forwarded: for=9.9.9.9;proto=https',
      'X-Forwarded-For: 9.9.9.9, 127.0.0.1',
    ],
  ),
  check(
    'is kept also when a trusted proxy names it in Connection',
    `Connection: x-forwarded-proto\r\n${GIVEN}`,
    ['127.0.0.1'],
    [
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: shop.example',
      'X-Forwarded-Port: 443',
      'Forwarded: for=9.9.9.9;proto=https',
      'X-Forwarded-For: 9.9.9.9, 127.0.0.1',
    ],
  ),
  check(
    'is completed where a trusted proxy says only some of it',
    'X-Forwarded-Proto: https\r\n',
    ['127.0.0.1'],
    ['X-Forwarded-Proto: https', 'X-Forwarded-For: 127.0.0.1', 'X-Forwarded-Host: a'],
  ),
  check(
    'is one list, on however many lines a trusted proxy says it',
    'X-Forwarded-For: 9.9.9.9, 8.8.8.8\r\nx-forwarded-for: 7.7.7.7\r\n',
    ['127.0.0.1'],
    [
      'X-Forwarded-For: 9.9.9.9, 8.8.8.8, 7.7.7.7, 127.0.0.1',
      'X-Forwarded-Proto: http',
      'X-Forwarded-Host: a',
    ],
  ),
]);

describe('trusted proxies', () => {
  it('are nobody without a list', () => {
    assert.equal(compileTrust(), undefined);
    assert.equal(compileTrust([]), undefined);
  });

  it('are addresses and ranges of either family', () => {
    const trusts = compileTrust(['10.0.0.7', '192.168.0.0/16', 'fd00::/8', '::1']);
    assert.ok(trusts);
    for (const address of ['10.0.0.7', '192.168.3.4', 'fd12::9', '::1', 'fd00::1%eth0'])
      assert.ok(trusts(address), address);
    for (const address of ['10.0.0.8', '192.169.0.1', 'fe80::1', '::2', 'unknown', ''])
      assert.ok(!trusts(address), address);
  });
});
