import type { AppState, Command, CommandResult, Reason, Revision } from '../model.ts';
import { beginAbort, currentStage } from './abort.ts';
import type { Draft } from './draft.ts';
import { startRelease } from './release.ts';

type Result = CommandResult['result'];

/** Kept for answering repeats; older ids are no longer recognised. */
const COMMANDS_KEPT = 200;

/** Every command is answered once, in order; a repeat of an id changes nothing. */
export function absorbCommands(draft: Draft): void {
  const { state } = draft;
  for (const command of draft.observed.commands) {
    if (Object.hasOwn(state.commandsDone, command.id)) continue;
    const place = draft.events.length;
    const result = apply(draft, command);
    state.commandsDone[command.id] = { at: draft.now, verb: command.verb, result };
    const message = result.kind === 'done' ? result.message : result.reason.message;
    draft.event(
      result.kind === 'done' ? 'Normal' : 'Warning',
      result.kind === 'done' ? 'Command' : 'CommandRefused',
      `${command.verb}: ${message}${command.reason ? ` (${command.reason})` : ''}`,
      command.actor,
    );
    // Told before what it set off.
    draft.events.splice(place, 0, ...draft.events.splice(-1));
  }
  forgetOldest(draft);
}

/**
 * The oldest by time: an object lists ids that look like numbers first, whenever they came. One that the store still
 * brings stays whatever its age: forgotten, it would be carried out again.
 */
function forgetOldest({ state, observed }: Draft): void {
  if (Object.keys(state.commandsDone).length <= COMMANDS_KEPT) return;
  const brought = new Set(observed.commands.map((command) => command.id));
  const entries = Object.entries(state.commandsDone);
  const oldest = entries.filter(([id]) => !brought.has(id)).sort(([, a], [, b]) => a.at - b.at);
  for (const [id] of oldest.slice(0, Math.max(0, entries.length - COMMANDS_KEPT)))
    delete state.commandsDone[id];
}

function apply(draft: Draft, command: Command): Result {
  if (draft.state.deleting || draft.app.deleting) return refused('E_DELETING', 'the App is being deleted');
  switch (command.verb) {
    case 'pause':
      return pause(draft, command);
    case 'resume':
      return resume(draft);
    case 'promote':
      return promote(draft, command);
    case 'abort':
      return abort(draft, command);
    case 'undo':
      return undo(draft, command);
    case 'restart':
      return restart(draft, command);
    case 'retry':
      return retry(draft, command);
  }
}

const done = (message: string): Result => ({ kind: 'done', message });
const refused = (code: string, message: string): Result => ({ kind: 'refused', reason: { code, message } });
const NO_RELEASE: Reason = { code: 'E_NO_RELEASE', message: 'no release is running' };

function pause(draft: Draft, command: Command): Result {
  const { release } = draft;
  if (release?.phase.kind !== 'advancing') return { kind: 'refused', reason: NO_RELEASE };
  if (release.pausedBy !== undefined) return done(`already paused by ${release.pausedBy}`);
  release.pausedBy = command.actor;
  return done(`${release.id} is paused at "${currentStage(draft).name}"; \`rollout resume\` goes on`);
}

function resume(draft: Draft): Result {
  const { release } = draft;
  if (release?.phase.kind !== 'advancing') return { kind: 'refused', reason: NO_RELEASE };
  if (release.pausedBy === undefined) {
    return refused(
      'E_NOT_PAUSED',
      'the release is not paused; a pause or approval step is passed by `rollout promote`',
    );
  }
  delete release.pausedBy;
  release.progressAt = draft.now;
  return done(`${release.id} goes on`);
}

/** Passes the pause or approval that the release waits at; --full passes all of them, never a safety gate. */
function promote(draft: Draft, command: Command): Result {
  const { release } = draft;
  if (release?.phase.kind !== 'advancing') return { kind: 'refused', reason: NO_RELEASE };
  const wasPaused = release.pausedBy !== undefined;
  delete release.pausedBy;
  release.progressAt = draft.now;
  if (command.full) {
    release.phase.fullSpeed = true;
    return done(
      `${release.id} goes to the end without waiting; readiness and the measured split are still checked`,
    );
  }
  const stage = currentStage(draft);
  const waits = stage.gates.findIndex(
    (gate, index) =>
      (gate.kind === 'pause' || gate.kind === 'approval') && release.gates[index]?.kind !== 'passed',
  );
  if (waits < 0) {
    if (wasPaused) return done(`${release.id} goes on`);
    return refused(
      'E_NOTHING_TO_PROMOTE',
      `"${stage.name}" waits for nobody; \`promote --full\` skips what is to come`,
    );
  }
  release.gates[waits] = { kind: 'passed', at: draft.now, by: command.actor };
  return done(`passed ${stage.gates[waits]?.kind} of "${stage.name}"`);
}

