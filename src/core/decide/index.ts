import { brokenInvariant } from '../invariants.ts';
import { isEqual } from '../json.ts';
import type { AppState, Decision, Ms, Observed } from '../model.ts';
import { advance, noteFacts } from './advance.ts';
import { absorbCommands } from './commands.ts';
import { absorbDesired } from './desired.ts';
import { Draft, known } from './draft.ts';
import { watchCandidate } from './health.ts';
import { intentOf } from './intent.ts';
import { absorbOutcomes } from './outcomes.ts';
import { drainAndStop, grow, shrink, stampLeaving, tidy, unchoose } from './pools.ts';
import { noteRouteTrouble } from './route-trouble.ts';
import { nextVersion } from './state.ts';
import { retireStrangers } from './strangers.ts';
import { converge } from './table.ts';

/** More steps than any release has stages, twice: reaching it means that two steps undo each other. */
const MOST_STEPS = 500;

/**
 * The one decision: from what is stored and what is seen to what is stored next and what is to be done.
 * Pure: no I/O, no clock, no randomness. The caller commits `next`, `events` and `actions` together before it acts.
 * @param now milliseconds since the Unix epoch, never going backwards between calls for one App
 */
export function decide(state: AppState, observed: Observed, now: Ms): Decision {
  const app = known(observed.app);
  if (!app) return { next: state, events: [], actions: [] };
  const draft = new Draft(state, observed, app, now);
  absorbOutcomes(draft);
  // Frozen guards a release; without this an App that was deleted then would stay for ever.
  if (app.deleting && !state.deleting) delete draft.state.frozen;
  // What was applied before a command was given is there when the command is judged.
  if (!draft.state.frozen) absorbDesired(draft);
  absorbCommands(draft);
  if (draft.state.frozen) return finish(state, draft);
  if (observed.replicas.kind === 'known') {
    retireStrangers(draft);
    watchCandidate(draft);
    move(draft);
    noteFacts(draft);
  }
  noteRouteTrouble(draft);
  return guarded(state, draft);
}

function move(draft: Draft): void {
  unchoose(draft);
  for (let steps = 0; ; steps++) {
    if (steps > MOST_STEPS) throw new Error('decide: the release does not settle');
    const intent = intentOf(draft);
    shrink(draft, intent);
    converge(draft, intent);
    stampLeaving(draft);
    if (advance(draft)) {
      absorbDesired(draft);
      continue;
    }
    grow(draft, intent);
    break;
  }
  drainAndStop(draft);
  tidy(draft);
}

/** A broken invariant stops the release and leaves the route as it is; nothing of this decision is done. */
function guarded(before: AppState, draft: Draft): Decision {
  const broken = brokenInvariant(before, draft);
  if (!broken) return finish(before, draft);
  const message = `${broken.message}; nothing was changed. \`rollout abort\` goes back to stable. Please report this as a bug`;
  const event = { at: draft.now, type: 'Warning' as const, reason: 'InvariantBroken', message };
  const next = { ...before, version: nextVersion(before, draft.now), frozen: { code: broken.code, message } };
  return { next, events: [event], actions: [] };
}

function finish(before: AppState, draft: Draft): Decision {
  const next = { ...draft.state, version: before.version };
  const changed = draft.actions.length > 0 || draft.events.length > 0 || !isEqual(next, before);
  return {
    next: changed ? { ...next, version: nextVersion(before, draft.now) } : before,
    events: draft.events,
    actions: draft.actions,
    ...(draft.wakeAt === undefined ? {} : { wakeAt: draft.wakeAt }),
    ...(draft.gone ? { gone: true } : {}),
  };
}
