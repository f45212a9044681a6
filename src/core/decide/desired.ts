import type { Reason, RevisionId } from '../model.ts';
import { STABLE } from '../strategies/parts.ts';
import { beginAbort } from './abort.ts';
import { adoptPods, isUnseen } from './adopt.ts';
import type { Draft } from './draft.ts';
import { rememberRevision, startRelease } from './release.ts';

/** What the user wants has changed: start, supersede, queue or reject. Scaling needs nothing here. */
export function absorbDesired(draft: Draft): void {
  const { state, app } = draft;
  if (app.deleting) {
    beginDelete(draft);
    return;
  }
  if (isUnseen(draft)) return;
  rememberRevision(draft, app);
  adoptPods(draft);
  if (app.generation > state.generationSeen) {
    state.generationSeen = app.generation;
    wanted(draft, app.revision.id, app.actor);
  }
  startQueued(draft);
}

function wanted(draft: Draft, revision: RevisionId, actor: string): void {
  const { state, release } = draft;
  const stable = state.stable === undefined ? undefined : draft.poolOf(state.stable).revision;
  if (release?.phase.kind === 'advancing' && release.revision === revision) {
    delete state.queued;
    return;
  }
  if (revision === stable && !release) return;
  const held = heldOrAboutTo(draft, revision);
  if (held && revision !== stable) {
    // What was wanted before this is not wanted any more either.
    delete state.queued;
    draft.event(
      'Warning',
      'RevisionHeld',
      `revision ${state.revisions[revision]?.number} is not started again by itself: ${held.message}`,
      actor,
    );
    return;
  }
  if (!release) startRelease(draft, revision, 'apply', actor);
  else if (release.phase.kind === 'aborting') state.queued = { revision, actor };
  else newRevisionDuringRelease(draft, revision, actor);
}

/** Why a revision is not started by itself; one that is being given up is held as soon as users are back. */
function heldOrAboutTo({ state, release }: Draft, revision: RevisionId): Reason | undefined {
  const phase = release?.phase;
  if (release?.revision === revision && phase?.kind === 'aborting' && phase.supersededBy === undefined)
    return phase.why;
  return state.held.find((entry) => entry.revision === revision)?.why;
}

function newRevisionDuringRelease(draft: Draft, revision: RevisionId, actor: string): void {
  const { state, release } = draft;
  if (!release) return;
  const number = state.revisions[revision]?.number;
  switch (draft.spec.onNewRevision) {
    case 'reject':
      draft.event(
        'Warning',
        'RevisionRejected',
        `revision ${number} is not taken while ${release.id} runs (onNewRevision: reject)`,
        actor,
      );
      return;
    case 'queue':
      state.queued = { revision, actor };
      draft.event('Normal', 'RevisionQueued', `revision ${number} waits for ${release.id} to end`, actor);
      return;
    case 'supersede':
      state.queued = { revision, actor };
      // A first release that has users already is nothing to go back from.
      if (release.arms[STABLE] === undefined && release.routedStage >= 0) return;
      beginAbort(draft, { code: 'E_SUPERSEDED', message: `superseded by revision ${number}` }, revision);
  }
}

function startQueued(draft: Draft): void {
  const { state } = draft;
  if (!state.queued || draft.release) return;
  const { revision, actor } = state.queued;
  delete state.queued;
  const stable = state.stable === undefined ? undefined : draft.poolOf(state.stable).revision;
  if (revision !== stable) startRelease(draft, revision, 'apply', actor);
}

/** Deleting needs no abort: nobody is to be served any more. */
function beginDelete(draft: Draft): void {
  const { state } = draft;
  if (state.deleting) return;
  state.deleting = { since: draft.now };
  delete state.queued;
  delete state.release;
  delete state.stable;
  state.warm = [];
  state.retiring = Object.keys(state.pools);
  draft.event(
    'Normal',
    'Deleting',
    'the route is taken away, then every replica is drained and stopped',
    draft.app.actor,
  );
}
