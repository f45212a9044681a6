/** Steps per doubling of the value: 128 keep every percentile within 0.8% of the true one. */
const STEPS = 128;
const STEP_BITS = 7;
/** 2^26 microseconds is 67 s; longer requests share the last bucket, their maximum is kept exactly. */
const DOUBLINGS = 26;

/** Latencies in constant memory, however long the probe runs. Log-linear buckets over microseconds. */
export interface Histogram {
  add(ms: number): void;
  /** Upper edge of the bucket that holds the given share (0 to 1) of all values; 0 without values. */
  percentileMs(share: number): number;
  readonly maxMs: number;
}

export function createHistogram(): Histogram {
  const buckets = new Uint32Array((DOUBLINGS - STEP_BITS + 2) * (STEPS / 2));
  let count = 0;
  let maxMs = 0;
  return {
    add(ms) {
      const index = Math.min(bucketOf(Math.max(0, Math.round(ms * 1000))), buckets.length - 1);
      buckets[index] = (buckets[index] ?? 0) + 1;
      count += 1;
      maxMs = Math.max(maxMs, ms);
    },
    percentileMs(share) {
      let left = Math.ceil(share * count);
      for (let index = 0; index < buckets.length && count > 0; index += 1) {
        left -= buckets[index] ?? 0;
        // The bucket's edge may lie above the largest value ever seen.
        if (left <= 0) return Math.min(upperEdge(index) / 1000, maxMs);
      }
      return 0;
    },
    get maxMs() {
      return maxMs;
    },
  };
}

/** Values below STEPS have a bucket each; above, each doubling is cut in STEPS / 2 equal parts of the upper half. */
function bucketOf(us: number): number {
  if (us < STEPS) return us;
  const shift = Math.floor(Math.log2(us)) - (STEP_BITS - 1);
  return shift * (STEPS / 2) + Math.floor(us / 2 ** shift);
}

function upperEdge(index: number): number {
  if (index < STEPS) return index;
  const shift = Math.floor(index / (STEPS / 2)) - 1;
  const base = index - shift * (STEPS / 2);
  return (base + 1) * 2 ** shift - 1;
}
