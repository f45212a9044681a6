import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Histogram } from '../../../src/routers/embedded/data/histogram.ts';

describe('latency histogram', () => {
  it('gives quantiles that are at most 12.5% too low', () => {
    const samples = fc.array(fc.double({ min: 0.01, max: 60_000, noNaN: true }), {
      minLength: 1,
      maxLength: 200,
    });
    fc.assert(
      fc.property(samples, fc.constantFrom(0.5, 0.9, 0.99), (values, q) => {
        const histogram = new Histogram();
        for (const value of values) histogram.record(value);
        const exact = values.toSorted((a, b) => a - b)[
          Math.max(1, Math.ceil(values.length * q)) - 1
        ] as number;
        const measured = histogram.quantile(q);
        // Microseconds are cut off, then the bucket's lower bound is taken.
        assert.ok(
          measured <= exact && measured >= (exact - 0.001) * 0.875 - 0.001,
          `${measured} for ${exact}`,
        );
      }),
      { numRuns: 500 },
    );
  });

  it('is 0 when nothing was recorded', () => assert.equal(new Histogram().quantile(0.99), 0));

  it('takes what lasts for ever', () => {
    const histogram = new Histogram();
    histogram.record(Number.MAX_SAFE_INTEGER);
    assert.equal(histogram.count, 1);
    assert.ok(histogram.quantile(0.5) > 1_000_000);
  });
});
