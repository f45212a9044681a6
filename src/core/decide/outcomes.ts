import type { Action, ActionKey, Outcome } from '../model.ts';
import type { Draft } from './draft.ts';
import { isOfRoute } from './route-trouble.ts';

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;

/** Outcomes end pending actions. What failed is decided again, later; nothing is repeated blindly. */
export function absorbOutcomes(draft: Draft): void {
  for (const outcome of draft.observed.outcomes) absorb(draft, outcome);
}

function absorb(draft: Draft, outcome: Outcome): void {
  const { state } = draft;
  const action = state.pending[outcome.key];
  if (!action) return;
  delete state.pending[outcome.key];
  if (outcome.result === 'failed') {
    backOff(draft, outcome.key, outcome);
    return;
  }
  delete state.backoff[outcome.key];
  // Whether the route is followed is seen, not told by an outcome.
  const routed = state.trouble !== undefined && isOfRoute(state.trouble) && action.kind !== 'route';
  if (Object.keys(state.backoff).length === 0 && !routed) delete state.trouble;
  if (outcome.result === 'ok') finish(draft, action);
}

function finish(draft: Draft, action: Action): void {
  const { state } = draft;
  if (action.kind === 'forget') {
    delete state.pools[action.pool];
    state.retiring = state.retiring.filter((pool) => pool !== action.pool);
  }
  if (action.kind === 'unroute') delete state.table;
}

function backOff(draft: Draft, key: ActionKey, outcome: Outcome): void {
  const failures = (draft.state.backoff[key]?.failures ?? 0) + 1;
  const until = draft.now + Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
  draft.state.backoff[key] = { failures, until };
  const reason = outcome.reason ?? { code: 'E_ACTION_FAILED', message: `${key} failed` };
  draft.state.trouble = { ...reason, at: draft.now };
  if (failures === 1)
    draft.event('Warning', 'ActionFailed', `${reason.message} (tried again until it works)`);
}
