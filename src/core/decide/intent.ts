import {
  type Arm,
  FULL_WEIGHT,
  type PoolId,
  type Release,
  type Route,
  type Stage,
  type WeightBp,
} from '../model.ts';
import { resolveFenceposts, resolveScale } from '../scale.ts';
import { CANDIDATE, STABLE, weighted } from '../strategies/parts.ts';
import { currentStage, stableCanCarry } from './abort.ts';
import type { Draft } from './draft.ts';

/** What should be true now: how many replicas each pool has, and where requests go. */
export interface Intent {
  counts: Map<PoolId, number>;
  /** Absent: the App has no route, or nobody to route to yet. */
  route?: Route<PoolId>;
}

export function intentOf(draft: Draft): Intent {
  const { state, release } = draft;
  const intent: Intent = { counts: new Map() };
  for (const pool of state.retiring) intent.counts.set(pool, 0);
  for (const { pool } of state.warm) intent.counts.set(pool, draft.spec.replicas);
  if (state.deleting) return intent;
  if (release?.phase.kind === 'advancing') advancing(draft, release, intent);
  else if (release?.phase.kind === 'aborting') aborting(draft, release, intent);
  else if (state.stable !== undefined) {
    intent.counts.set(state.stable, draft.spec.replicas);
    intent.route = toPools(weighted(0), { [STABLE]: state.stable });
  }
  return intent;
}

function advancing(draft: Draft, release: Release, intent: Intent): void {
  const stage = currentStage(draft);
  if (stage.via.kind === 'roll') {
    const goesOn = release.pausedBy === undefined && hasProved(draft, release);
    const to = goesOn ? rollCounts(draft, stage, STABLE, CANDIDATE) : standingCounts(draft);
    for (const [pool, count] of to) intent.counts.set(pool, count);
  } else {
    for (const arm of Object.keys(release.arms))
      intent.counts.set(draft.pool(arm), stepCount(draft, release, stage, arm));
  }
  const routed = release.stages[release.routedStage];
  if (routed) intent.route = toPools(routed.route, release.arms);
  else if (release.arms[STABLE] !== undefined) intent.route = toPools(weighted(0), release.arms);
}

/** Grown before the route asks for it, shrunk only once every worker serves a route that does not. */
function stepCount(draft: Draft, release: Release, stage: Stage, arm: Arm): number {
  const wanted = armCount(draft, stage, arm);
  if (mustWait(draft, release, arm)) return Math.min(wanted, draft.standing(draft.pool(arm)).length);
  const index = release.stages.indexOf(stage);
  if (release.record.at(-1)?.routedAt !== undefined) return wanted;
  const before = release.stages[index - 1];
  if (before) return Math.max(wanted, armCount(draft, before, arm));
  return Math.max(wanted, arm === STABLE ? draft.spec.replicas : draft.standing(draft.pool(arm)).length);
}

/**
 * Two versions side by side is what `recreate` is chosen against, also when an old replica turns up late: what was asked
 * for before the stop was done after it.
 */
function mustWait(draft: Draft, { strategy, arms }: Release, arm: Arm): boolean {
  return (
    strategy === 'recreate' && arm === CANDIDATE && draft.replicas.some(({ pool }) => pool === arms[STABLE])
  );
}

/** Replicas that a stage wants of an arm. */
export function armCount(draft: Draft, stage: Stage, arm: Arm): number {
  const scale = stage.scale[arm];
  return scale ? resolveScale(scale, armWeight(stage, arm), draft.spec.replicas) : 0;
}

function armWeight(stage: Stage, arm: Arm): WeightBp {
  const { split } = stage.route;
  if (split.kind === 'perReadyReplica') return split.to.includes(arm) ? FULL_WEIGHT : 0;
  return split.to.find((share) => share.key === arm)?.weight ?? 0;
}

/** With users there, the first new replicas have to answer one of them well before more old ones go. */
const PROOF_MS = 1000;

function hasProved(draft: Draft, release: Release): boolean {
  if (!draft.routed || !release.cutover) return true;
  const counts = draft.measured?.perPool[draft.pool(CANDIDATE)];
  if (counts && counts.ok > 0) return true;
  const quietUntil = release.cutover.routeAt + PROOF_MS;
  if (draft.now < quietUntil) {
    draft.wake(quietUntil);
    return false;
  }
  return !counts || counts.requests === 0;
}

