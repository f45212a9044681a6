import { DEFAULT_ROLL } from './compile.ts';
import { namedPools, stableCanCarry } from './decide/abort.ts';
import type { Draft } from './decide/draft.ts';
import { armCount } from './decide/intent.ts';
import { brokenStep } from './invariants-steps.ts';
import {
  type AppState,
  FULL_WEIGHT,
  type PoolId,
  type Reason,
  type ReplicaId,
  type RouteTable,
} from './model.ts';
import { replicasForWeight, resolveFenceposts } from './scale.ts';

/**
 * The invariants of a decision: they judge what it causes, never what the world does.
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
  return brokenStep(before, draft);
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
 * each pool with a weight for its share of App.replicas, of a roll for both pools together. What was there before is the
 * measure too: the world may have taken more than we would.
 */
export function keepsCapacity(
  before: AppState,
  table: Omit<RouteTable, 'generation'>,
  draft: Draft,
): Reason | undefined {
  if (table.route.admit.kind !== 'open') return undefined;
  if (stableCanCarry(draft) || draft.stableGivenUp) return undefined;
  const { split } = table.route;
  const shares =
    split.kind === 'weights'
      ? split.to.map(({ key, weight }) => ({ pools: [key], need: needOf(key, weight, draft) }))
      : [{ pools: split.to, need: draft.spec.replicas - allowance(draft) }];
  const ready = new Set(draft.replicas.filter((r) => r.ready).map((r) => r.id));
  const short = shares.find(({ pools, need }) => readyIn(table, pools, ready) < need);
  if (!short) return undefined;
  const was = before.table ? capacityThatStays(before.table, draft.state.retiring, ready) : 0;
  const is = capacity(table, ready);
  if (is >= was) return undefined;
  const message = `the route could carry the users of ${rounded(is)} replicas instead of ${rounded(was)}: ${short.pools.join(' and ')} would have fewer than ${short.need} ready`;
  return { code: 'E_INVARIANT_3', message };
}

/**
 * Whom a release before has given up, while its table could not be replaced yet, carries nobody in the long run: a first
 * release that failed and whose route is to be withdrawn, a candidate that came further than a stable version that is gone.
 */
function capacityThatStays(
  table: RouteTable,
  retiring: readonly PoolId[],
  ready: ReadonlySet<ReplicaId>,
): number {
  const pools = Object.keys(table.members);
  const stay = pools.filter((pool) => !retiring.includes(pool));
  const now = capacity(table, ready);
  return stay.length === pools.length ? now : Math.min(now, readyIn(table, stay, ready));
}

/** In replicas: how many replicas' users the pools can carry, each its own share of all. */
function capacity(table: Omit<RouteTable, 'generation'>, ready: ReadonlySet<ReplicaId>): number {
  const { split, admit } = table.route;
  if (admit.kind !== 'open') return 0;
  if (split.kind === 'perReadyReplica') return readyIn(table, split.to, ready);
  const shares = split.to.filter(({ weight }) => weight > 0);
  return Math.min(...shares.map(({ key, weight }) => (readyIn(table, [key], ready) * FULL_WEIGHT) / weight));
}

function readyIn(
  table: Pick<RouteTable, 'members'>,
  pools: readonly PoolId[],
  ready: ReadonlySet<ReplicaId>,
): number {
  return pools.flatMap((pool) => table.members[pool] ?? []).filter((m) => ready.has(m.replica)).length;
}

const rounded = (count: number) => Number(count.toFixed(1));

/** Replicas that a pool needs for its weight; a stage may declare fewer (setCanaryScale). */
function needOf(pool: PoolId, weight: number, draft: Draft): number {
  const { release } = draft;
  const stage = release?.phase.kind === 'advancing' ? release.stages[release.routedStage] : undefined;
  const arm = Object.entries(release?.arms ?? {}).find(([, id]) => id === pool)?.[0];
  const declared = stage && arm !== undefined ? armCount(draft, stage, arm) : draft.spec.replicas;
  return Math.min(replicasForWeight(weight, draft.spec.replicas), declared) - allowance(draft);
}

/** A release goes by the stages that it began with, whatever the strategy has become since. */
function allowance(draft: Draft): number {
  const { strategy, replicas } = draft.spec;
  const roll = draft.state.release?.stages.find((stage) => stage.via.kind === 'roll')?.via;
  const { maxSurge, maxUnavailable } =
    roll?.kind === 'roll' ? roll : strategy.kind === 'rolling' ? strategy : DEFAULT_ROLL;
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
