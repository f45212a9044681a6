import { DEFAULT_ROLL } from './compile.ts';
import { namedPools, stableCanCarry } from './decide/abort.ts';
import type { Draft } from './decide/draft.ts';
import { armCount } from './decide/intent.ts';
import { type AppState, FULL_WEIGHT, type Reason, type RouteTable } from './model.ts';
import { resolveFenceposts } from './scale.ts';

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

/** 3. Ready capacity in the route never falls, by our doing, below what maxUnavailable allows (argo-rollouts#3941). */
function keepsCapacity(before: AppState, table: RouteTable, draft: Draft): Reason | undefined {
  if (table.route.admit.kind !== 'open' || draft.spec.replicas === 0) return undefined;
  const was = before.table ? readyIn(before.table, draft) : 0;
  const is = readyIn(table, draft);
  const need = Math.min(draft.spec.replicas, declaredCapacity(draft)) - allowance(draft);
  if (is >= need || is >= was || stableCanCarry(draft)) return undefined;
  return {
    code: 'E_INVARIANT_3',
    message: `ready replicas in the route would fall from ${was} to ${is}, below ${need}`,
  };
}

/** Ready members of the pools that the split names. */
function readyIn(table: RouteTable, draft: Draft): number {
  const ready = new Set(draft.replicas.filter((r) => r.ready).map((r) => r.id));
  const pools = namedPools({ split: table.route.split, matches: [] });
  return Object.entries(table.members)
    .filter(([pool]) => pools.has(pool))
    .reduce((sum, [, members]) => sum + members.filter((m) => ready.has(m.replica)).length, 0);
}

/** A stage may declare fewer replicas than App.replicas (setCanaryScale). */
function declaredCapacity(draft: Draft): number {
  const { release } = draft;
  const stage = release?.phase.kind === 'advancing' ? release.stages[release.routedStage] : undefined;
  if (!release || !stage || stage.via.kind === 'roll') return draft.spec.replicas;
  const pools = namedPools({ split: stage.route.split, matches: [] });
  return [...pools].reduce((sum, arm) => sum + armCount(draft, stage, arm), 0);
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
