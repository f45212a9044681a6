import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, beforeEach, it } from 'node:test';
import { createSqliteStore } from '../../../src/store/sqlite/index.ts';
import { sampleObject, stateAt } from './samples.ts';

let root: string;
let file: string;
before(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'crossfade-damage-'));
});
after(() => rm(root, { recursive: true }));
beforeEach(async () => {
  file = path.join(await mkdtemp(path.join(root, 'case-')), 'state.db');
});

const open = () => createSqliteStore({ file, reserveBytes: 4096 });

async function writeSome(): Promise<void> {
  const store = await open();
  await store.putApp(sampleObject('shop'), 0);
  const frozen = { code: 'x', message: 'y'.repeat(50_000) };
  await store.commit('default/shop', 0, { next: stateAt(1, { frozen }), events: [], actions: [] });
  await store.close();
}

/** Damages a closed database, and expects it to be refused and left exactly as it is. */
async function assertRefused(damage: () => Promise<void>, code = 'E_STORE_CORRUPT'): Promise<void> {
  await writeSome();
  await damage();
  const before = await readFile(file);
  await assert.rejects(open(), (error: Error & { code?: string; hint?: string }) => {
    assert.equal(error.code, code, error.stack ?? '');
    assert.match(error.message, /state\.db/);
    assert.ok(error.hint);
    return true;
  });
  assert.deepEqual(await readFile(file), before);
}

it('refuses a file that is no database', () => assertRefused(() => writeFile(file, 'not a database at all')));

it('refuses a database with pages overwritten', () =>
  assertRefused(async () => {
    const bytes = await readFile(file);
    bytes.fill(0xaa, 4096, 4096 * 4);
    await writeFile(file, bytes);
  }));

it('refuses a database that was cut short', () => assertRefused(() => truncate(file, 4096 * 2)));

it('refuses an emptied database, which SQLite would take for a new one', () =>
  assertRefused(() => truncate(file, 0)));

it('refuses a lost database beside its log', async () => {
  await writeSome();
  await rm(file);
  await assert.rejects(open(), { code: 'E_STORE_CORRUPT' });
  await assert.rejects(stat(file), { code: 'ENOENT' });
});

it('refuses a database of a later version', () =>
  assertRefused(async () => {
    const db = new DatabaseSync(file);
    db.exec('PRAGMA journal_mode = DELETE; PRAGMA user_version = 99; PRAGMA journal_mode = WAL');
    db.close();
  }, 'E_STORE_NEWER'));

it('says which state cannot be read when one document is of a later schema', async () => {
  await writeSome();
  const db = new DatabaseSync(file);
  db.exec(`UPDATE apps SET state = json_set(state, '$.schema', 99)`);
  db.close();
  const store = await open();
  await assert.rejects(store.load('default/shop'), { code: 'E_STORE_NEWER' });
  await store.close();
});

it('keeps its files to their owner', async () => {
  const store = await open();
  await store.putApp(sampleObject('shop'), 0);
  for (const name of [
    file,
    `${file}-wal`,
    `${file}-shm`,
    `${file}.lock`,
    `${file}.owner`,
    `${file}.reserve`,
  ]) {
    assert.equal((await stat(name)).mode & 0o077, 0, name);
  }
  await store.close();
});
