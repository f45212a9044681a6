import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { xxh32 } from '../../../src/routers/embedded/data/hash.ts';
import { BUCKETS, bucketOf, pickByBucket } from '../../../src/routers/embedded/data/sticky.ts';

const split = (candidateBp: number) => [
  { name: 'stable', weight: 10_000 - candidateBp },
  { name: 'candidate', weight: candidateBp },
];
const side = (candidateBp: number, user: string): string | undefined =>
  pickByBucket(split(candidateBp), bucketOf('salt', user))?.name;

describe('sticky users', () => {
  it('only move to the candidate while its weight rises, and only back while it falls', () => {
    const weights = fc
      .tuple(fc.nat(10_000), fc.nat(10_000))
      .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
    fc.assert(
      fc.property(fc.string(), weights, (user, [low, high]) => {
        if (side(low, user) === 'candidate') assert.equal(side(high, user), 'candidate');
        if (side(high, user) === 'stable') assert.equal(side(low, user), 'stable');
      }),
      { numRuns: 2000 },
    );
  });

  it('are all on one side at 0 and at 100%', () => {
    for (let k = 0; k < 1000; k++) {
      assert.equal(side(0, `user-${k}`), 'stable');
      assert.equal(side(10_000, `user-${k}`), 'candidate');
    }
  });

  it('give each side exactly its share of the buckets, down to 0.01%', () => {
    for (const bp of [1, 100, 800, 2000, 5000, 9999]) {
      let candidate = 0;
      for (let bucket = 0; bucket < BUCKETS; bucket++)
        if (pickByBucket(split(bp), bucket)?.name === 'candidate') candidate++;
      assert.equal(candidate, bp);
    }
  });

  it('fill the buckets evenly', () => {
    const users = 200_000;
    const tenths = new Array<number>(10).fill(0);
    for (let k = 0; k < users; k++) {
      const tenth = Math.floor(bucketOf('salt', `user-${k}`) / 1000);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    // Six standard deviations of a fair assignment; the users are always the same, so this never flickers.
    const sigma = Math.sqrt(users * 0.1 * 0.9);
    for (const n of tenths) assert.ok(Math.abs(n - users / 10) < 6 * sigma, tenths.join(' '));
  });

  it('are assigned anew under another salt', () => {
    const moved = Array.from({ length: 1000 }, (_, k) => `user-${k}`).filter(
      (user) => bucketOf('one', user) < 5000 !== bucketOf('two', user) < 5000,
    );
    assert.ok(moved.length > 400 && moved.length < 600, `${moved.length} of 1000 moved`);
  });

  it('count members where the split is by replica', () => {
    const to = [
      { name: 'stable', weight: 3 },
      { name: 'candidate', weight: 1 },
    ];
    let candidate = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++)
      if (pickByBucket(to, bucket)?.name === 'candidate') candidate++;
    assert.equal(candidate, BUCKETS / 4);
  });
});

describe('xxh32', () => {
  it('agrees with the published vectors', () => {
    assert.equal(xxh32(Buffer.from('')), 0x02cc5d05);
    assert.equal(xxh32(Buffer.from('a')), 0x550d7456);
    assert.equal(xxh32(Buffer.from('abc')), 0x32d153ff);
    assert.equal(xxh32(Buffer.from('Nobody inspects the spammish repetition')), 0xe2293b2f);
  });
});
