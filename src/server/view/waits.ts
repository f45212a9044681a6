import { since } from '../../core/decide/draft.ts';
import { emptyStable } from '../../core/decide/empty-stable.ts';
import { exitOf } from '../../core/decide/health.ts';
import {
  FULL_WEIGHT,
  type Gate,
  type GateState,
  type PoolId,
  type Release,
  type Replica,
  type Stage,
} from '../../core/model.ts';
import { resolveScale } from '../../core/scale.ts';
import { splitCount } from '../../core/verify.ts';
import { available, isoTime, revisionOfPool, type Snapshot, seen, standing } from './snapshot.ts';

/** What the current stage of a release waits for, without the stage's name: "waits for 2 of 3 replicas to be ready". */
export function stageWaits(snapshot: Snapshot, release: Release, stage: Stage): string {
  const name = snapshot.object.spec.metadata.name;
  if (release.pausedBy !== undefined) {
    return `paused by ${release.pausedBy}; \`crossfade rollout resume ${name}\` goes on`;
  }
  return (
    waitsForReplicas(snapshot, release, stage) ??
    waitsForStable(snapshot, release, stage) ??
    waitsForRouter(snapshot, release) ??
    waitsForOldReplicas(snapshot, release, stage) ??
    waitsForGate(snapshot, release, stage) ??
    'moves on to the next stage'
  );
}

function waitsForReplicas(snapshot: Snapshot, release: Release, stage: Stage): string | undefined {
  const { replicas } = snapshot.observed;
  if (replicas.kind === 'unknown') return `the replicas cannot be seen: ${replicas.why}`;
  const pool = release.arms.candidate;
  const scale = stage.scale.candidate;
  if (pool === undefined || !scale) return undefined;
  const wanted = resolveScale(scale, candidateWeight(stage), snapshot.object.spec.spec.replicas);
  const missing = wanted - available(snapshot, pool).length;
  if (missing <= 0) return undefined;
  const told = standing(snapshot, pool).map(tells).find(Boolean);
  return `waits for ${missing} of ${wanted} replicas to be ready${told ? `; ${told}` : ''}`;
}

/** Until somebody of it is ready no table of the stage can be made. */
function waitsForStable(snapshot: Snapshot, release: Release, stage: Stage): string | undefined {
  const { state } = snapshot;
  const pool = release.arms.stable;
  const revision = pool === undefined ? undefined : revisionOfPool(state, pool);
  if (pool === undefined || !revision || !snapshot.object.spec.spec.route) return undefined;
  // Who was in the route before stays in it for want of a better one.
  if ((state.table?.members[pool]?.length ?? 0) > 0) return undefined;
  return emptyStable(stage, standing(snapshot, pool), revision.number);
}

function candidateWeight({ route: { split } }: Stage): number {
  if (split.kind === 'perReadyReplica') return FULL_WEIGHT;
  return split.to.find((share) => share.key === 'candidate')?.weight ?? 0;
}

/** What a replica that is not ready last said about itself. */
export function tells(replica: Replica): string | undefined {
  if (replica.failure) return `it could not be started: ${replica.failure.message}`;
  if (replica.ready) return undefined;
  if (replica.phase === 'backoff') return `it ${exitOf(replica)} and is started again after a back-off`;
  if (replica.lastProbe?.ok === false) return `the last probe said: ${replica.lastProbe.detail}`;
  return replica.lastExit ? `it ${exitOf(replica)} before` : undefined;
}

function waitsForRouter({ object, state, observed }: Snapshot, release: Release): string | undefined {
  if (!object.spec.spec.route) return undefined;
  if (observed.router.kind === 'unknown')
    return `waits for the router, which cannot be seen: ${observed.router.why}`;
  if (release.phase.kind === 'advancing' && release.routedStage < release.phase.stage) return undefined;
  const { ackedGeneration } = observed.router.value;
  if (ackedGeneration >= state.routeGeneration) return undefined;
  return `waits for the router to acknowledge route ${state.routeGeneration} (it serves ${ackedGeneration})`;
}

function waitsForOldReplicas(snapshot: Snapshot, release: Release, stage: Stage): string | undefined {
  const pool = release.arms.stable;
  if (pool === undefined || stage.scale.stable?.kind !== 'zero') return undefined;
  const left = countOfPool(snapshot, pool);
  if (left === 0) return undefined;
  return `waits for ${left} old ${left === 1 ? 'replica' : 'replicas'} to drain and stop`;
}

function countOfPool({ observed }: Snapshot, pool: PoolId): number {
  return (seen(observed.replicas) ?? []).filter((replica) => replica.pool === pool).length;
}

function waitsForGate(snapshot: Snapshot, release: Release, stage: Stage): string | undefined {
  for (const [index, gate] of stage.gates.entries()) {
    const state = release.gates[index] ?? { kind: 'pending' };
    if (state.kind !== 'passed') return gateWaits(snapshot, gate, state);
  }
  return undefined;
}

/** What one gate that has not passed waits for. */
export function gateWaits(snapshot: Snapshot, gate: Gate, state: GateState): string {
  const promote = `\`crossfade rollout promote ${snapshot.object.spec.metadata.name}\``;
  switch (gate.kind) {
    case 'ready':
      return 'waits for the replicas to be ready';
    case 'pause':
      if (gate.durationMs === undefined) return `waits for ${promote}`;
      if (state.kind !== 'waiting') return `will pause for ${gate.durationMs / 1000} s`;
      return `paused until ${isoTime(state.since + gate.durationMs)}; ${promote} goes on at once`;
    case 'approval':
      return `waits for approval${gate.message ? ` (${gate.message})` : ''}: ${promote}`;
    case 'verify':
      return verifyWaits(snapshot, gate, state);
  }
}

function verifyWaits(snapshot: Snapshot, gate: Extract<Gate, { kind: 'verify' }>, state: GateState): string {
  if (state.kind === 'waiting') return state.why;
  if (state.kind !== 'measuring') return 'will measure the split';
  if (state.mismatch) return state.mismatch.message;
  const measured = seen(snapshot.observed.measured);
  const now = measured?.epoch === state.epoch ? measured.perPool : {};
  const total = Object.entries(now).reduce(
    (sum, [pool, counts]) => sum + splitCount(since(counts, state.base[pool])),
    0,
  );
  const silent = total < gate.minRequests ? '' : ', and the new revision has answered none of them well';
  return `measures the split: ${Math.min(total, gate.minRequests)} of ${gate.minRequests} requests so far${silent}`;
}
