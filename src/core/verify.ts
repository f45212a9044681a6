import { binomialPValue } from './binomial.ts';
import { type Counts, FULL_WEIGHT, type PoolId, type Route } from './model.ts';

/** Beyond this chance of being wrong about a working router, a hashed split counts as not followed. */
const HASH_ALPHA = 1e-6;
/**
 * Nor is it followed for sure where a working router would show as much only this rarely: of few requests a wrong split
 * is seldom impossible. It takes more of them, until it is one or the other.
 */
const DOUBT_ALPHA = 1e-3;

/**
 * A pool that should have had so many requests and had none is not passed over: few requests can all go to the other one
 * by chance, and no test could tell that from a route that was never followed. It takes more of them.
 */
const EXPECTED_AND_UNSEEN = 5;

/** Shares are no binary fractions: 7% of 100 is a little more than 7. */
const ROUNDING = 1e-6;

export interface SplitSample {
  route: Route<PoolId>;
  /** Members per pool: what a split per replica asks for. */
  members: Record<PoolId, readonly unknown[]>;
  /** Requests that the split decided since the measurement began, users and probes together, per pool. */
  counts: Record<PoolId, number>;
  /** How far counts of a pool that has a share may be off: a window may begin anywhere in the round of each worker. */
  slack: number;
  /** The same of a pool that has none, and of one that has everything. */
  stray: number;
  /** What the router was asked for in the end, where it cannot do the weights exactly. */
  shares?: Record<PoolId, number> | undefined;
  /** Requests are sent by chance. */
  byChance?: boolean | undefined;
}

export interface SplitVerdict {
  kind: 'agrees' | 'disagrees' | 'too few';
  total: number;
  /** Pool -> the part of all requests that it answered, 0 to 1. */
  measured: Record<PoolId, number>;
  asked: Record<PoolId, number>;
}

/** Requests that the split decided, users' and marked ones. */
export function splitCount(counts: Counts): number {
  return counts.split + counts.probes;
}

/**
 * Compares the split that was measured with the one asked for. Counted splits are exact up to the slack; hashed ones
 * (sticky users) and those by chance are judged by an exact, two-sided binomial test.
 */
export function judgeSplit(sample: SplitSample): SplitVerdict {
  const asked = askedShares(sample);
  const total = Object.values(sample.counts).reduce((sum, n) => sum + n, 0);
  const pools = new Set([...Object.keys(asked), ...Object.keys(sample.counts)]);
  const isByChance = sample.route.sticky !== undefined || sample.byChance === true;
  const likely = [...pools].map((pool) => {
    const share = asked[pool] ?? 0;
    const count = sample.counts[pool] ?? 0;
    if (isByChance) return binomialPValue(count, total, share);
    const slack = share > 0 && share < 1 ? sample.slack : sample.stray;
    return Math.abs(count - share * total) <= slack + ROUNDING ? 1 : 0;
  });
  const agrees = likely.every((p) => p > HASH_ALPHA);
  const isDoubtful = agrees && likely.some((p) => p <= DOUBT_ALPHA);
  const measured = Object.fromEntries(
    Object.entries(sample.counts).map(([pool, n]) => [pool, total > 0 ? n / total : 0]),
  );
  const unseen = Object.entries(asked).some(
    ([pool, share]) => share * total >= EXPECTED_AND_UNSEEN && !sample.counts[pool],
  );
  const isOpen = isDoubtful || (isByChance && unseen);
  const kind = !agrees ? 'disagrees' : isOpen ? 'too few' : 'agrees';
  return { kind, total, measured, asked };
}

function askedShares({ route, members, shares }: SplitSample): Record<PoolId, number> {
  if (shares) return shares;
  if (route.split.kind === 'weights') {
    return Object.fromEntries(route.split.to.map(({ key, weight }) => [key, weight / FULL_WEIGHT]));
  }
  const sizes = route.split.to.map((pool) => [pool, members[pool]?.length ?? 0] as const);
  const all = sizes.reduce((sum, [, size]) => sum + size, 0);
  return Object.fromEntries(sizes.map(([pool, size]) => [pool, all > 0 ? size / all : 0]));
}
