import type { Action, AppKey } from '../core/model.ts';
import type { Store } from '../ports/store.ts';

/** The actions of past commits: nothing is decided from them, people read them to see what was done. */
export interface ActionJournal {
  /** The last ones, oldest first. */
  actions(app: AppKey, limit?: number): Promise<Action[]>;
}

export type JournalingStore = Store & ActionJournal;
