import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { Action, AppKey, AppObject, AppState, Command, Event } from '../../core/model.ts';
import type { AuditEntry, EventQuery, Stored, StoredEvent } from '../../ports/store.ts';
import { migrateState } from '../migrate-state.ts';
import { DEFAULT_LIMIT, type StoreLimits } from '../rules.ts';
import { storeCorrupt } from './errors.ts';

type Row = Record<string, SQLOutputValue>;

/** One method per statement: reads and writes rows inside whatever transaction is open, and decides nothing. */
export interface Tables {
  appKeys(): AppKey[];
  load(app: AppKey): Stored | undefined;
  generation(app: AppKey): number;
  stateVersion(app: AppKey): number | undefined;
  insertApp(object: AppObject, state: AppState): void;
  updateApp(object: AppObject): void;
  updateState(app: AppKey, next: AppState): void;
  deleteApp(app: AppKey): boolean;
  addEvents(app: AppKey, events: readonly Event[]): void;
  events(query: EventQuery): StoredEvent[];
  addActions(app: AppKey, actions: readonly Action[]): void;
  actions(app: AppKey, limit: number): Action[];
  addCommand(app: AppKey, command: Command): boolean;
  commands(app: AppKey): Command[];
  settleCommands(app: AppKey, done: readonly string[]): void;
  addAudit(entry: AuditEntry): void;
  audit(app: AppKey | undefined, limit: number): AuditEntry[];
}

export function createTables(db: DatabaseSync, file: string, limits: StoreLimits): Tables {
  const parse = <T>(text: SQLOutputValue | undefined): T => parseDocument<T>(text, file);
  const documents = <T>(rows: Row[]): T[] => rows.map((row) => parse<T>(row.document));
  return {
    ...appTables(db, parse),
    ...commandTables(db, documents, limits),
    ...historyTables(db, documents, parse, limits),
  };
}

type Parse = <T>(text: SQLOutputValue | undefined) => T;
type Documents = <T>(rows: Row[]) => T[];

function appTables(db: DatabaseSync, parse: Parse) {
  const keys = db.prepare('SELECT key FROM apps ORDER BY key');
  const select = db.prepare('SELECT object, state FROM apps WHERE key = ?');
  const generation = db.prepare('SELECT generation FROM apps WHERE key = ?');
  const version = db.prepare('SELECT state_version FROM apps WHERE key = ?');
  const insert = db.prepare(
    'INSERT INTO apps (key, generation, object, state_version, state) VALUES (?, ?, ?, ?, ?)',
  );
  const update = db.prepare('UPDATE apps SET generation = ?, object = ? WHERE key = ?');
  const updateState = db.prepare('UPDATE apps SET state_version = ?, state = ? WHERE key = ?');
  const remove = db.prepare('DELETE FROM apps WHERE key = ?');
  return {
    appKeys: () => keys.all().map((row) => String(row.key)),
    load(app: AppKey): Stored | undefined {
      const row = select.get(app);
      return row && { object: parse<AppObject>(row.object), state: migrateState(parse(row.state)) };
    },
    generation: (app: AppKey) => Number(generation.get(app)?.generation ?? 0),
    stateVersion(app: AppKey): number | undefined {
      const row = version.get(app);
      return row && Number(row.state_version);
    },
    insertApp(object: AppObject, state: AppState): void {
      insert.run(object.key, object.generation, JSON.stringify(object), state.version, JSON.stringify(state));
    },
    updateApp(object: AppObject): void {
      update.run(object.generation, JSON.stringify(object), object.key);
    },
    updateState(app: AppKey, next: AppState): void {
      updateState.run(next.version, JSON.stringify(next), app);
    },
    deleteApp: (app: AppKey) => remove.run(app).changes > 0,
  };
}

