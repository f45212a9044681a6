import type { AppState, Ms } from '../model.ts';

/** The state of an App of which nothing was decided yet. */
export function emptyState(): AppState {
  return {
    schema: 1,
    version: 0,
    generationSeen: 0,
    nextRevisionNumber: 1,
    nextReleaseNumber: 1,
    revisions: {},
    pools: {},
    history: [],
    warm: [],
    retiring: [],
    held: [],
    routeGeneration: 0,
    leaving: {},
    pending: {},
    backoff: {},
    commandsDone: {},
  };
}

/**
 * The version of what is decided from a state. The first one of an App is a moment (ms): later than every version of an
 * earlier App of that name, so that a leader of before which acts late is refused, and what it left behind is gone past.
 */
export function nextVersion({ version }: AppState, now: Ms): number {
  return version === 0 ? Math.max(1, Math.floor(now)) : version + 1;
}
