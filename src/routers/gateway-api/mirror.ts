import type { RouteTable, WeightBp } from '../../core/model.ts';
import { FULL_WEIGHT } from '../../core/model.ts';
import type { BackendRef, MirrorFilter, RouteRule } from '../../kubernetes/network.ts';

/** A mirror as the filter of a rule, and back. Pure. */

/** @param to where copies go */
export function mirrorFilter(
  { share }: NonNullable<RouteTable['route']['mirror']>,
  to: BackendRef,
): MirrorFilter {
  return { type: 'RequestMirror', requestMirror: { backendRef: to, ...partOf(share) } };
}

/** Whole per cent are said as such: that is what more implementations read. */
function partOf(share: WeightBp): Pick<MirrorFilter['requestMirror'], 'percent' | 'fraction'> {
  if (share === FULL_WEIGHT) return {};
  if (share % 100 === 0) return { percent: share / 100 };
  return { fraction: { numerator: share, denominator: FULL_WEIGHT } };
}

/** Whose requests a rule copies where, by name of Service, in basis points. */
export function mirrorsOn(rule: RouteRule | undefined): Map<string, WeightBp> {
  const found = new Map<string, WeightBp>();
  for (const { requestMirror } of rule?.filters ?? []) {
    if (!requestMirror) continue;
    const { backendRef, percent, fraction } = requestMirror;
    const part = fraction ? (fraction.numerator * FULL_WEIGHT) / (fraction.denominator ?? 100) : undefined;
    found.set(backendRef.name, part ?? (percent === undefined ? FULL_WEIGHT : percent * 100));
  }
  return found;
}
