import { emptyState } from '../../core/decide/state.ts';
import type { AppKey, AppObject } from '../../core/model.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { APPS, type AppStatus } from '../../kubernetes/crossfade.ts';
import type { AuditEntry, Store } from '../../ports/store.ts';
import { createChanges } from '../changes.ts';
import {
  appNotFound,
  assertNextGeneration,
  assertNextVersion,
  DEFAULT_LIMIT,
  generationConflict,
  limitsFrom,
  newest,
  type StoreLimits,
  versionConflict,
} from '../rules.ts';
import { type AppCache, appCache, type Scope, type StatusWriter, statusWriter } from './apps.ts';
import { type CommandCache, commandCache } from './command-cache.ts';
import { type CommandBook, createCommandBook } from './commands.ts';
import { createEventLog, type EventLog } from './event-log.ts';
import { createRecords, type Records } from './records.ts';
import { type Row, storedOf, type Wanted, wantedOf } from './row.ts';
import { createShown, type Shown } from './shown.ts';
import { createTaken, stateFields, type Taken } from './taken.ts';

export interface AppStatusOptions extends Partial<StoreLimits> {
  kube: Kube;
  scope: Scope;
  /** Namespace for records that belong to no App. */
  home: string;
  log: { warn(what: object, text: string): void };
}

/** The store in a cluster, and what only the controller there needs of it. */
export interface AppStatusStore extends Store {
  /** Apps whose spec, or whose deletion, was not taken up yet. */
  untaken(): Row[];
  /** What the user wants of the App, when it was not taken up yet. */
  wanted(app: AppKey): (Wanted & Pick<Row, 'generation' | 'deleting'>) | undefined;
  uid(app: AppKey): string | undefined;
  /** What the controller saw last of routes and requests, as it wrote it down. */
  seen(app: AppKey): string | undefined;
  /** Called when a spec came that is to be taken up. */
  onUntaken(listener: (app: AppKey) => void): () => void;
  /**
   * Like putApp, without a write of its own: it is stored with the next commit. Nothing is lost when there is none, for the
   * user's spec is still there to be taken up.
   * @throws OperatingError E_CONFLICT
   */
  take(object: AppObject, expectedGeneration: number): void;
  /** What people see of an App: written with the next commit, or soon by itself. `beside`: only when something is written. */
  show(app: AppKey, fields: AppStatus, beside?: AppStatus): void;
}

/** In a cluster the event log has room in the object that it tells of, and old commands are objects of their own. */
const IN_CLUSTER: Partial<StoreLimits> = { eventsPerApp: 400, auditEntries: 1_000, doneCommandsPerApp: 50 };

/**
 * The store in a cluster: App objects hold the state in their status, AppCommand objects hold commands. A commit is one
 * write over the version that was read. Nothing is decided from the cache that is older than this program's own writes.
 * @throws OperatingError E_CLUSTER_*
 */
export async function createAppStatusStore(options: AppStatusOptions): Promise<AppStatusStore> {
  const { kube, scope, log } = options;
  const onTrouble = (error: unknown) =>
    log.warn({ err: error }, 'a watch of Apps was interrupted; it goes on');
  const apps = appCache(kube, scope, onTrouble);
  const commands = commandCache(
    kube,
    scope.namespace === undefined ? {} : { namespace: scope.namespace },
    onTrouble,
  );
  await Promise.all([apps.synced, commands.synced]);
  return storeOn(options, apps, commands);
}

interface StoreParts {
  kube: Kube;
  apps: AppCache;
  writer: StatusWriter;
  events: EventLog;
  book: CommandBook;
  shown: Shown;
  taken: Taken;
  addAudit(entry: AuditEntry): Promise<void>;
}

function storeOn(options: AppStatusOptions, apps: AppCache, commands: CommandCache): AppStatusStore {
  const { kube, scope, home, log } = options;
  const limits = limitsFrom({ ...IN_CLUSTER, ...options });
  const changes = createChanges();
  const untaken = new Set<(app: AppKey) => void>();
  const writer = statusWriter(kube, apps);
  const audit = createRecords<AuditEntry>(kube, 'crossfade-audit', limits.auditEntries, scope.namespace);
  const parts: StoreParts = {
    kube,
    apps,
    writer,
    events: createEventLog(kube, apps, limits.eventsPerApp, scope.namespace),
    book: createCommandBook({ kube, cache: commands, keep: limits.doneCommandsPerApp, log }),
    shown: createShown(writer, apps, log),
    taken: createTaken(apps),
    addAudit: (entry) => audit.append(entry.app?.split('/')[0] ?? home, [entry]),
  };
  apps.onChange(({ key, now, before }) => {
    if (now && isUntaken(now)) for (const listener of untaken) listener(key);
    if (now?.object !== before?.object) changes.emit(key, 'app');
    else if (now?.state !== before?.state) changes.emit(key, 'state');
  });
  commands.onChange(({ now, before }) => {
    if (now && !before && !now.done) changes.emit(now.app, 'command');
  });
  return {
    ...reading(parts, audit),
    ...writing(parts),
    wanted: (app) => wantedAt(parts.taken.row(app)),
    uid: (app) => apps.get(app)?.uid,
    seen: (app) => apps.get(app)?.seen,
    untaken: () => parts.taken.rows().filter(isUntaken),
    onUntaken(listener) {
      untaken.add(listener);
      return () => untaken.delete(listener);
    },
    take(object, expectedGeneration) {
      takeUp(parts.taken, object, expectedGeneration);
      changes.emit(object.key, 'app');
    },
    show: parts.shown.set,
    onChange: changes.subscribe,
    async close() {
      changes.clear();
      parts.shown.close();
      apps.close();
      commands.close();
    },
  };
}