function abort(draft: Draft, command: Command): Result {
  const { release, state } = draft;
  delete state.frozen;
  if (!release) return { kind: 'refused', reason: NO_RELEASE };
  if (release.phase.kind === 'aborting') {
    // Stop means stop: what was to follow is dropped too.
    return done(`already going back${dropQueued(state)}`);
  }
  const why = command.reason ? `: ${command.reason}` : '';
  beginAbort(draft, { code: 'E_ABORTED', message: `aborted by ${command.actor}${why}` });
  const back =
    release.arms.stable === undefined
      ? 'a first release has nothing to go back to: it is stopped'
      : 'going back to stable';
  return done(`${back}${dropQueued(state)}`);
}

/** @returns what to add to the answer: nobody should have to find out that what waited does not come any more */
function dropQueued(state: AppState): string {
  if (!state.queued) return '';
  const number = state.revisions[state.queued.revision]?.number;
  delete state.queued;
  return `; revision ${number}, which waited, is dropped: \`rollout retry\` starts it`;
}

function undo(draft: Draft, command: Command): Result {
  const { release, state } = draft;
  if (release) {
    return refused('E_RELEASE_RUNNING', `${release.id} is running: \`rollout abort\` takes it back`);
  }
  const stable = state.stable === undefined ? undefined : draft.poolOf(state.stable).revision;
  const target = command.toRevision === undefined ? previous(state, stable) : find(state, command.toRevision);
  if (!target) {
    const wish = command.toRevision === undefined ? 'earlier revision' : `revision ${command.toRevision}`;
    return refused(
      'E_NO_REVISION',
      `there is no ${wish} to go back to; \`get revisions\` lists what is kept`,
    );
  }
  if (target.id === stable)
    return refused('E_SAME_REVISION', `revision ${target.number} is the stable one already`);
  startRelease(draft, target.id, 'undo', command.actor);
  return done(`going back to revision ${target.number}`);
}

/** The revision that was stable before the current one: by history, for numbers say nothing after an undo. */
function previous(state: AppState, stable: string | undefined): Revision | undefined {
  const promotedBefore = state.history.filter(
    (r) => r.phase.kind === 'done' && r.phase.verdict === 'promoted',
  );
  const last = promotedBefore.findLast((r) => r.revision === stable);
  const from = last?.fromRevision;
  const isOther = from !== undefined && from !== stable;
  const id = isOther ? from : promotedBefore.findLast((r) => r.revision !== stable)?.revision;
  return id === undefined ? undefined : state.revisions[id];
}

function find(state: AppState, wish: string): Revision | undefined {
  const all = Object.values(state.revisions);
  return (
    all.find((revision) => String(revision.number) === wish) ?? all.find((revision) => revision.id === wish)
  );
}

function restart(draft: Draft, command: Command): Result {
  const { release, state } = draft;
  if (release) return refused('E_RELEASE_RUNNING', `${release.id} is running; wait for it or abort it`);
  if (state.stable === undefined)
    return refused('E_NO_REVISION', 'nothing is running that could be restarted');
  const revision = draft.poolOf(state.stable).revision;
  startRelease(draft, revision, 'restart', command.actor);
  return done(`restarting revision ${state.revisions[revision]?.number}`);
}

/** Tries again what was aborted or undone and is still what the App file asks for. */
function retry(draft: Draft, command: Command): Result {
  const { release, state } = draft;
  if (release) return refused('E_RELEASE_RUNNING', `${release.id} is running`);
  const revision = draft.app.revision.id;
  const stable = state.stable === undefined ? undefined : draft.poolOf(state.stable).revision;
  if (revision === stable)
    return refused('E_SAME_REVISION', 'the wanted revision is the stable one: nothing to retry');
  state.held = state.held.filter((entry) => entry.revision !== revision);
  startRelease(draft, revision, 'retry', command.actor);
  return done(`trying revision ${state.revisions[revision]?.number} again`);
}
