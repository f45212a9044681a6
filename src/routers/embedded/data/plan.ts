/** A route table made ready to decide by: everything that a request needs, looked up once per table instead of once per request. */
import { randomUUID } from 'node:crypto';
import type { Ms, PoolId, RouteTable } from '../../../core/model.ts';
import type { UserKey } from '../../../spec/app.ts';
import { pickWeighted, type Weighted } from './balancer.ts';
import type { Histogram } from './histogram.ts';
import { compileMatch, issueCookie, type Test, userKey } from './matching.ts';
import { bucketOf, pickByBucket } from './sticky.ts';
import type { Target } from './target.ts';
import { compileTrust } from './trust.ts';

export interface PoolPlan extends Weighted {
  readonly key: PoolId;
  readonly members: readonly Target[];
  /** Index of the member whose turn it is. */
  next: number;
  /** The `x-crossfade-revision` line, or null when answers do not name their revision. */
  readonly revisionLine: Buffer | null;
  readonly latency: Histogram;
  /** First answer to a user under this table; 0: none yet. */
  firstAnswerAt: Ms;
}

export interface Plan {
  readonly table: RouteTable;
  /** In the order of the split. */
  readonly split: readonly PoolPlan[];
  readonly pools: ReadonlyMap<PoolId, PoolPlan>;
  readonly matches: readonly { test: Test; pool: PoolPlan }[];
  readonly sticky: { by: UserKey; salt: string } | undefined;
  readonly preview: PoolPlan | undefined;
  /** Undefined: no client's X-Forwarded-* are believed. */
  readonly trusts: ((address: string) => boolean) | undefined;
}

/** What was decided for one request. */
export interface Choice {
  pool: PoolPlan | null;
  by: 'split' | 'match' | 'preview';
  /** Set-Cookie line for a user who was given a key. */
  cookie: Buffer | null;
}

export interface Picked {
  pool: PoolPlan;
  target: Target;
}

export interface PlanSources {
  target(pool: PoolId, replica: string, address: string): Target;
  latency(pool: PoolId): Histogram;
}

/** `previous`: the plan it replaces; an unchanged split goes on where it was, so that frequent tables do not skew it. */
export function compilePlan(table: RouteTable, sources: PlanSources, previous: Plan | null): Plan {
  const weights = splitWeights(table);
  const same = previous !== null && sameSplit(splitWeights(previous.table), weights);
  const pools = new Map<PoolId, PoolPlan>();
  for (const key of poolsOf(table)) {
    const revision = table.revisions[key];
    const before = same ? previous.pools.get(key) : undefined;
    pools.set(key, {
      key,
      weight: weights.get(key) ?? 0,
      current: before?.current ?? 0,
      next: before?.next ?? 0,
      members: (table.members[key] ?? []).map((m) => sources.target(key, m.replica, m.address)),
      revisionLine:
        table.front.revisionHeader && revision !== undefined
          ? Buffer.from(`x-crossfade-revision: ${revision}\r\n`, 'latin1')
          : null,
      latency: sources.latency(key),
      firstAnswerAt: 0,
    });
  }
  const named = (key: PoolId): PoolPlan => pools.get(key) as PoolPlan;
  const { route } = table;
  return {
    table,
    split: [...weights.keys()].map(named),
    pools,
    matches: route.matches.map((m) => ({ test: compileMatch(m.when), pool: named(m.to) })),
    sticky: route.sticky,
    preview: route.preview === undefined ? undefined : named(route.preview),
    trusts: compileTrust(table.front.trustedProxies),
  };
}

/** Every pool that the table names anywhere. */
function poolsOf(table: RouteTable): Set<PoolId> {
  const { route } = table;
  const keys = new Set<PoolId>(Object.keys(table.members));
  for (const key of splitWeights(table).keys()) keys.add(key);
  for (const match of route.matches) keys.add(match.to);
  if (route.preview !== undefined) keys.add(route.preview);
  return keys;
}

function splitWeights(table: RouteTable): Map<PoolId, number> {
  const { split } = table.route;
  if (split.kind === 'weights') return new Map(split.to.map((t) => [t.key, t.weight]));
  return new Map(split.to.map((key) => [key, table.members[key]?.length ?? 0]));
}

function sameSplit(a: ReadonlyMap<PoolId, number>, b: ReadonlyMap<PoolId, number>): boolean {
  return a.size === b.size && [...a].every(([key, weight]) => b.get(key) === weight);
}

/** Chooses the pool for the request whose head is in `b` with its first field at `from`. */
export function choosePool(plan: Plan, preview: boolean, b: Buffer, from: number): Choice {
  if (preview) return { pool: plan.preview ?? null, by: 'preview', cookie: null };
  for (const match of plan.matches) {
    if (match.test(b, from)) return { pool: match.pool, by: 'match', cookie: null };
  }
  if (plan.sticky === undefined) return { pool: pickWeighted(plan.split), by: 'split', cookie: null };
  return chooseSticky(plan, plan.sticky, b, from);
}

function chooseSticky(plan: Plan, sticky: { by: UserKey; salt: string }, b: Buffer, from: number): Choice {
  let key = userKey(sticky.by, b, from);
  let cookie: Buffer | null = null;
  if (key === undefined && sticky.by.kind === 'cookie' && sticky.by.issue) {
    key = randomUUID();
    cookie = issueCookie(sticky.by, key);
  }
  // Nobody to stick to: counted, like any split.
  if (key === undefined) return { pool: pickWeighted(plan.split), by: 'split', cookie: null };
  return { pool: pickByBucket(plan.split, bucketOf(sticky.salt, key)), by: 'split', cookie };
}

/** The member whose turn it is and that may be tried; null when the pool has none. */
export function pickMember(pool: PoolPlan, now: Ms, skip: Target | null): Target | null {
  const { members } = pool;
  for (let k = 0; k < members.length; k++) {
    const at = (pool.next + k) % members.length;
    const member = members[at] as Target;
    if (member === skip || !member.usable || !member.mayTry(now)) continue;
    pool.next = (at + 1) % members.length;
    return member;
  }
  return null;
}

/**
 * Like pickMember, and where the replicas of all pools are one set (a roll) somebody of another one when this one has
 * nobody. A split by weight keeps its shares: there another pool would answer users who are not its own.
 */
export function pickForSplit(plan: Plan, pool: PoolPlan, now: Ms, skip: Target | null): Picked | null {
  const target = pickMember(pool, now, skip);
  if (target !== null) return { pool, target };
  if (plan.table.route.split.kind !== 'perReadyReplica') return null;
  for (const other of plan.split) {
    const instead = other === pool ? null : pickMember(other, now, skip);
    if (instead !== null) return { pool: other, target: instead };
  }
  return null;
}

/** The member whose turn it would be, reachable or not: who a request that nobody could take is counted at. */
export function turnOf(pool: PoolPlan): Target | null {
  const { members } = pool;
  if (members.length === 0) return null;
  const member = members[pool.next % members.length] as Target;
  pool.next = (pool.next + 1) % members.length;
  return member;
}
