import type { AppState } from '../model.ts';

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