type Writing = Pick<Store, 'putApp' | 'commit' | 'removeApp' | 'addCommand' | 'addAudit'>;

function writing(parts: StoreParts): Writing {
  const { kube, apps, writer, events, book, shown, taken, addAudit } = parts;
  return {
    async putApp(object, expectedGeneration, entry) {
      const row = takeUp(taken, object, expectedGeneration);
      const fresh = apps.get(object.key)?.state === undefined ? stateFields(object.key, emptyState()) : {};
      await writer.write(object.key, () => ({ row, status: { ...taken.pending(row), ...fresh } }));
      if (entry) await addAudit(entry);
    },
    async commit(app, expectedVersion, { next, events: happened }) {
      assertNextVersion(app, next, expectedVersion);
      const written = await writer.write(app, () => {
        const row = taken.row(app);
        if (!row?.object) throw versionConflict(app, expectedVersion, undefined);
        const { stateVersion } = row;
        if (stateVersion !== expectedVersion) throw versionConflict(app, expectedVersion, stateVersion);
        const news = { ...taken.pending(row), ...events.add(row, happened), ...shown.pending(row) };
        return { row, status: { ...stateFields(app, next), ...news } };
      });
      await book.settle(written, next);
    },
    async removeApp(app, expectedVersion) {
      const row = apps.get(app);
      if (!row) return;
      if (row.stateVersion !== expectedVersion) throw versionConflict(app, expectedVersion, row.stateVersion);
      await events.archive(row);
      await book.forget(row);
      await removeObject(kube, apps, row);
    },
    async addCommand(app, command, entry) {
      const row = taken.row(app);
      if (!row?.object) throw appNotFound(app);
      const added = await book.add(row, command);
      if (added === 'added') await addAudit(entry);
      return added;
    },
    addAudit,
  };
}

type Reading = Pick<Store, 'apps' | 'load' | 'commands' | 'events' | 'audit'>;

function reading({ taken, events, book }: StoreParts, audit: Records<AuditEntry>): Reading {
  const load = (app: AppKey) => {
    const row = taken.row(app);
    return row && storedOf(row);
  };
  return {
    apps: async () =>
      taken
        .rows()
        .flatMap((row) => (row.object === undefined ? [] : [row.key]))
        .sort(),
    load: async (app) => load(app),
    async commands(app) {
      const row = taken.row(app);
      return row ? book.waiting(row, () => load(app)?.state ?? emptyState()) : [];
    },
    events: events.read,
    async audit({ app, limit = DEFAULT_LIMIT }) {
      const entries = await audit.read(app?.split('/')[0]);
      const asked = entries.filter((entry) => app === undefined || entry.app === app);
      return newest(
        asked.sort((a, b) => a.at - b.at),
        limit,
      );
    },
  };
}

/** @returns the App as it is stored; @throws OperatingError E_CONFLICT */
function takeUp(taken: Taken, object: AppObject, expectedGeneration: number): Row {
  assertNextGeneration(object, expectedGeneration);
  const row = taken.row(object.key);
  const found = row?.accepted ?? 0;
  if (!row || found !== expectedGeneration) throw generationConflict(object.key, expectedGeneration, found);
  taken.add(row, object);
  return row;
}

function wantedAt(row: Row | undefined): (Wanted & Pick<Row, 'generation' | 'deleting'>) | undefined {
  const wanted = row && wantedOf(row);
  return wanted && { ...wanted, generation: row.generation, deleting: row.deleting };
}

function isUntaken(row: Row): boolean {
  return row.accepted < row.generation;
}

/** Returns once the cache has seen it go: whoever asks then is told so. */
async function removeObject(kube: Kube, apps: AppCache, row: Row): Promise<void> {
  const [namespace, name = ''] = row.key.split('/');
  const { promise, resolve } = Promise.withResolvers<void>();
  const off = apps.onChange(({ key, now }) => key === row.key && now?.uid !== row.uid && resolve());
  try {
    if (apps.get(row.key)?.uid !== row.uid) return;
    if (row.deleting)
      await kube.patch(APPS, namespace, name, { metadata: { uid: row.uid, finalizers: null } });
    else await kube.delete(APPS, namespace, name, { uid: row.uid });
    await promise;
  } finally {
    off();
  }
}
