import type { AppPhase } from '../../api/types.ts';
import type { AppState, Release } from '../../core/model.ts';
import { activeRelease, available, lastRelease, type Snapshot } from './snapshot.ts';

/** Where an App stands, in one word; the meanings are in docs/reference/status.md. */
export function phaseOf(snapshot: Snapshot): AppPhase {
  const { object, state } = snapshot;
  if (object.deleting || state.deleting) return 'Deleting';
  if (state.frozen) return 'Frozen';
  const release = activeRelease(state);
  if (release) return releasePhase(release);
  if (state.generationSeen < object.generation) return 'Pending';
  if (state.stable === undefined) return state.history.length === 0 ? 'Pending' : 'Degraded';
  if (state.trouble || failedLast(snapshot)) return 'Degraded';
  const ready = available(snapshot, state.stable).length;
  return ready >= object.spec.spec.replicas && canServe(snapshot) ? 'Healthy' : 'Degraded';
}

function releasePhase(release: Release): AppPhase {
  if (release.phase.kind === 'aborting') return 'Aborting';
  if (release.pausedBy !== undefined) return 'Paused';
  const stage = release.phase.kind === 'advancing' ? release.stages[release.phase.stage] : undefined;
  for (const [index, gate] of (stage?.gates ?? []).entries()) {
    const state = release.gates[index];
    if (!state || state.kind === 'pending') break;
    if (state.kind === 'measuring' && state.mismatch) return 'Holding';
    if (state.kind !== 'waiting') continue;
    if (gate.kind === 'approval' || (gate.kind === 'pause' && gate.durationMs === undefined)) return 'Paused';
  }
  return 'Progressing';
}

/** What was wanted last did not become the stable revision. A later apply of the stable one settles that. */
export function failedLast({ object, state }: Snapshot): boolean {
  const last = lastRelease(state);
  if (last?.phase.kind !== 'done' || last.phase.verdict === 'promoted') return false;
  return last.phase.verdict !== 'superseded' && object.revision.id !== stableRevisionId(state);
}

export function stableRevisionId(state: AppState): string | undefined {
  return state.stable === undefined ? undefined : state.pools[state.stable]?.revision;
}

/** An App with a route serves nobody without a router that has its table. */
function canServe({ object, state, observed }: Snapshot): boolean {
  if (!object.spec.spec.route) return true;
  return observed.router.kind === 'known' && observed.router.value.ackedGeneration >= state.routeGeneration;
}
