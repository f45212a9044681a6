import { emptyState } from '../../core/decide/state.ts';
import type { Action, AppKey, AppObject, AppState, Command, CommandResult } from '../../core/model.ts';
import { createChanges } from '../changes.ts';
import type { JournalingStore } from '../journal.ts';
import { migrateState } from '../migrate-state.ts';
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
import { createAuditLog } from './audit-log.ts';
import { createEventLog } from './event-log.ts';
import { copying, type Kept, sharing } from './keeping.ts';

interface Row {
  generation: number;
  object: Kept<AppObject>;
  version: number;
  state: Kept<AppState>;
  commands: Map<string, Kept<Command>>;
  done: Set<string>;
  actions: Kept<Action>[];
}

export interface MemoryStoreOptions extends Partial<StoreLimits> {
  /**
   * What is given to the store and what it gives is the same object, which nobody may change from then on. Absent: both
   * are copies, just as with a file.
   */
  shares?: boolean;
}

/** A store that lives as long as the process: for the simulation and for tests. Same rules as the SQLite one. */
export function createMemoryStore({ shares = false, ...options }: MemoryStoreOptions = {}): JournalingStore {
  const limits = limitsFrom(options);
  const { keep, give } = shares ? sharing : copying;
  const rows = new Map<AppKey, Row>();
  const changes = createChanges();
  const events = createEventLog(limits.eventsPerApp, { keep, give });
  const audit = createAuditLog(limits.auditEntries);

  return {
    apps: async () => [...rows.keys()].sort(),
    async load(app) {
      const row = rows.get(app);
      return row && { object: give(row.object), state: migrateState(give(row.state)) };
    },
    async putApp(object, expectedGeneration, entry) {
      assertNextGeneration(object, expectedGeneration);
      const row = rows.get(object.key);
      if ((row?.generation ?? 0) !== expectedGeneration) {
        throw generationConflict(object.key, expectedGeneration, row?.generation ?? 0);
      }
      const { generation } = object;
      if (row) Object.assign(row, { generation, object: keep(object) });
      else rows.set(object.key, newRow(generation, keep(object), keep(emptyState())));
      if (entry) audit.append(entry);
      changes.emit(object.key, 'app');
    },
    async commit(app, expectedVersion, { next, events: happened, actions }) {
      assertNextVersion(app, next, expectedVersion);
      const row = rows.get(app);
      if (row?.version !== expectedVersion) throw versionConflict(app, expectedVersion, row?.version);
      Object.assign(row, { version: next.version, state: keep(next) });
      events.append(app, happened);
      row.actions.push(...actions.map(keep));
      row.actions.splice(0, Math.max(0, row.actions.length - limits.actionsPerApp));
      settle(row, next.commandsDone, limits.doneCommandsPerApp);
      changes.emit(app, 'state');
    },
    async removeApp(app, expectedVersion) {
      const row = rows.get(app);
      if (!row) return;
      if (row.version !== expectedVersion) throw versionConflict(app, expectedVersion, row.version);
      rows.delete(app);
      changes.emit(app, 'app');
    },
    async addCommand(app, command, entry) {
      const row = rows.get(app);
      if (!row) throw appNotFound(app);
      if (row.commands.has(command.id) || row.done.has(command.id)) return 'known';
      row.commands.set(command.id, keep(command));
      audit.append(entry);
      changes.emit(app, 'command');
      return 'added';
    },
    async commands(app) {
      return [...(rows.get(app)?.commands.values() ?? [])].map(give);
    },
    events: async (query) => events.read(query),
    audit: async (query) => audit.read(query),
    addAudit: async (entry) => audit.append(entry),
    async actions(app, limit = DEFAULT_LIMIT) {
      return newest(rows.get(app)?.actions ?? [], limit).map(give);
    },
    onChange: changes.subscribe,
    async close() {
      changes.clear();
    },
  };
}

function newRow(generation: number, object: Row['object'], state: Row['state']): Row {
  return { generation, object, version: 0, state, commands: new Map(), done: new Set(), actions: [] };
}

/** Commands that the committed state has carried out are not offered again; their ids are still recognised. */
function settle(row: Row, done: Record<string, CommandResult>, keep: number): void {
  for (const id of Object.keys(done)) {
    row.commands.delete(id);
    row.done.add(id);
  }
  for (const id of row.done) {
    if (row.done.size <= keep) break;
    row.done.delete(id);
  }
}
