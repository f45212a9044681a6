/** What every store has to hold, whatever it is made of: checks before a write, and the errors that say why not. */
import { OperatingError } from '../core/errors.ts';
import type { AppKey, AppObject, AppState } from '../core/model.ts';

/** Oldest events beyond this are dropped, per App. */
const EVENTS_PER_APP = 5_000;
/** Oldest audit entries beyond this are dropped, over all Apps. */
const AUDIT_ENTRIES = 100_000;
/** Actions kept per App, for people who look at what happened. */
const ACTIONS_PER_APP = 500;
/** Commands that were carried out are remembered this long, so that a late repeat is still recognised; per App. */
const DONE_COMMANDS_PER_APP = 5_000;
/** Answered when a query names no limit. */
export const DEFAULT_LIMIT = 1_000;

export interface StoreLimits {
  eventsPerApp: number;
  auditEntries: number;
  actionsPerApp: number;
  doneCommandsPerApp: number;
}

export function limitsFrom(given: Partial<StoreLimits>): StoreLimits {
  return {
    eventsPerApp: given.eventsPerApp ?? EVENTS_PER_APP,
    auditEntries: given.auditEntries ?? AUDIT_ENTRIES,
    actionsPerApp: given.actionsPerApp ?? ACTIONS_PER_APP,
    doneCommandsPerApp: given.doneCommandsPerApp ?? DONE_COMMANDS_PER_APP,
  };
}

export function generationConflict(app: AppKey, expected: number, found: number): OperatingError {
  if (expected === 0) {
    return new OperatingError('E_CONFLICT', `App ${app} exists already, at generation ${found}.`, {
      hint: 'Read it again and apply the change to what is there now.',
      details: { app, expected, found },
    });
  }
  const now = found === 0 ? 'it is gone' : `it is at generation ${found}`;
  return new OperatingError('E_CONFLICT', `App ${app} was expected at generation ${expected}, and ${now}.`, {
    hint: 'Read it again and apply the change to what is there now.',
    details: { app, expected, found },
  });
}

export function versionConflict(app: AppKey, expected: number, found: number | undefined): OperatingError {
  const now = found === undefined ? 'the App is gone' : `it is at version ${found}`;
  return new OperatingError(
    'E_CONFLICT',
    `The state of ${app} was expected at version ${expected}, and ${now}.`,
    {
      hint: 'Observe again and decide again.',
      details: { app, expected, found: found ?? null },
    },
  );
}

/** @throws Error when the caller's next generation would not be told apart from the expected one */
export function assertNextGeneration(object: AppObject, expectedGeneration: number): void {
  if (object.generation > expectedGeneration) return;
  throw new Error(
    `putApp of ${object.key}: generation ${object.generation} does not follow generation ${expectedGeneration}`,
  );
}

/** @throws Error: compare-and-swap protects nothing when a commit leaves the version as it was, or goes back */
export function assertNextVersion(app: AppKey, next: AppState, expectedVersion: number): void {
  if (next.version > expectedVersion) return;
  throw new Error(`commit of ${app}: version ${next.version} does not follow version ${expectedVersion}`);
}

export function appNotFound(app: AppKey): OperatingError {
  return new OperatingError('E_APP_NOT_FOUND', `There is no App ${app}.`, {
    hint: '`crossfade get apps --all-namespaces` lists what there is.',
    details: { app },
  });
}

/** The last `limit` of a list, in its order. */
export function newest<T>(list: readonly T[], limit: number): T[] {
  return limit <= 0 ? [] : list.slice(-limit);
}
