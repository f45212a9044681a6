import type { PoolId, Replica } from '../model.ts';
import type { Draft } from './draft.ts';
import type { Intent } from './intent.ts';
import { retire } from './release.ts';

/** After the long drain: the router closes the last connections itself; this is for one that cannot. */
const DRAIN_SLACK_MS = 1000;

/** Chooses who leaves where a pool is larger than wanted. Chosen once, never taken back. */
export function shrink(draft: Draft, intent: Intent): void {
  for (const [pool, count] of intent.counts) {
    const standing = draft.standing(pool);
    for (const replica of leaveFirst(standing).slice(0, Math.max(0, standing.length - count))) {
      draft.state.leaving[replica.id] = { pool, generation: -1, stopped: false };
    }
  }
}

/** Kubernetes' order: not ready before ready, then the youngest. */
function leaveFirst(replicas: Replica[]): Replica[] {
  return [...replicas].sort(
    (a, b) => Number(a.ready) - Number(b.ready) || b.startedAt - a.startedAt || (a.id < b.id ? 1 : -1),
  );
}

/** Those chosen are out of the table that was just made. */
export function stampLeaving(draft: Draft): void {
  for (const leaving of Object.values(draft.state.leaving)) {
    if (leaving.generation < 0) leaving.generation = draft.state.routeGeneration;
  }
}

export function grow(draft: Draft, intent: Intent): void {
  for (const [pool, count] of intent.counts) {
    if (draft.standing(pool).length < count && draft.observed.replicas.kind === 'known') {
      draft.act(`grow:${pool}:${count}`, { kind: 'grow', pool, replicas: count });
    }
  }
}

/** Out of the route and acknowledged -> drained or deadline -> stopped. Nothing here skips a step. */
export function drainAndStop(draft: Draft): void {
  if (draft.observed.replicas.kind !== 'known') return;
  const present = new Map(draft.replicas.map((r) => [r.id, r]));
  for (const [id, leaving] of Object.entries(draft.state.leaving)) {
    const replica = present.get(id);
    if (!replica) {
      delete draft.state.leaving[id];
      continue;
    }
    if (replica.phase === 'stopping') {
      leaving.stopped = true;
      continue;
    }
    if (isDrained(draft, id)) {
      draft.act(`stop:${id}`, {
        kind: 'stop',
        replica: id,
        pool: leaving.pool,
        graceMs: draft.spec.terminationGracePeriodSeconds * 1000,
      });
    }
  }
}

function isDrained(draft: Draft, id: string): boolean {
  const { state, router } = draft;
  const leaving = state.leaving[id];
  if (!leaving) return false;
  if (!draft.routed && !state.table) return true;
  if (!router) return false;
  // While the table that was sent last still names it (a route that is being withdrawn), nothing was acknowledged.
  const named = Object.values(state.table?.members ?? {}).some((members) =>
    members.some((m) => m.replica === id),
  );
  if (named) return false;
  if (state.table ? router.ackedGeneration < leaving.generation : router.ackedGeneration !== 0) return false;
  if (leaving.deadline === undefined) {
    leaving.deadline = draft.now + draft.spec.drainTimeoutMs;
    if ((router.inFlight[id] ?? 0) > 0) {
      draft.act(`drain:${id}`, { kind: 'drain', replica: id, deadline: leaving.deadline });
    }
  }
  if ((router.inFlight[id] ?? 0) === 0) return true;
  const end = leaving.deadline + draft.spec.drainLongTimeoutMs + DRAIN_SLACK_MS;
  draft.wake(end);
  return draft.now >= end;
}

/** Warm pools whose time is over, pools nobody names any more, and Apps of which nothing is left. */
export function tidy(draft: Draft): void {
  const { state } = draft;
  for (const { pool, until } of state.warm) {
    if (until > draft.now) draft.wake(until);
    else {
      retire(draft, pool);
      draft.event('Normal', 'WarmEnded', freed(draft, pool));
    }
  }
  state.warm = state.warm.filter((entry) => entry.until > draft.now);
  if (draft.observed.replicas.kind !== 'known') return;
  for (const pool of state.retiring) {
    if (!draft.replicas.some((r) => r.pool === pool)) draft.act(`forget:${pool}`, { kind: 'forget', pool });
  }
  draft.gone =
    state.deleting !== undefined &&
    Object.keys(state.pools).length === 0 &&
    !state.table &&
    draft.replicas.length === 0;
}

function freed(draft: Draft, pool: PoolId): string {
  const count = draft.standing(pool).length;
  const revision = draft.revisionOf(pool);
  const colour = draft.poolOf(pool).colour;
  return `revision ${revision.number}${colour ? ` (${colour})` : ''} is retired: ${count} replicas freed; undo now starts it again`;
}
