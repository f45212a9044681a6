import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { checkTable } from '../../../src/routers/embedded/data/table-check.ts';
import { routerFiles, tableFile } from '../../../src/routers/embedded/files.ts';
import { identityOf, isAlive } from '../../../src/routers/embedded/identity.ts';
import { dropLock, lockOwner, takeLock } from '../../../src/routers/embedded/lock.ts';
import { createLog } from '../../../src/routers/embedded/log.ts';
import { eraseTable, loadTables, saveTable, storedTable } from '../../../src/routers/embedded/table-store.ts';
import { TableWriter } from '../../../src/routers/embedded/worker/table-writer.ts';
import { tableOf } from './support/tables.ts';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'crossfade-router-files-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const table = tableOf({ app: 'team a/shop', members: { '1-1': ['127.0.0.1:1'] } });

describe('stored tables', () => {
  it('come back as they were written', async () => {
    const files = routerFiles(folder);
    await saveTable(files, storedTable('boot', 7, table));
    assert.deepEqual(await loadTables(files, assert.fail), [storedTable('boot', 7, table)]);
    assert.deepEqual(fs.readdirSync(files.tables), ['team%20a%2Fshop.json']);
    await eraseTable(files, table.app);
    assert.deepEqual(await loadTables(files, assert.fail), []);
  });

  it('that are damaged are left out and named', async () => {
    const files = routerFiles(folder);
    await saveTable(files, storedTable('boot', 7, table));
    fs.writeFileSync(path.join(files.tables, 'half.json'), '{"format":1,');
    fs.writeFileSync(
      path.join(files.tables, 'wrong.json'),
      JSON.stringify({ ...storedTable('b', 1, table), format: 9 }),
    );
    const bad: string[] = [];
    assert.equal((await loadTables(files, (file) => bad.push(file))).length, 1);
    assert.deepEqual(bad, ['half.json', 'wrong.json']);
  });

  it('that cannot be written leave no older one behind', async () => {
    const files = routerFiles(folder);
    await saveTable(files, storedTable('boot', 7, table));
    // The name of the temporary file is taken by a folder: the write fails as on a full disk.
    fs.mkdirSync(`${tableFile(files, table.app)}.${process.pid}.tmp`);
    await assert.rejects(saveTable(files, storedTable('boot', 8, table)));
    assert.deepEqual(await loadTables(files, assert.fail), []);
  });

  it('of an App that is removed while one is being written are gone', async () => {
    const files = routerFiles(folder);
    const writer = new TableWriter(files, createLog('worker'));
    for (let version = 1; version <= 20; version++) {
      const written = writer.write({ kind: 'table', stored: storedTable('boot', version, table) });
      await writer.write({ kind: 'remove', app: table.app });
      await written;
      assert.deepEqual(await loadTables(files, assert.fail), []);
    }
    await writer.write({ kind: 'table', stored: storedTable('boot', 21, table) });
    assert.deepEqual(await loadTables(files, assert.fail), [storedTable('boot', 21, table)]);
  });

  it('that were never written are erased without ado', async () => {
    const files = routerFiles(folder);
    await eraseTable(files, table.app);
    fs.mkdirSync(files.folder);
    fs.writeFileSync(files.tables, 'a file where the folder should be');
    await eraseTable(files, table.app);
  });

  it('that cannot be erased are told: what is only out of the route would come back', async () => {
    const files = routerFiles(folder);
    const writer = new TableWriter(files, createLog('worker'));
    // A folder in the place of the file cannot be erased as one.
    fs.mkdirSync(tableFile(files, table.app), { recursive: true });
    await assert.rejects(writer.write({ kind: 'remove', app: table.app }), { code: 'E_ROUTER_STATE' });
  });
});

describe('a table', () => {
  const refused = (parts: Parameters<typeof tableOf>[0], what: RegExp): void => {
    assert.throws(() => checkTable(tableOf(parts)), { code: 'E_BAD_TABLE', message: what });
  };

  it('must have weights that sum to 100%', () => {
    checkTable(tableOf({ members: { a: ['h:1'], b: [] }, weights: { a: 9999, b: 1 } }));
    refused({ members: { a: ['h:1'] }, weights: { a: 9999 } }, /sum to 9999/);
    refused({ members: { a: ['h:1'] }, weights: { a: 10_000.5 } }, /10000\.5/);
  });

  it('must have addresses', () => {
    checkTable(tableOf({ members: { a: ['[::1]:80'] } }));
    refused({ members: { a: ['nowhere'] } }, /nowhere/);
    refused({ members: { a: ['h:70000'] } }, /70000/);
  });

  it('cannot write headers', () => {
    const evil = tableOf({ members: { a: ['h:1'] } });
    evil.revisions.a = 'v1\r\nSet-Cookie: a=b';
    assert.throws(() => checkTable(evil), { code: 'E_BAD_TABLE' });
  });
});

describe('the lock of the parent', () => {
  it('is taken once, and names its owner', () => {
    const file = path.join(folder, 'lock');
    assert.equal(takeLock(file), 'taken');
    assert.deepEqual(takeLock(file), identityOf(process.pid));
    dropLock(file);
    assert.equal(fs.existsSync(file), false);
  });

  it('of a dead process is taken over', async () => {
    const file = path.join(folder, 'lock');
    const child = spawn('sleep', ['60']);
    const owner = identityOf(child.pid ?? 0);
    assert.ok(owner && isAlive(owner));
    fs.writeFileSync(file, JSON.stringify(owner));
    assert.deepEqual(takeLock(file), owner);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(takeLock(file), 'taken');
    assert.equal(lockOwner(file)?.pid, process.pid);
  });

  it('is not believed when the pid belongs to another process by now', () => {
    const file = path.join(folder, 'lock');
    fs.writeFileSync(file, JSON.stringify({ pid: process.ppid, startTime: '1' }));
    assert.equal(takeLock(file), 'taken');
  });
});
