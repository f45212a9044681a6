/** Basis points: 10_000 = 100%. */
type WeightBp = number;

/**
 * Per cent with up to two decimals -> basis points, exactly: 8.33 -> 833. Undefined: more than two decimals, below 0 or
 * above 100. Works on the decimal digits, because 8.33 * 100 is 832.9999999999999 in floating point.
 */
export function percentToBp(percent: number): WeightBp | undefined {
  const match = /^(\d{1,3})(?:\.(\d{1,2}))?$/.exec(String(percent));
  if (!match) return undefined;
  const bp = Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'));
  return bp <= 10_000 ? bp : undefined;
}

/** 833 -> 8.33, the number nearest to those digits, so that it prints as `8.33`. */
export function bpToPercent(bp: WeightBp): number {
  if (!Number.isInteger(bp) || bp < 0 || bp > 10_000) throw new Error(`not basis points: ${bp}`);
  return Number(`${Math.floor(bp / 100)}.${String(bp % 100).padStart(2, '0')}`);
}
