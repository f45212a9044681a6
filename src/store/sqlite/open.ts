import { chmodSync, closeSync, existsSync, openSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { storeCorrupt } from './errors.ts';
import { migrate } from './migrations.ts';

/** How long a write waits for a reader in another process (`crossfade doctor`, a backup) before it gives up. */
const BUSY_TIMEOUT_MS = 5_000;

/** Opens the state file with what its durability rests on, checks that it is whole, and brings its tables up to date. */
export function openDatabase(file: string): DatabaseSync {
  refuseLostFile(file);
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
  const db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
  try {
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    assertDurable(db);
    checkIntegrity(db, file);
    migrate(db, file);
    chmodSync(file, 0o600);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** SQLite takes an empty file for a new database, and would throw away the log that still holds the state. */
function refuseLostFile(file: string): void {
  const sizeOf = (name: string): number => statSync(name, { throwIfNoEntry: false })?.size ?? 0;
  if (sizeOf(file) > 0) return;
  for (const companion of [`${file}-wal`, `${file}.reserve`]) {
    if (sizeOf(companion) > 0) throw storeCorrupt(file, `it is empty or gone, but ${companion} is there`);
  }
}

/** With less than FULL, a commit that was already acted on can be missing after a power cut. */
function assertDurable(db: DatabaseSync): void {
  const synchronous = db.prepare('PRAGMA synchronous').get()?.synchronous;
  if (synchronous !== 2) throw new Error(`PRAGMA synchronous is ${synchronous}, expected 2 (FULL)`);
  const mode = db.prepare('PRAGMA journal_mode').get()?.journal_mode;
  if (mode !== 'wal') throw new Error(`PRAGMA journal_mode is ${mode}, expected wal`);
}

function checkIntegrity(db: DatabaseSync, file: string): void {
  const problems = db
    .prepare('PRAGMA integrity_check(5)')
    .all()
    .map((row) => String(row.integrity_check));
  if (problems.length !== 1 || problems[0] !== 'ok') throw storeCorrupt(file, problems.join('; '));
  const orphans = db.prepare('PRAGMA foreign_key_check').all();
  if (orphans.length > 0)
    throw storeCorrupt(file, `${orphans.length} rows belong to Apps that are not there`);
}
