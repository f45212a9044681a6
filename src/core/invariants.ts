import { DEFAULT_ROLL } from './compile.ts';
import { namedPools, stableCanCarry } from './decide/abort.ts';
import type { Draft } from './decide/draft.ts';
import { armCount } from './decide/intent.ts';
import { type AppState, FULL_WEIGHT, type PoolId, type Reason, type RouteTable } from './model.ts';
import { replicasForWeight, resolveFenceposts } from './scale.ts';

/**
 * The invariants of a decision: they judge what it causes, never what the world does. The others of the ten (5 to 8,
 * 10) speak of many decisions and are judged by the simulation.
 * @returns the first that is broken
 */
export function brokenInvariant(before: AppState, draft: Draft): Reason | undefined {
  for (const action of draft.actions) {
    const broken =
      action.kind === 'route'
        ? (weightsSum(action.table) ??
          namesReady(before, action.table, draft) ??
          keepsCapacity(before, action.table, draft))
        : action.kind === 'stop'
          ? stopsDrained(action.replica, draft)
          : undefined;
    if (broken) return broken;
  }
  return undefined;
}

/** 1. Weights sum to exactly 100% (argo-rollouts#4424). */
function weightsSum(table: RouteTable): Reason | undefined {
  const { split } = table.route;
  if (split.kind !== 'weights') return undefined;
  const sum = split.to.reduce((total, share) => total + share.weight, 0);
  const whole = split.to.every((share) => Number.isInteger(share.weight) && share.weight >= 0);
  return sum === FULL_WEIGHT && whole
    ? undefined
    : { code: 'E_INVARIANT_1', message: `weights sum to ${sum} of ${FULL_WEIGHT}` };
}

/** 2. The route never names a revision without a ready replica, except in a declared outage (argo-rollouts#2641, #4750). */
function namesReady(prior: AppState, table: RouteTable, draft: Draft): Reason | undefined {
  if (table.route.admit.kind !== 'open') return undefined;
  const last = [prior.table, draft.router?.serving];
  const before = new Set(last.flatMap((given) => (given ? [...namedPools(given.route)] : [])));
  const rolling = table.route.split.kind === 'perReadyReplica';
  for (const pool of namedPools(table.route)) {
    const ready = draft.standing(pool).some((replica) => replica.ready);
    // A pool that was routed and lost its last ready replica is the world's doing; naming it anew would be ours.
    if (!ready && !before.has(pool) && !rolling) {
      return {
        code: 'E_INVARIANT_2',
        message: `the route would name pool ${pool}, which has no ready replica`,
      };
    }
  }
  return undefined;
}

/**
 * 3. Ready capacity in the route never falls, by our doing, below what maxUnavailable allows (argo-rollouts#3941): of
 * each pool with a weight for its share of App.replicas, of a roll for both pools together.
 */
function keepsCapacity(before: AppState, table: RouteTable, draft: Draft): Reason | undefined {
  if (table.route.admit.kind !== 'open' || draft.spec.replicas === 0 || stableCanCarry(draft))
    return undefined;
  const { split } = table.route;
  const shares =
    split.kind === 'weights'
      ? split.to.map(({ key, weight }) => ({ pools: [key], need: needOf(key, weight, draft) }))
      : [{ pools: split.to, need: draft.spec.replicas - allowance(draft) }];
  for (const { pools, need } of shares) {
    const is = readyIn(table, pools, draft);
    // What was there before is the measure too: the world may have taken more than we would. For a pool named anew it
    // is what served users until now.
    const last = before.table?.route.admit.kind === 'open' ? before.table : undefined;
    const named = pools.some((pool) => last?.members[pool]);
    const was = last
      ? readyIn(last, named ? pools : [...namedPools({ split: last.route.split, matches: [] })], draft)
      : 0;
    if (is < need && is < was) {
      const message = `ready replicas of ${pools.join(' and ')} in the route would fall from ${was} to ${is}, below ${need}`;
      return { code: 'E_INVARIANT_3', message };
    }
  }
  return undefined;
}

function readyIn(table: RouteTable, pools: readonly PoolId[], draft: Draft): number {
  const ready = new Set(draft.replicas.filter((r) => r.ready).map((r) => r.id));
  return pools.flatMap((pool) => table.members[pool] ?? []).filter((member) => ready.has(member.replica))
    .length;
}

/** Replicas that a pool needs for its weight; a stage may declare fewer (setCanaryScale). */
function needOf(pool: PoolId, weight: number, draft: Draft): number {
  const { release } = draft;
  const stage = release?.phase.kind === 'advancing' ? release.stages[release.routedStage] : undefined;
  const arm = Object.entries(release?.arms ?? {}).find(([, id]) => id === pool)?.[0];
  const declared = stage && arm !== undefined ? armCount(draft, stage, arm) : draft.spec.replicas;
  return Math.min(replicasForWeight(weight, draft.spec.replicas), declared) - allowance(draft);
}

function allowance(draft: Draft): number {
  const { strategy, replicas } = draft.spec;
  const { maxSurge, maxUnavailable } = strategy.kind === 'rolling' ? strategy : DEFAULT_ROLL;
  return resolveFenceposts(maxSurge, maxUnavailable, replicas).unavailable;
}

/** 4. A replica is stopped only when it is out of the acknowledged route and drained, or past its drain deadline. */
function stopsDrained(id: string, draft: Draft): Reason | undefined {
  const leaving = draft.state.leaving[id];
  const serving = Object.values(draft.router?.serving?.members ?? {}).some((members) =>
    members.some((m) => m.replica === id),
  );
  if (leaving && !serving) return undefined;
  return {
    code: 'E_INVARIANT_4',
    message: `replica ${id} would be stopped while the router may still send it requests`,
  };
}
