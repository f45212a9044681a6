/** Log-linear histogram of microseconds: 8 sub-buckets per power of two, so a quantile is at most 12.5% off. */

const BUCKETS = 256;

export class Histogram {
  count = 0;
  private readonly buckets = new Float64Array(BUCKETS);

  /** Milliseconds, 0 to about 35 minutes; longer ones count as that. */
  record(ms: number): void {
    const us = ms < 2_000_000 ? (ms * 1000) | 0 : 2_000_000_000;
    const exponent = 31 - Math.clz32(us | 7);
    const bucket = exponent < 3 ? us : ((exponent - 2) << 3) + ((us >> (exponent - 3)) & 7);
    this.buckets[bucket] = (this.buckets[bucket] as number) + 1;
    this.count++;
  }

  /** Lower bound of the bucket that holds the quantile (0 to 1), in milliseconds; 0 when nothing was recorded. */
  quantile(q: number): number {
    let left = Math.max(1, Math.ceil(this.count * q));
    for (let i = 0; i < BUCKETS; i++) {
      left -= this.buckets[i] as number;
      if (left <= 0) return bucketStartUs(i) / 1000;
    }
    return 0;
  }
}

function bucketStartUs(i: number): number {
  if (i < 8) return i;
  return (8 + (i & 7)) << ((i >> 3) - 1);
}
