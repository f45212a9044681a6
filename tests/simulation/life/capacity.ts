/** How many users a route table can carry, worked out anew and not as the core does it. */
import { DEFAULT_ROLL } from '../../../src/core/compile.ts';
import {
  type AppState,
  FULL_WEIGHT,
  type PoolId,
  type ReplicaId,
  type RouteTable,
} from '../../../src/core/model.ts';
import { resolveFenceposts, resolveScale } from '../../../src/core/scale.ts';
import type { AppSpec } from '../../../src/spec/app.ts';

/** In replicas: each pool's ready ones have to carry its share alone. */
export function capacityOf({ route, members }: RouteTable, ready: ReadonlySet<ReplicaId>): number {
  if (route.admit.kind !== 'open') return 0;
  const count = (pool: PoolId) => (members[pool] ?? []).filter((member) => ready.has(member.replica)).length;
  const { split } = route;
  if (split.kind === 'perReadyReplica') return split.to.reduce((sum, pool) => sum + count(pool), 0);
  const shares = split.to.filter((share) => share.weight > 0);
  return Math.min(...shares.map(({ key, weight }) => (count(key) * FULL_WEIGHT) / weight));
}

/** Ready replicas that the pools of a table need, by weight, unless their stage declares fewer. */
export function neededOf(
  { route }: RouteTable,
  state: AppState,
  spec: AppSpec['spec'],
): { pools: PoolId[]; need: number }[] {
  const { replicas, strategy } = spec;
  const via = state.release?.stages.find((stage) => stage.via.kind === 'roll')?.via;
  const roll = via?.kind === 'roll' ? via : strategy.kind === 'rolling' ? strategy : DEFAULT_ROLL;
  const { unavailable } = resolveFenceposts(roll.maxSurge, roll.maxUnavailable, replicas);
  const { split } = route;
  if (split.kind === 'perReadyReplica') return [{ pools: split.to, need: replicas - unavailable }];
  return split.to.map(({ key, weight }) => {
    const byWeight = Math.ceil((weight * replicas) / FULL_WEIGHT);
    return { pools: [key], need: Math.min(byWeight, declaredFor(key, state, replicas)) - unavailable };
  });
}

function declaredFor(pool: PoolId, { release }: AppState, replicas: number): number {
  if (release?.phase.kind !== 'advancing') return replicas;
  const arm = Object.entries(release.arms).find(([, id]) => id === pool)?.[0];
  const stage = release.stages[release.routedStage];
  const scale = arm === undefined ? undefined : stage?.scale[arm];
  if (!stage || !scale || arm === undefined || scale.kind === 'matchWeight') return replicas;
  const { split } = stage.route;
  const weight =
    split.kind === 'weights' ? (split.to.find((share) => share.key === arm)?.weight ?? 0) : FULL_WEIGHT;
  return resolveScale(scale, weight, replicas);
}
