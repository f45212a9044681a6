import type { Event } from '../../core/model.ts';
import type { Kube } from '../../kubernetes/client.ts';
import type { AppStatus } from '../../kubernetes/crossfade.ts';
import type { EventQuery, StoredEvent } from '../../ports/store.ts';
import { DEFAULT_LIMIT, newest } from '../rules.ts';
import type { AppCache } from './apps.ts';
import { logText } from './fit.ts';
import { createRecords } from './records.ts';
import { eventsOf, type Row } from './row.ts';

export interface EventLog {
  /** The status field with these events appended. */
  add(row: Row, happened: readonly Event[]): AppStatus;
  read(query: EventQuery): Promise<StoredEvent[]>;
  /** Keeps the events of an App that is about to be gone. */
  archive(row: Row): Promise<void>;
}

/** Events of Apps that are gone, per namespace. */
const KEPT_AFTER = 500;

/** An App's events are in its status, written with the commit that they belong to. */
export function createEventLog(
  kube: Kube,
  apps: AppCache,
  perApp: number,
  only: string | undefined,
): EventLog {
  const departed = createRecords<StoredEvent>(kube, 'crossfade-removed-apps', KEPT_AFTER, only);
  let lastId = 0;

  /** Ids grow over all Apps and over restarts: hundreds within a millisecond, or one more than the last. */
  function nextId(): number {
    lastId = Math.max(lastId + 1, Date.now() * 100);
    return lastId;
  }

  async function all(app: string | undefined): Promise<StoredEvent[]> {
    const rows = app === undefined ? [...apps.all()] : [apps.get(app)].filter((row) => row !== undefined);
    const gone = await departed.read(app?.split('/')[0]);
    const asked = gone.filter((event) => app === undefined || event.app === app);
    return newestPerApp([...asked, ...rows.flatMap(eventsOf)], perApp);
  }

  return {
    add(row, happened) {
      if (happened.length === 0) return {};
      const before = eventsOf(row);
      lastId = Math.max(lastId, before.at(-1)?.id ?? 0);
      const added = happened.map((event) => ({ ...event, id: nextId(), app: row.key }));
      return { log: logText([...before, ...added], perApp) };
    },
    async read({ app, after, limit = DEFAULT_LIMIT }) {
      const events = await all(app);
      if (after === undefined) return newest(events, limit);
      return events.filter((event) => event.id > after).slice(0, Math.max(0, limit));
    },
    async archive(row) {
      const events = eventsOf(row);
      if (events.length > 0) await departed.append(row.key.split('/')[0] ?? '', events);
    },
  };
}

/** An App's events go on from those of an earlier one of its name, as one log with one bound. */
function newestPerApp(events: readonly StoredEvent[], most: number): StoredEvent[] {
  const kept = new Map<string, number>();
  const isKept = ({ app }: StoredEvent): boolean => {
    const count = (kept.get(app) ?? 0) + 1;
    kept.set(app, count);
    return count <= most;
  };
  const newestFirst = events.toSorted((a, b) => b.id - a.id);
  return newestFirst.filter(isKept).reverse();
}
