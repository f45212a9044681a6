import type { Ms, Replica, ReplicaId, RouteTable } from '../model.ts';
import type { Draft } from './draft.ts';
import type { Intent } from './intent.ts';
import { endWarm } from './release.ts';

/** After the long drain: the router closes the last connections itself; this is for one that cannot. */
const DRAIN_SLACK_MS = 1000;

/**
 * Chooses who leaves where a pool is larger than wanted. Until a table without it was made, a choice is made anew each
 * time: the one that was to stay may have stopped being ready since.
 */
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

/** Forgets the choices that no table has followed yet. */
export function unchoose(draft: Draft): void {
  for (const [id, leaving] of Object.entries(draft.state.leaving)) {
    if (leaving.generation < 0 && isNamed(draft, id)) delete draft.state.leaving[id];
  }
}

/**
 * Notes from which generation on the leaving ones are out of the route. A table that could not be made (nobody can be
 * seen, or nobody else could answer) still names them: they wait for one that does not.
 */
export function stampLeaving(draft: Draft): void {
  for (const [id, leaving] of Object.entries(draft.state.leaving)) {
    if (leaving.generation < 0 && !isNamed(draft, id)) leaving.generation = draft.state.routeGeneration;
  }
}

function isNamed(draft: Draft, id: ReplicaId): boolean {
  return draft.state.table !== undefined && names(draft.state.table, id);
}

function names({ members }: RouteTable, id: ReplicaId): boolean {
  return Object.values(members).some((own) => own.some((member) => member.replica === id));
}

export function grow(draft: Draft, intent: Intent): void {
  if (draft.observed.replicas.kind !== 'known') return;
  for (const [pool, count] of intent.counts) {
    if (draft.standing(pool).length >= count) continue;
    // The engine counts all that are not stopping; those on their way out are there beside the ones wanted.
    const leaving = draft.replicas.filter(
      (r) => r.pool === pool && r.phase !== 'stopping' && draft.state.leaving[r.id],
    );
    const replicas = count + leaving.length;
    draft.act(`grow:${pool}:${replicas}`, { kind: 'grow', pool, replicas });
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
      tellCut(draft, id);
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
  if (isNamed(draft, id) || leaving.generation < 0) return false;
  // Whoever gave the router another table, what it serves is what counts.
  if (router.serving && names(router.serving, id)) return false;
  if (state.table ? router.ackedGeneration < leaving.generation : router.ackedGeneration !== 0) return false;
  if (leaving.deadline === undefined) {
    leaving.deadline = draft.now + draft.spec.drainTimeoutMs;
    if ((router.inFlight[id] ?? 0) > 0) {
      draft.act(`drain:${id}`, { kind: 'drain', replica: id, deadline: leaving.deadline });
    }
  }
  if ((router.inFlight[id] ?? 0) === 0) return true;
  const end = drainEnd(draft, leaving.deadline);
  draft.wake(end);
  return draft.now >= end;
}

/** A router that only opens connections cannot close one politely: who is cut is told. */
function tellCut(draft: Draft, id: ReplicaId): void {
  const open = draft.router?.inFlight[id] ?? 0;
  const key = `stop:${id}`;
  const isAskedAlready = draft.state.pending[key] !== undefined || draft.state.backoff[key] !== undefined;
  if (!draft.router?.perConnection || open === 0 || isAskedAlready) return;
  const what = draft.router.connectionsUnseen
    ? 'connections that cannot be seen'
    : `${open} open connections`;
  draft.event('Warning', 'ConnectionsCut', `${id} is stopped with ${what}: its time to drain is over`);
}

/** When a replica is stopped that still has connections open. */
export function drainEnd(draft: Draft, deadline: Ms): Ms {
  return deadline + draft.spec.drainLongTimeoutMs + DRAIN_SLACK_MS;
}

/** Warm pools whose time is over, pools nobody names any more, and Apps of which nothing is left. */
export function tidy(draft: Draft): void {
  const { state } = draft;
  for (const { pool, until } of state.warm) {
    if (until > draft.now) draft.wake(until);
    else endWarm(draft, pool);
  }
  state.warm = state.warm.filter((entry) => entry.until > draft.now);
  if (draft.observed.replicas.kind !== 'known') return;
  for (const pool of state.retiring) {
    if (!draft.replicas.some((r) => r.pool === pool)) draft.act(`forget:${pool}`, { kind: 'forget', pool });
  }
  draft.gone =
    state.deleting !== undefined &&
    Object.keys(state.pools).length === 0 &&
    !isRouted(draft) &&
    draft.replicas.length === 0;
}

/** The router has a table of this App, or may have one. */
function isRouted({ state, router }: Draft): boolean {
  return state.table !== undefined || router?.ackedGeneration !== 0 || router.serving !== undefined;
}
