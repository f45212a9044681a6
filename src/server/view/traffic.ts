import { NO_COUNTS, since } from '../../core/decide/draft.ts';
import { type AppState, type Counts, FULL_WEIGHT, type PoolId, type StageRecord } from '../../core/model.ts';
import { splitCount } from '../../core/verify.ts';
import { activeRelease, lastRelease, type Snapshot, seen } from './snapshot.ts';

export interface PoolTraffic {
  counts: Counts;
  /** Share of the requests that the split decided; null while there were none. */
  measuredPercent: number | null;
}

/**
 * What each pool answered since the current stage was routed; without a release, since the present route was. Empty
 * while that is not known, and when the counters began again meanwhile: a gap is not a zero.
 */
export function trafficOf(snapshot: Snapshot): Map<PoolId, PoolTraffic> {
  const measured = seen(snapshot.observed.measured);
  const base = measured && baseOf(snapshot, measured.epoch);
  if (!measured || !base) return new Map();
  const counts = Object.entries(measured.perPool).map(
    ([pool, now]) => [pool, since(now, base[pool])] as const,
  );
  const total = counts.reduce((sum, [, delta]) => sum + splitCount(delta), 0);
  return new Map(
    counts.map(([pool, delta]) => [
      pool,
      { counts: delta, measuredPercent: total > 0 ? percentOf(splitCount(delta), total) : null },
    ]),
  );
}

export const NO_TRAFFIC: PoolTraffic = { counts: NO_COUNTS, measuredPercent: null };

function baseOf({ state }: Snapshot, epoch: string): Record<PoolId, Counts> | undefined {
  const active = activeRelease(state);
  const base = active ? active.record.at(-1)?.base : baseAtRest(state);
  return base?.epoch === epoch ? base.perPool : undefined;
}

function baseAtRest(state: AppState): StageRecord['base'] {
  if (state.routed?.generation === state.routeGeneration) return state.routed;
  // After a weighted last stage its route went on unchanged; after anything else it did not.
  const last = lastRelease(state);
  const promoted = last?.phase.kind === 'done' && last.phase.verdict === 'promoted';
  return promoted
    ? last.record.findLast((record) => record.askedBp === FULL_WEIGHT && record.base)?.base
    : undefined;
}

/** Rounded to a ten-thousandth of a per cent: finer than the smallest weight, and no binary dust. */
export function percentOf(part: number, whole: number): number {
  return Math.round((part * 100 * 10_000) / whole) / 10_000;
}

export function percentOfBp(bp: number): number {
  return Math.round(bp * 100) / 10_000;
}
