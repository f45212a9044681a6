import type { Release } from '../../core/model.ts';
import { failedLast, stableRevisionId } from './phase.ts';
import {
  activeRelease,
  available,
  isoTime,
  lastRelease,
  revisionNumber,
  type Snapshot,
  seen,
  standing,
} from './snapshot.ts';
import { stageWaits, tells } from './waits.ts';

/** One sentence: what the App waits for, or what is wrong with it. */
export function messageOf(snapshot: Snapshot): string {
  const { object, state } = snapshot;
  if (object.deleting || state.deleting) return deletingMessage(snapshot);
  if (state.frozen) {
    return `frozen: ${state.frozen.message}; nothing changes until \`crossfade rollout abort ${object.spec.metadata.name}\``;
  }
  const trouble = state.trouble ? `${state.trouble.message}; ` : '';
  const release = activeRelease(state);
  if (release) return trouble + releaseMessage(snapshot, release);
  if (state.generationSeen < object.generation) return 'applied; nothing has been decided yet';
  return trouble + restMessage(snapshot);
}

function releaseMessage(snapshot: Snapshot, release: Release): string {
  switch (release.phase.kind) {
    case 'aborting':
      return `${release.arms.stable === undefined ? 'stopping' : 'going back to stable'}: ${release.phase.why.message}`;
    case 'advancing': {
      const stage = release.stages[release.phase.stage];
      if (!stage) throw new Error(`release ${release.id} has no stage ${release.phase.stage}`);
      return `${stage.name}: ${stageWaits(snapshot, release, stage)}`;
    }
    case 'done':
      return `release ${release.id} has ended`;
  }
}

function restMessage(snapshot: Snapshot): string {
  const { object, state, observed } = snapshot;
  const failed = failedLast(snapshot) ? `${failureOf(snapshot)}; ` : '';
  const revision = stableRevisionId(state);
  if (state.stable === undefined || revision === undefined) {
    return failed === '' ? 'nothing runs' : `${failed}nothing runs`;
  }
  if (observed.replicas.kind === 'unknown')
    return `${failed}the replicas cannot be seen: ${observed.replicas.why}`;
  const wanted = object.spec.spec.replicas;
  const ready = available(snapshot, state.stable).length;
  const told = ready < wanted ? standing(snapshot, state.stable).map(tells).find(Boolean) : undefined;
  const unseen =
    object.spec.spec.route && observed.router.kind === 'unknown'
      ? `; the router cannot be seen: ${observed.router.why}`
      : '';
  return (
    `${failed}revision ${revisionNumber(state, revision)} is stable with ${ready} of ${wanted} replicas ready` +
    `${told ? `; ${told}` : ''}${unseen}${warmMessage(snapshot)}${failed === '' ? wantedMessage(snapshot) : ''}`
  );
}

/** The App file asks for another revision than the one that users are on, and nothing is on the way. */
function wantedMessage({ object, state }: Snapshot): string {
  const { id, number } = object.revision;
  if (id === stableRevisionId(state)) return '';
  const why = state.held.find((entry) => entry.revision === id)?.why.message ?? 'not taken while another ran';
  const wanted = state.revisions[id]?.number ?? number;
  return `; revision ${wanted} is not released: ${why} (\`crossfade rollout retry ${object.spec.metadata.name}\` does)`;
}

function warmMessage({ state }: Snapshot): string {
  const warm = state.warm.at(-1);
  const revision = warm && state.pools[warm.pool]?.revision;
  if (!warm || revision === undefined) return '';
  return `; revision ${revisionNumber(state, revision)} stays warm until ${isoTime(warm.until)}`;
}

function failureOf({ object, state }: Snapshot): string {
  const last = lastRelease(state);
  if (last?.phase.kind !== 'done') return '';
  const why = last.phase.why ? `: ${last.phase.why.message}` : '';
  const held = state.held.some((entry) => entry.revision === last.revision);
  const retry = held ? ` (\`crossfade rollout retry ${object.spec.metadata.name}\` tries it again)` : '';
  return `release ${last.id} of revision ${revisionNumber(state, last.revision)} was ${last.phase.verdict}${why}${retry}`;
}

function deletingMessage({ observed }: Snapshot): string {
  const left = seen(observed.replicas);
  if (!left) return 'deleting';
  if (left.length === 0) return 'deleting: nothing runs any more';
  return `deleting: waits for ${left.length} ${left.length === 1 ? 'replica' : 'replicas'} to drain and stop`;
}
