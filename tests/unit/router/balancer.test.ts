import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { pickWeighted } from '../../../src/routers/embedded/data/balancer.ts';

interface Choice {
  name: string;
  weight: number;
  current: number;
}

function choices(...weights: number[]): Choice[] {
  return weights.map((weight, i) => ({ name: `${i}`, weight, current: 0 }));
}

function count(from: Choice[], picks: number): number[] {
  const counts = from.map(() => 0);
  for (let k = 0; k < picks; k++) {
    const picked = pickWeighted(from);
    if (picked === null) continue;
    const at = from.indexOf(picked);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
}

describe('smooth weighted round robin', () => {
  for (const [percent, basisPoints] of [
    [0.01, 1],
    [1, 100],
    [8, 800],
    [20, 2000],
    [50, 5000],
    [99.99, 9999],
    [100, 10_000],
  ] as const) {
    it(`gives ${percent}% exactly over 10,000 requests`, () => {
      assert.deepEqual(count(choices(10_000 - basisPoints, basisPoints), 10_000), [
        10_000 - basisPoints,
        basisPoints,
      ]);
    });
  }

  it('is within one request of two weights in every window, wherever it starts', () => {
    const windows = fc.tuple(
      fc.integer({ min: 0, max: 10_000 }),
      fc.nat(5000),
      fc.integer({ min: 1, max: 3000 }),
    );
    fc.assert(
      fc.property(windows, ([basisPoints, before, window]) => {
        const from = choices(10_000 - basisPoints, basisPoints);
        count(from, before);
        const [, candidate = 0] = count(from, window);
        const asked = (window * basisPoints) / 10_000;
        assert.ok(Math.abs(candidate - asked) <= 1, `${candidate} instead of ${asked}`);
      }),
      { numRuns: 100 },
    );
  });

  it('is exact over a cycle for any number of weights', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: 1, maxLength: 6 }), (weights) => {
        const cycle = weights.reduce((sum, weight) => sum + weight, 0);
        assert.deepEqual(count(choices(...weights), cycle), weights);
      }),
    );
  });

  it('spreads instead of bunching', () => {
    const from = choices(5, 1, 1);
    const order = Array.from({ length: 7 }, () => pickWeighted(from)?.name).join('');
    assert.equal(order, '0010200');
  });

  it('picks nobody when nobody has a weight', () => {
    assert.equal(pickWeighted(choices(0, 0)), null);
    assert.equal(pickWeighted([]), null);
  });
});
