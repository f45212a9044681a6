import type { DatabaseSync } from 'node:sqlite';
import { OperatingError } from '../../core/errors.ts';

/**
 * The tables, as steps that are only ever added to: step n leads to schema n. A step may also rewrite stored documents.
 * `user_version` is SQLite's own place for the schema version; it is written in the step's transaction.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE apps (
    key TEXT PRIMARY KEY,
    generation INTEGER NOT NULL,
    object TEXT NOT NULL,
    state_version INTEGER NOT NULL,
    state TEXT NOT NULL
  ) STRICT;
  CREATE TABLE commands (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    app TEXT NOT NULL REFERENCES apps (key) ON DELETE CASCADE,
    id TEXT NOT NULL,
    document TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    UNIQUE (app, id)
  ) STRICT;
  CREATE TABLE actions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    app TEXT NOT NULL REFERENCES apps (key) ON DELETE CASCADE,
    document TEXT NOT NULL
  ) STRICT;
  CREATE INDEX actions_by_app ON actions (app, seq);
  CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    app TEXT NOT NULL,
    document TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_by_app ON events (app, id);
  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    app TEXT,
    document TEXT NOT NULL
  ) STRICT;
  CREATE INDEX audit_by_app ON audit (app, seq);
  `,
];

/** @throws OperatingError E_STORE_NEWER when a later version wrote the file */
export function migrate(db: DatabaseSync, file: string, steps: readonly string[] = MIGRATIONS): void {
  const found = schemaVersion(db);
  if (found > steps.length) {
    throw new OperatingError(
      'E_STORE_NEWER',
      `The state in ${file} has schema ${found}; this version of crossfade knows schemas up to ${steps.length}.`,
      {
        hint: 'A later version wrote it. Start that version again: going back to an older one is not supported.',
        details: { file, found, known: steps.length },
      },
    );
  }
  for (const [index, step] of steps.entries()) {
    if (index < found) continue;
    try {
      db.exec(`BEGIN IMMEDIATE; ${step}; PRAGMA user_version = ${index + 1}; COMMIT`);
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }
}

export function schemaVersion(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.user_version);
}
