import { NO_COUNTS } from './decide/draft.ts';
import type { Counts, PoolId, Replica, ReplicaId } from './model.ts';

/** Counts of one address, with what the router's table claimed to be there. */
export interface AnsweredAt {
  replica: ReplicaId;
  pool: PoolId;
  address: string;
  counts: Counts;
}

/**
 * Counts per pool by which replica answered. The engine knows whose address it is; the router's table only claims to:
 * a table that gives the candidate's share to stable's addresses shows as what it does, not as what it says.
 */
export function attribute(
  answered: readonly AnsweredAt[],
  replicas: readonly Replica[],
): Record<PoolId, Counts> {
  const owner = new Map(replicas.map((r) => [r.address, r]));
  const living = new Map(replicas.map((r) => [r.id, r]));
  const perPool: Record<PoolId, Counts> = {};
  for (const entry of answered) {
    // A claimed replica that is gone had this address to itself while it was counted: the address may have a new owner since.
    const claimed = living.get(entry.replica);
    const pool = claimed ? (owner.get(entry.address)?.pool ?? entry.pool) : entry.pool;
    perPool[pool] = add(perPool[pool] ?? NO_COUNTS, entry.counts);
  }
  return perPool;
}

function add(a: Counts, b: Counts): Counts {
  return {
    requests: a.requests + b.requests,
    ok: a.ok + b.ok,
    failed: a.failed + b.failed,
    split: a.split + b.split,
    probes: a.probes + b.probes,
    ...sumOf('probesOk', a, b),
    ...sumOf('probesFailed', a, b),
  };
}

/** Absent in both stays absent: not told is not none. */
function sumOf(field: 'probesOk' | 'probesFailed', a: Counts, b: Counts): Pick<Counts, typeof field> {
  return a[field] === undefined && b[field] === undefined
    ? {}
    : { [field]: (a[field] ?? 0) + (b[field] ?? 0) };
}
