import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatListen, overlaps, parseListen } from '../../../src/spec/address.ts';
import { formatDuration, parseDuration } from '../../../src/spec/duration.ts';
import { editDistance, nearest } from '../../../src/spec/nearest.ts';
import { insideFolder, resolvePath } from '../../../src/spec/paths.ts';
import { bpToPercent, percentToBp } from '../../../src/spec/weight.ts';

test('durations are sums of whole numbers with units, from large to small', () => {
  const read = (texts: string[]) => texts.map((text) => parseDuration(text));
  assert.deepEqual(
    read(['30s', '1h30m', '500ms', '1m500ms', '0s', '90m', '1h1m1s1ms', '2h3s']),
    [30_000, 5_400_000, 500, 60_500, 0, 5_400_000, 3_661_001, 7_203_000],
  );
  const wrong = [
    '',
    '30',
    's',
    '1.5h',
    '-1s',
    '1s1m',
    '1s1s',
    '1 s',
    '1d',
    '30S',
    '1e3s',
    '٣s',
    '1h ',
    '\n1s',
  ];
  assert.deepEqual(
    read(wrong),
    wrong.map(() => undefined),
  );
});

test('a duration is written so that it is read back as the same', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.nat(),
        fc.nat(5_000),
        fc.nat(10_000).map((s) => s * 1_000),
      ),
      (ms) => {
        assert.equal(parseDuration(formatDuration(ms)), ms);
      },
    ),
  );
  assert.equal(formatDuration(0), '0s');
  assert.equal(formatDuration(5_400_500), '1h30m500ms');
  for (const ms of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) assert.throws(() => formatDuration(ms));
});

test('every weight of at most two decimals is exact, and is written as it was read', () => {
  for (let bp = 0; bp <= 10_000; bp++) assert.equal(percentToBp(bpToPercent(bp)), bp);
  assert.deepEqual(
    [8.33, 0.07, 1.1, 33.33, 99.99, 100].map(percentToBp),
    [833, 7, 110, 3_333, 9_999, 10_000],
  );
  const wrong = [8.333, 100.01, -1, 0.001, 1e-7, 1e21, Number.NaN, Number.POSITIVE_INFINITY];
  assert.deepEqual(
    wrong.map(percentToBp),
    wrong.map(() => undefined),
  );
  for (const bp of [-1, 0.5, 10_001]) assert.throws(() => bpToPercent(bp));
});

test('a listener is a port on loopback, or an address and a port', () => {
  assert.deepEqual(parseListen(8000), { host: '127.0.0.1', port: 8000 });
  assert.deepEqual(parseListen('0.0.0.0:80'), { host: '0.0.0.0', port: 80 });
  assert.deepEqual(parseListen('localhost:80'), { host: '127.0.0.1', port: 80 });
  assert.deepEqual(parseListen('[::1]:80'), { host: '::1', port: 80 });
  assert.deepEqual(parseListen('[FE80::1]:80'), { host: 'fe80::1', port: 80 });
  const wrong = [
    0,
    -1,
    65_536,
    1.5,
    '8000',
    ':80',
    '*:80',
    '::1:80',
    '1.2.3:80',
    '256.1.1.1:80',
    'shop:80',
    'a:b',
    '',
  ];
  const alsoWrong = [
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    '127.0.0.1:080',
    '[1:2]:80',
    '[shop]:80',
  ];
  for (const value of [...wrong, ...alsoWrong]) assert.equal(parseListen(value), undefined, String(value));
});

test('a listener is written as it is read', () => {
  for (const text of ['127.0.0.1:8000', '0.0.0.0:80', '[::1]:80', '[::]:65535']) {
    const address = parseListen(text);
    assert.ok(address);
    assert.equal(formatListen(address), text);
  }
});

test('two listeners overlap when only one of them could be opened', () => {
  const at = (host: string, port: number) => ({ host, port });
  assert.ok(overlaps(at('127.0.0.1', 80), at('127.0.0.1', 80)));
  assert.ok(overlaps(at('0.0.0.0', 80), at('127.0.0.1', 80)));
  assert.ok(overlaps(at('127.0.0.1', 80), at('::', 80)));
  assert.ok(!overlaps(at('127.0.0.1', 80), at('127.0.0.2', 80)));
  assert.ok(!overlaps(at('0.0.0.0', 80), at('0.0.0.0', 81)));
});

test('a path inside a folder cannot leave it', () => {
  assert.deepEqual(['a', './a', 'a//b/', 'a/./b', '.env', '..a', 'a..'].map(insideFolder), [
    'a',
    'a',
    'a/b',
    'a/b',
    '.env',
    '..a',
    'a..',
  ]);
  const outside = ['', '.', './', '/a', '..', '../a', 'a/..', 'a/../b', 'a/../../b', 'a\u0000'];
  assert.deepEqual(
    outside.map(insideFolder),
    outside.map(() => undefined),
  );
});

test('a path is resolved against the folder of the file; without one it must be absolute', () => {
  assert.equal(resolvePath('.', '/srv/shop'), '/srv/shop');
  assert.equal(resolvePath('../web/', '/srv/shop'), '/srv/web');
  assert.equal(resolvePath('/a/../b/', undefined), '/b');
  assert.equal(resolvePath('/', undefined), '/');
  assert.equal(resolvePath('a', undefined), undefined);
  assert.throws(() => resolvePath('a', 'relative'));
});

test('the nearest word is the one with the fewest changes, a swap being one', () => {
  assert.equal(editDistance('prot', 'port'), 1);
  assert.equal(editDistance('replica', 'replicas'), 1);
  assert.equal(editDistance('kitten', 'sitting'), 3);
  assert.equal(editDistance('', 'abc'), 3);
  assert.deepEqual(nearest('HELTH', ['port', 'health']), { word: 'health', distance: 1 });
  assert.equal(nearest('a', []), undefined);
});
