import { emptyState } from '../../core/decide/state.ts';
import type { AppKey, AppObject, AppState } from '../../core/model.ts';
import type { AppStatus } from '../../kubernetes/crossfade.ts';
import type { AppCache } from './apps.ts';
import { stateText } from './fit.ts';
import type { Row } from './row.ts';

/** Specs that were taken up and are written with the next commit. Lost with the process, they are taken up once more. */
export interface Taken {
  /** The App with what was taken up of it since. */
  row(app: AppKey): Row | undefined;
  rows(): Row[];
  add(row: Row, object: AppObject): void;
  /** What is still to be written of it, for a write that is due. */
  pending(row: Row): AppStatus;
}

interface Entry {
  uid: string;
  object: string;
  generation: number;
}

export function createTaken(apps: AppCache): Taken {
  const entries = new Map<AppKey, Entry>();
  apps.onChange(({ key, now }) => {
    const entry = entries.get(key);
    if (entry && (now?.uid !== entry.uid || now.accepted >= entry.generation)) entries.delete(key);
  });

  function withTaken(row: Row): Row {
    const entry = entries.get(row.key);
    if (!entry) return row;
    const fresh = row.state === undefined ? { state: JSON.stringify(emptyState()) } : {};
    return { ...row, ...fresh, object: entry.object, accepted: entry.generation };
  }

  return {
    row(app) {
      const row = apps.get(app);
      return row && withTaken(row);
    },
    rows: () => [...apps.all()].map(withTaken),
    add(row, object) {
      entries.set(row.key, {
        uid: row.uid,
        object: JSON.stringify(object),
        generation: object.generation,
      });
    },
    pending({ key }) {
      const entry = entries.get(key);
      return entry ? { object: entry.object, acceptedGeneration: entry.generation } : {};
    },
  };
}

export function stateFields(app: AppKey, state: AppState): AppStatus {
  return { state: stateText(app, state), stateVersion: state.version };
}
