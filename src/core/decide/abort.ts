import type { PoolId, Reason, RevisionId, Route, RouteTable, Stage } from '../model.ts';
import { CANDIDATE, STABLE } from '../strategies/parts.ts';
import type { Draft } from './draft.ts';
import { endRelease, hold, retire } from './release.ts';

/** Turns the release round. Safe to call again: the first reason stays. */
export function beginAbort(draft: Draft, why: Reason, supersededBy?: RevisionId): void {
  const { release } = draft;
  if (release?.phase.kind !== 'advancing') return;
  release.phase = {
    kind: 'aborting',
    // The route of a later stage may not have been asked for yet: what has to be undone is what was routed.
    stage: Math.max(0, release.routedStage, release.phase.stage),
    since: draft.now,
    why,
    ...(supersededBy === undefined ? {} : { supersededBy }),
  };
  draft.event('Warning', 'ReleaseAborting', why.message);
}

/** How long an abort waits for stable to be whole: users on a bad version are worse off than users in a queue. */
const ABORT_PATIENCE_MS = 2000;

/** Whether an abort may give stable everything: it has the room, or the candidate has nobody, or it waited enough. */
export function stableCanCarry(draft: Draft): boolean {
  const { release } = draft;
  if (release?.phase.kind !== 'aborting') return false;
  // Once gone back, it stays gone back, whatever becomes of stable meanwhile; a closed route is not opened for the candidate.
  const table = draft.state.table;
  const isClosed = table !== undefined && table.route.admit.kind !== 'open';
  if (table && (isClosed || !namedPools(table.route).has(draft.pool(CANDIDATE)))) return true;
  const ready = (arm: string) => draft.standing(draft.pool(arm)).filter((replica) => replica.ready).length;
  if (ready(STABLE) >= draft.spec.replicas || ready(CANDIDATE) === 0) return true;
  const until = release.phase.since + ABORT_PATIENCE_MS;
  if (draft.now < until) draft.wake(until);
  return ready(STABLE) > 0 && draft.now >= until;
}

export function currentStage(draft: Draft): Stage {
  const { release } = draft;
  if (!release || release.phase.kind === 'done') throw new Error('no release runs');
  const stage = release.stages[release.phase.stage];
  if (!stage) throw new Error(`release has no stage ${release.phase.stage}`);
  return stage;
}

/** Ends the release once users are back on stable; what is left of the candidate is drained in the background. */
export function finishAbort(draft: Draft): void {
  const { release } = draft;
  if (release?.phase.kind !== 'aborting') return;
  const { why, supersededBy } = release.phase;
  const candidate = release.arms[CANDIDATE];
  if (candidate !== undefined) retire(draft, candidate);
  if (supersededBy === undefined) hold(draft, release.revision, why);
  endRelease(draft, supersededBy === undefined ? 'aborted' : 'superseded', why);
}

/** Whether users are back where they were before the release. */
export function isBack(draft: Draft): boolean {
  const { release } = draft;
  const stable = release?.arms[STABLE];
  const candidate = release?.arms[CANDIDATE];
  if (candidate === undefined) return true;
  if (stable === undefined) return true;
  const table = draft.state.table;
  if (!draft.routed || !table) return draft.available(stable).length >= draft.spec.replicas;
  const named = namedPools(table.route);
  // Scaled to nothing, the App refuses by its owner's wish.
  const opened = table.route.admit.kind === 'open' || draft.spec.replicas === 0;
  return (
    draft.acked &&
    draft.served !== 'of another writer' &&
    opened &&
    !named.has(candidate) &&
    named.has(stable)
  );
}

export function namedPools(route: {
  split: { kind: string; to: unknown[] };
  matches: { to: string }[];
  mirror?: { to: string };
  preview?: string;
}): Set<string> {
  const pools = new Set<string>(route.matches.map((match) => match.to));
  for (const target of route.split.to) {
    if (typeof target === 'string') pools.add(target);
    else if ((target as { weight: number }).weight > 0) pools.add((target as { key: string }).key);
  }
  if (route.mirror !== undefined) pools.add(route.mirror.to);
  if (route.preview !== undefined) pools.add(route.preview);
  return pools;
}

/** Whether a split gives anything to this arm, or pool. */
export function splits({ split }: Route<string>, key: string): boolean {
  return split.kind === 'weights'
    ? split.to.some((share) => share.key === key && share.weight > 0)
    : split.to.includes(key);
}

/** Whether anybody is sent to this pool: of a split per replica, only where it has one. */
export function namesWithWeight({ route, members }: RouteTable, pool: PoolId): boolean {
  return splits(route, pool) && (route.split.kind === 'weights' || (members[pool]?.length ?? 0) > 0);
}
