import type { AppState, Known, Ms, PoolId, Release, Replica, Revision } from '../../core/model.ts';
import type { Stored } from '../../ports/store.ts';
import type { ObservedApp } from '../deps.ts';

/** One moment of an App: what every view is made from. */
export interface Snapshot extends Stored {
  observed: ObservedApp;
  nowMs: Ms;
}

export type PoolRole = 'stable' | 'candidate' | 'warm' | 'retiring';

export function isoTime(at: Ms): string {
  return new Date(at).toISOString();
}

export function seen<T>(known: Known<T>): T | undefined {
  return known.kind === 'known' ? known.value : undefined;
}

/** The release that still moves. */
export function activeRelease(state: AppState): Release | undefined {
  return state.release && state.release.phase.kind !== 'done' ? state.release : undefined;
}

export function lastRelease(state: AppState): Release | undefined {
  return state.history.at(-1);
}

export function poolRole(state: AppState, pool: PoolId): PoolRole {
  if (pool === state.stable) return 'stable';
  if (activeRelease(state)?.arms.candidate === pool) return 'candidate';
  return state.warm.some((entry) => entry.pool === pool) ? 'warm' : 'retiring';
}

export function revisionOfPool(state: AppState, pool: PoolId): Revision | undefined {
  const id = state.pools[pool]?.revision;
  return id === undefined ? undefined : state.revisions[id];
}

/** 0 while a revision has not been taken up, or is long forgotten. */
export function revisionNumber(state: AppState, id: string): number {
  return state.revisions[id]?.number ?? 0;
}

/** Replicas of a pool that count: existing and on their way neither out of the route nor down. */
export function standing({ state, observed }: Snapshot, pool: PoolId): Replica[] {
  return (seen(observed.replicas) ?? []).filter(
    (replica) => replica.pool === pool && replica.phase !== 'stopping' && !state.leaving[replica.id],
  );
}

/** Standing and ready for the App's minReadySeconds. */
export function available(snapshot: Snapshot, pool: PoolId): Replica[] {
  const minReadyMs = snapshot.object.spec.spec.health.minReadySeconds * 1000;
  return standing(snapshot, pool).filter(
    (replica) => replica.ready && (replica.readySince ?? snapshot.nowMs) + minReadyMs <= snapshot.nowMs,
  );
}