function standingCounts(draft: Draft): Map<PoolId, number> {
  return new Map([STABLE, CANDIDATE].map((arm) => [draft.pool(arm), draft.standing(draft.pool(arm)).length]));
}

/**
 * One tick of a roll from one arm to the other, by Kubernetes' arithmetic: never more than replicas + surge, never
 * fewer available than replicas - unavailable. Kubernetes takes those that are not ready and those to spare one after the
 * other; together they are never more than may be removed, and shrink() takes the first of them first.
 */
function rollCounts(draft: Draft, stage: Stage, fromArm: Arm, toArm: Arm): Map<PoolId, number> {
  if (stage.via.kind !== 'roll') throw new Error(`stage ${stage.name} does not roll`);
  const { replicas } = draft.spec;
  const { surge, unavailable } = resolveFenceposts(stage.via.maxSurge, stage.via.maxUnavailable, replicas);
  const [from, to] = [draft.pool(fromArm), draft.pool(toArm)];
  const [oldCount, newCount] = [draft.standing(from).length, draft.standing(to).length];
  const newAvailable = draft.available(to).length;
  const grown = Math.min(replicas, Math.max(newCount, replicas + surge - oldCount));
  const mostRemoved = Math.max(0, oldCount + newCount - (replicas - unavailable) - (newCount - newAvailable));
  return new Map([
    [to, grown],
    [from, oldCount - Math.min(oldCount, mostRemoved)],
  ]);
}

function aborting(draft: Draft, release: Release, intent: Intent): void {
  const stage = currentStage(draft);
  const stable = release.arms[STABLE];
  const candidate = draft.pool(CANDIDATE);
  if (stable === undefined) {
    // A first release: nobody to go back to, so the route goes with it.
    intent.counts.set(candidate, 0);
    return;
  }
  switch (stage.onAbort) {
    case 'reroute':
      intent.counts.set(stable, draft.spec.replicas);
      intent.counts.set(candidate, draft.standing(candidate).length);
      intent.route = stableCanCarry(draft) ? toPools(weighted(0), release.arms) : routedNow(draft, release);
      return;
    case 'growThenReroute':
      for (const [pool, count] of rollCounts(draft, stage, CANDIDATE, STABLE)) intent.counts.set(pool, count);
      intent.route = toPools(
        draft.standing(candidate).length === 0 ? weighted(0) : stage.route,
        release.arms,
      );
      return;
    case 'outage':
      reverseOutage(draft, release, stable, candidate, intent);
  }
}

function routedNow(draft: Draft, release: Release): Route<PoolId> {
  const stage = release.stages[release.routedStage];
  return stage
    ? toPools(stage.route, release.arms)
    : (draft.state.table?.route ?? toPools(weighted(0), release.arms));
}

/** Recreate in reverse: the candidate is gone before stable starts again; users wait or are refused meanwhile. */
function reverseOutage(
  draft: Draft,
  release: Release,
  stable: PoolId,
  candidate: PoolId,
  intent: Intent,
): void {
  const gone = !draft.replicas.some((r) => r.pool === candidate);
  const back = draft.available(stable).length >= draft.spec.replicas;
  intent.counts.set(candidate, 0);
  intent.counts.set(stable, gone ? draft.spec.replicas : draft.standing(stable).length);
  const closed = release.stages[0]?.route.admit ?? { kind: 'refuse' };
  intent.route = toPools(weighted(0, gone && back ? { kind: 'open' } : closed), release.arms);
}

/** A stage speaks of arms, the wire of pools. */
function toPools(route: Route<Arm>, arms: Release['arms']): Route<PoolId> {
  const pool = (arm: Arm): PoolId => {
    const id = arms[arm];
    if (id === undefined) throw new Error(`route names ${arm}, which this release does not have`);
    return id;
  };
  const { split, mirror, preview, matches, ...rest } = route;
  return {
    ...rest,
    split:
      split.kind === 'weights'
        ? { kind: 'weights', to: split.to.map(({ key, weight }) => ({ key: pool(key), weight })) }
        : { kind: 'perReadyReplica', to: split.to.map(pool) },
    matches: matches.map(({ when, to }) => ({ when, to: pool(to) })),
    ...(mirror === undefined ? {} : { mirror: { ...mirror, to: pool(mirror.to) } }),
    ...(preview === undefined ? {} : { preview: pool(preview) }),
  };
}
