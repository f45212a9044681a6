import type { Draft } from './decide/draft.ts';
import { nextVersion } from './decide/state.ts';
import { isEqual } from './json.ts';
import type { AppState, Gate, GateState, PoolId, Reason, RouteTable } from './model.ts';
import { CANDIDATE, STABLE } from './strategies/parts.ts';

/**
 * The invariants that speak of a step from one state to the next, as far as one step shows them; what only a whole life
 * shows of them is judged by the simulation.
 * @returns the first that is broken
 */
export function brokenStep(before: AppState, draft: Draft): Reason | undefined {
  return (
    goesBack(before, draft) ??
    isWrittenDown(before, draft) ??
    keepsStable(before, draft) ??
    keepsAssignment(before, draft) ??
    passedWithData(draft) ??
    answersOnce(before, draft)
  );
}

/** 5. An abort gives the candidate nothing more, and ends with stable as what users are on. */
function goesBack(before: AppState, draft: Draft): Reason | undefined {
  const was = before.release;
  if (was?.phase.kind !== 'aborting') return undefined;
  const { release, state } = draft;
  if (release?.id === was.id) {
    const candidate = release.arms[CANDIDATE];
    if (!before.table || !state.table || candidate === undefined) return undefined;
    const [less, more] = [weightOf(before.table, candidate), weightOf(state.table, candidate)];
    if (less === undefined || more === undefined || more <= less) return undefined;
    return broken(
      'E_INVARIANT_5',
      `an abort would raise the share of pool ${candidate} from ${less} to ${more} of 10000`,
    );
  }
  const ended = state.history.findLast((one) => one.id === was.id);
  const stable = ended?.arms[STABLE];
  if (stable === undefined || state.stable === stable) return undefined;
  return broken(
    'E_INVARIANT_5',
    `an abort would end with pool ${state.stable} as the stable one instead of ${stable}`,
  );
}

/** Undefined: shares are by replica. A closed route gives nobody anything. */
function weightOf({ route }: RouteTable, pool: PoolId): number | undefined {
  if (route.split.kind !== 'weights') return undefined;
  if (route.admit.kind !== 'open') return 0;
  return route.split.to.find(({ key }) => key === pool)?.weight ?? 0;
}

/** 6. What is to be done is part of the state that is committed first, each once, under the version it belongs to. */
function isWrittenDown(before: AppState, draft: Draft): Reason | undefined {
  const wrong = draft.actions.find(
    (action, at) =>
      draft.state.pending[action.key] !== action ||
      action.stateVersion !== nextVersion(before, draft.now) ||
      draft.actions.findIndex((other) => other.key === action.key) !== at,
  );
  return wrong && broken('E_INVARIANT_6', `${wrong.key} would be done without being written down as it is`);
}

/** 7. Whatever is applied, there stays a stable version, and nobody whom users or a release need is retired. */
function keepsStable(before: AppState, draft: Draft): Reason | undefined {
  const { state, release } = draft;
  if (state.deleting) return undefined;
  if (before.stable !== undefined && state.stable === undefined)
    return broken('E_INVARIANT_7', `nothing would be stable any more after pool ${before.stable}`);
  const needed = [state.stable, ...Object.values(release?.arms ?? {}), ...state.warm.map(({ pool }) => pool)];
  const lost = needed.find(
    (pool) => pool !== undefined && (!state.pools[pool] || state.retiring.includes(pool)),
  );
  if (lost !== undefined)
    return broken('E_INVARIANT_7', `pool ${lost} would be retired, which is still needed`);
  return undefined;
}

/** 8. Within a release users are assigned by one key and salt, and the candidate is last: they move towards it only. */
function keepsAssignment(before: AppState, draft: Draft): Reason | undefined {
  const { release, state } = draft;
  const [last, next] = [before.table?.route, state.table?.route];
  if (!release || release.id !== before.release?.id || !last?.sticky || !next?.sticky) return undefined;
  // After a store was put back it may be that of a later release, with the same pools in other places.
  if (before.foundTable !== undefined && before.foundTable === before.table?.generation) return undefined;
  const candidate = release.arms[CANDIDATE];
  // The table of a release before this one, which nobody could replace yet: its users are assigned anew with this one.
  if (candidate === undefined || !namesInSplit(last, candidate)) return undefined;
  if (!isEqual(last.sticky, next.sticky))
    return broken('E_INVARIANT_8', 'users would be assigned anew in mid-release');
  if (next.split.kind !== 'weights') return undefined;
  const place = next.split.to.findIndex(({ key }) => key === candidate);
  if (place < 0 || place === next.split.to.length - 1) return undefined;
  return broken('E_INVARIANT_8', `users would move away from pool ${candidate} while its share grows`);
}

function namesInSplit({ split: { to } }: RouteTable['route'], pool: PoolId): boolean {
  return to.some((share) => (typeof share === 'string' ? share : share.key) === pool);
}

/** 9. No stage is left by a gate that has not been passed, and none that measures is passed without what it measured. */
function passedWithData(draft: Draft): Reason | undefined {
  for (const { name, gates, states } of draft.left) {
    const open = gates.find((gate, index) => !isPassed(gate, states[index]));
    if (open)
      return broken(
        'E_INVARIANT_9',
        `stage "${name}" would be left although its gate "${open.kind}" has nothing to show`,
      );
  }
  return undefined;
}

function isPassed(gate: Gate, state: GateState | undefined): boolean {
  if (state?.kind !== 'passed') return false;
  if (gate.kind === 'verify') return state.note !== undefined;
  return gate.kind !== 'approval' || state.by !== undefined;
}

/** 10. Every command that was brought has its answer, and one that had an answer keeps it. */
function answersOnce(before: AppState, draft: Draft): Reason | undefined {
  const { commandsDone } = draft.state;
  for (const { id, verb } of draft.observed.commands) {
    if (!Object.hasOwn(commandsDone, id))
      return broken('E_INVARIANT_10', `command ${id} (${verb}) would get no answer`);
    if (Object.hasOwn(before.commandsDone, id) && before.commandsDone[id] !== commandsDone[id])
      return broken('E_INVARIANT_10', `command ${id} (${verb}) would be carried out a second time`);
  }
  return undefined;
}

function broken(code: string, message: string): Reason {
  return { code, message };
}
