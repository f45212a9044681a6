import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { emptyState } from '../../core/decide/state.ts';
import { createChanges } from '../changes.ts';
import type { JournalingStore } from '../journal.ts';
import {
  appNotFound,
  assertNextGeneration,
  assertNextVersion,
  DEFAULT_LIMIT,
  generationConflict,
  limitsFrom,
  type StoreLimits,
  versionConflict,
} from '../rules.ts';
import { asOperatingError, isDiskFull } from './errors.ts';
import { acquireLock } from './lock.ts';
import { openDatabase } from './open.ts';
import { createReserve, RESERVE_BYTES } from './reserve.ts';
import { createTables } from './tables.ts';
import { createWriter } from './writer.ts';

export interface SqliteStoreOptions extends Partial<StoreLimits> {
  /** The database file; its folder is made when it is not there. Lock, owner and reserve lie beside it. */
  file: string;
  /** Disk space kept back for the last commits on a full disk; 0: none. */
  reserveBytes?: number;
}

/**
 * The store of the daemon on one machine. Every write is on disk when its promise resolves.
 * @throws OperatingError E_DAEMON_RUNNING, E_STORE_CORRUPT, E_STORE_NEWER, E_READ_ONLY, E_DISK_FULL, E_STORE_IO
 */
export async function createSqliteStore(options: SqliteStoreOptions): Promise<JournalingStore> {
  const { file } = options;
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    const lock = acquireLock(file);
    try {
      const reserve = createReserve(`${file}.reserve`, options.reserveBytes ?? RESERVE_BYTES);
      const db = openWithReserve(file, () => reserve.releasePart());
      reserve.fill();
      return storeOn(db, file, limitsFrom(options), createWriter(db, file, reserve), () => lock.release());
    } catch (error) {
      lock.release();
      throw error;
    }
  } catch (error) {
    throw asOperatingError(error, file);
  }
}

/** SQLite needs some room only to open a log: a daemon must be able to start on a full disk, to lead back to stable. */
function openWithReserve(file: string, releasePart: () => boolean): DatabaseSync {
  for (;;) {
    try {
      return openDatabase(file);
    } catch (error) {
      if (!isDiskFull(error, file) || !releasePart()) throw error;
    }
  }
}

function storeOn(
  db: DatabaseSync,
  file: string,
  limits: StoreLimits,
  writer: ReturnType<typeof createWriter>,
  unlock: () => void,
): JournalingStore {
  const tables = createTables(db, file, limits);
  const changes = createChanges();
  const { read, ordinary, urgent } = writer;
  let open = true;
  return {
    apps: async () => read(() => tables.appKeys()),
    load: async (app) => read(() => tables.load(app)),
    async putApp(object, expectedGeneration, audit) {
      assertNextGeneration(object, expectedGeneration);
      ordinary(() => {
        const found = tables.generation(object.key);
        if (found !== expectedGeneration) throw generationConflict(object.key, expectedGeneration, found);
        if (found === 0) tables.insertApp(object, emptyState());
        else tables.updateApp(object);
        if (audit) tables.addAudit(audit);
      });
      changes.emit(object.key, 'app');
    },
    async commit(app, expectedVersion, { next, events, actions }) {
      assertNextVersion(app, next, expectedVersion);
      urgent(() => {
        const found = tables.stateVersion(app);
        if (found !== expectedVersion) throw versionConflict(app, expectedVersion, found);
        tables.updateState(app, next);
        tables.addEvents(app, events);
        tables.addActions(app, actions);
        tables.settleCommands(app, Object.keys(next.commandsDone));
      });
      changes.emit(app, 'state');
    },
    async removeApp(app, expectedVersion) {
      const found = read(() => tables.stateVersion(app));
      if (found === undefined) return;
      if (found !== expectedVersion) throw versionConflict(app, expectedVersion, found);
      if (urgent(() => tables.deleteApp(app))) changes.emit(app, 'app');
    },
    async addCommand(app, command, audit) {
      const added = urgent(() => {
        if (tables.generation(app) === 0) throw appNotFound(app);
        const isNew = tables.addCommand(app, command);
        if (isNew) tables.addAudit(audit);
        return isNew;
      });
      if (added) changes.emit(app, 'command');
      return added ? 'added' : 'known';
    },
    commands: async (app) => read(() => tables.commands(app)),
    events: async (query) => read(() => tables.events(query)),
    audit: async ({ app, limit = DEFAULT_LIMIT }) => read(() => tables.audit(app, limit)),
    addAudit: async (entry) => urgent(() => tables.addAudit(entry)),
    actions: async (app, limit = DEFAULT_LIMIT) => read(() => tables.actions(app, limit)),
    onChange: changes.subscribe,
    async close() {
      if (!open) return;
      open = false;
      changes.clear();
      db.close();
      unlock();
    },
  };
}
