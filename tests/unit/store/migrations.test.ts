import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { it } from 'node:test';
import { MIGRATIONS, migrate, schemaVersion } from '../../../src/store/sqlite/migrations.ts';

const STEPS = ['CREATE TABLE a (x)', 'ALTER TABLE a ADD COLUMN y'];

it('runs the steps that are missing, in order, once', () => {
  const db = new DatabaseSync(':memory:');
  migrate(db, 'state.db', STEPS.slice(0, 1));
  db.exec('INSERT INTO a VALUES (1)');
  migrate(db, 'state.db', STEPS);
  migrate(db, 'state.db', STEPS);
  assert.equal(schemaVersion(db), 2);
  assert.deepEqual({ ...db.prepare('SELECT * FROM a').get() }, { x: 1, y: null });
});

it('leaves the database at the last whole step when one fails', () => {
  const db = new DatabaseSync(':memory:');
  const steps = [...STEPS, 'CREATE TABLE b (z); INSERT INTO nowhere VALUES (1)'];
  assert.throws(() => migrate(db, 'state.db', steps), /nowhere/);
  assert.equal(db.isTransaction, false);
  assert.equal(schemaVersion(db), 2);
  assert.deepEqual(db.prepare("SELECT name FROM sqlite_master WHERE name = 'b'").all(), []);
});

it('refuses a database that a later version wrote', () => {
  const db = new DatabaseSync(':memory:');
  db.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`);
  assert.throws(() => migrate(db, '/x/state.db'), {
    code: 'E_STORE_NEWER',
    message: `The state in /x/state.db has schema ${MIGRATIONS.length + 1}; this version of crossfade knows schemas up to ${MIGRATIONS.length}.`,
  });
});
