import { FULL_WEIGHT, type Scale, type WeightBp } from './model.ts';

/**
 * Number of replicas a scale means now.
 * @param weightBp the share of requests of the same arm in the same stage
 * @param replicas App.replicas
 */
export function resolveScale(scale: Scale, weightBp: WeightBp, replicas: number): number {
  switch (scale.kind) {
    case 'full':
      return replicas;
    case 'zero':
      return 0;
    case 'count':
      // Scaled to nothing, nothing runs: a preview neither.
      return replicas === 0 ? 0 : scale.replicas;
    case 'percent':
      return Math.ceil((scale.of * replicas) / 100);
    case 'matchWeight':
      return replicasForWeight(weightBp, replicas);
  }
}

/** ceil(weight x replicas), at least 1 when the weight is above 0 and anything runs at all. */
export function replicasForWeight(weightBp: WeightBp, replicas: number): number {
  if (weightBp === 0 || replicas === 0) return 0;
  return Math.max(1, Math.ceil((weightBp * replicas) / FULL_WEIGHT));
}

/**
 * maxSurge and maxUnavailable as numbers, with Kubernetes' rounding: surge up, unavailable down, and never both zero,
 * for then nothing could move (kubernetes: ResolveFenceposts).
 */
export function resolveFenceposts(
  maxSurge: number | string,
  maxUnavailable: number | string,
  replicas: number,
): { surge: number; unavailable: number } {
  const surge = intOrPercent(maxSurge, replicas, Math.ceil);
  const unavailable = intOrPercent(maxUnavailable, replicas, Math.floor);
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}

function intOrPercent(value: number | string, of: number, round: (x: number) => number): number {
  if (typeof value === 'number') return value;
  const percent = Number(value.slice(0, -1));
  if (!value.endsWith('%') || !Number.isFinite(percent))
    throw new Error(`not a number or per cent: ${value}`);
  return round((percent * of) / 100);
}
