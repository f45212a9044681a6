import type { PoolId, ReplicaId, RouteTable } from '../../core/model.ts';
import { APP_LABEL, IN_ROUTE_LABEL, POOL_LABEL } from '../../kubernetes/names.ts';
import { weightsOf } from '../../kubernetes/routing/carrier.ts';

/** A Service knows no weights: who is selected has the same share. Pure. */

/** Of pods that answer beside those of another pool. */
export const SPLIT_LABEL = 'crossfade.dev/split';

/** Pools that the split gives anything to. */
export function servingPools(table: RouteTable): PoolId[] {
  if (table.route.admit.kind === 'refuse') return [];
  return [...weightsOf(table)].filter(([, weight]) => weight > 0).map(([pool]) => pool);
}

/** One pool alone is selected by its name; several by a label that their members are given. */
export function selectorOf(app: string, table: RouteTable): Record<string, string> {
  const [only, ...others] = servingPools(table);
  const common = { [APP_LABEL]: app, [IN_ROUTE_LABEL]: 'true' };
  return only !== undefined && others.length === 0
    ? { ...common, [POOL_LABEL]: only }
    : { ...common, [SPLIT_LABEL]: 'true' };
}

/** Pods that are to be behind the Service. */
export function servingMembers(table: RouteTable): Set<ReplicaId> {
  return new Set(
    servingPools(table).flatMap((pool) => (table.members[pool] ?? []).map(({ replica }) => replica)),
  );
}

/** What the split comes to: numbers of pods. */
export function sharesOf(table: RouteTable): Record<PoolId, number> {
  const counts = servingPools(table).map((pool) => [pool, table.members[pool]?.length ?? 0] as const);
  const all = counts.reduce((sum, [, count]) => sum + count, 0);
  return Object.fromEntries(counts.map(([pool, count]) => [pool, all > 0 ? count / all : 0]));
}
