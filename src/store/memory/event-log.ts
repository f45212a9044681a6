import type { AppKey, Event } from '../../core/model.ts';
import type { EventQuery, StoredEvent } from '../../ports/store.ts';
import { DEFAULT_LIMIT, newest } from '../rules.ts';
import type { Keeping, Kept } from './keeping.ts';

export interface EventLog {
  append(app: AppKey, happened: readonly Event[]): void;
  read(query: EventQuery): StoredEvent[];
}

/** Events under one id that grows over all Apps; the oldest of an App go when it has more than `perApp`. */
export function createEventLog(perApp: number, { keep, give }: Keeping): EventLog {
  const events = new Map<number, Kept<StoredEvent>>();
  const idsByApp = new Map<AppKey, number[]>();
  let lastId = 0;

  return {
    append(app, happened) {
      const ids = idsByApp.get(app) ?? [];
      idsByApp.set(app, ids);
      for (const event of happened) {
        lastId += 1;
        ids.push(lastId);
        events.set(lastId, keep<StoredEvent>({ ...event, id: lastId, app }));
      }
      for (const id of ids.splice(0, Math.max(0, ids.length - perApp))) events.delete(id);
    },
    read({ app, after, limit = DEFAULT_LIMIT }) {
      const ids = app === undefined ? [...events.keys()] : (idsByApp.get(app) ?? []);
      const wanted =
        after === undefined ? newest(ids, limit) : ids.filter((id) => id > after).slice(0, limit);
      return wanted.flatMap((id) => {
        const event = events.get(id);
        return event ? [give(event)] : [];
      });
    },
  };
}