function commandTables(db: DatabaseSync, documents: Documents, limits: StoreLimits) {
  const insert = db.prepare(
    'INSERT INTO commands (app, id, document) VALUES (?, ?, ?) ON CONFLICT (app, id) DO NOTHING',
  );
  const select = db.prepare('SELECT document FROM commands WHERE app = ? AND done = 0 ORDER BY seq');
  const settle = db.prepare(
    'UPDATE commands SET done = 1 WHERE app = ? AND done = 0 AND id IN (SELECT value FROM json_each(?))',
  );
  const prune = db.prepare(
    `DELETE FROM commands WHERE app = ?1 AND done = 1 AND seq <=
     (SELECT seq FROM commands WHERE app = ?1 AND done = 1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)`,
  );
  return {
    addCommand: (app: AppKey, command: Command) =>
      insert.run(app, command.id, JSON.stringify(command)).changes > 0,
    commands: (app: AppKey) => documents<Command>(select.all(app)),
    settleCommands(app: AppKey, done: readonly string[]): void {
      if (settle.run(app, JSON.stringify(done)).changes > 0) prune.run(app, limits.doneCommandsPerApp);
    },
  };
}

function historyTables(db: DatabaseSync, documents: Documents, parse: Parse, limits: StoreLimits) {
  const addEvent = db.prepare('INSERT INTO events (app, document) VALUES (?, ?)');
  const eventsAfter = db.prepare(
    'SELECT id, app, document FROM events WHERE id > ?1 AND (?2 IS NULL OR app = ?2) ORDER BY id LIMIT ?3',
  );
  const lastEvents = db.prepare(
    'SELECT id, app, document FROM events WHERE (?1 IS NULL OR app = ?1) ORDER BY id DESC LIMIT ?2',
  );
  const pruneEvents = pruning(db, 'events', 'id');
  const addAction = db.prepare('INSERT INTO actions (app, document) VALUES (?, ?)');
  const lastActions = db.prepare('SELECT document FROM actions WHERE app = ? ORDER BY seq DESC LIMIT ?');
  const pruneActions = pruning(db, 'actions', 'seq');
  const addAudit = db.prepare('INSERT INTO audit (app, document) VALUES (?, ?)');
  const lastAudit = db.prepare(
    'SELECT document FROM audit WHERE (?1 IS NULL OR app = ?1) ORDER BY seq DESC LIMIT ?2',
  );
  const pruneAudit = db.prepare('DELETE FROM audit WHERE seq <= (SELECT max(seq) FROM audit) - ?');
  return {
    addEvents(app: AppKey, events: readonly Event[]): void {
      for (const event of events) addEvent.run(app, JSON.stringify(event));
      if (events.length > 0) pruneEvents.run(app, limits.eventsPerApp);
    },
    events({ app = null, after, limit = DEFAULT_LIMIT }: { app?: AppKey | null } & Omit<EventQuery, 'app'>) {
      const bounded = Math.max(0, limit);
      const rows =
        after === undefined ? lastEvents.all(app, bounded).reverse() : eventsAfter.all(after, app, bounded);
      return rows.map((row) => storedEvent(row, parse));
    },
    addActions(app: AppKey, actions: readonly Action[]): void {
      for (const action of actions) addAction.run(app, JSON.stringify(action));
      if (actions.length > 0) pruneActions.run(app, limits.actionsPerApp);
    },
    actions: (app: AppKey, limit: number) =>
      documents<Action>(lastActions.all(app, Math.max(0, limit)).reverse()),
    addAudit(entry: AuditEntry): void {
      addAudit.run(entry.app ?? null, JSON.stringify(entry));
      pruneAudit.run(limits.auditEntries);
    },
    audit: (app: AppKey | undefined, limit: number) =>
      documents<AuditEntry>(lastAudit.all(app ?? null, Math.max(0, limit)).reverse()),
  };
}

/** Deletes an App's oldest rows beyond the newest `?2`. */
function pruning(db: DatabaseSync, table: 'events' | 'actions', order: 'id' | 'seq'): StatementSync {
  return db.prepare(
    `DELETE FROM ${table} WHERE app = ?1 AND ${order} <=
     (SELECT ${order} FROM ${table} WHERE app = ?1 ORDER BY ${order} DESC LIMIT 1 OFFSET ?2)`,
  );
}

function storedEvent(row: Row, parse: Parse): StoredEvent {
  return { ...parse<Event>(row.document), id: Number(row.id), app: String(row.app) };
}

function parseDocument<T>(text: SQLOutputValue | undefined, file: string): T {
  try {
    return JSON.parse(String(text)) as T;
  } catch (error) {
    throw storeCorrupt(file, 'a stored document is not JSON', error);
  }
}
