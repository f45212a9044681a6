/** Runs inside a private mount namespace, on a disk of its own that may be filled: `disk-phases.ts PHASE FOLDER`. */
import assert from 'node:assert/strict';
import { closeSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { JournalingStore } from '../../../src/store/journal.ts';
import { createSqliteStore } from '../../../src/store/sqlite/index.ts';
import { sampleAudit, sampleCommand, sampleObject, stateAt } from './samples.ts';

const APP = 'default/shop';
const RESERVE_BYTES = 512 * 1024;
const [phase = '', folder = ''] = process.argv.slice(2);
const file = path.join(folder, 'state.db');
const filler = path.join(folder, 'filler');
const open = () => createSqliteStore({ file, reserveBytes: RESERVE_BYTES });

const phases: Record<string, () => Promise<void>> = {
  async fill() {
    const store = await open();
    await store.putApp(sampleObject('shop'), 0);
    fillDisk();
    await assert.rejects(putMany(store), { code: 'E_DISK_FULL' });
    assert.equal(statSync(`${file}.reserve`).size, RESERVE_BYTES, 'an apply has touched the reserve');
    const apps = await store.apps();

    const committed = await commitUntilFull(store);
    assert.ok(committed >= 10, `only ${committed} commits fitted into the reserve`);
    assert.equal((await store.load(APP))?.state.version, committed);
    assert.deepEqual(await store.apps(), apps);
    await assert.rejects(store.putApp(sampleObject('late'), 0), { code: 'E_DISK_FULL' });
    await assert.rejects(addLongCommand(store), { code: 'E_DISK_FULL' });
    process.stdout.write(`${committed}\n`);
    process.kill(process.pid, 'SIGKILL');
  },

  async reopenFull() {
    const store = await open();
    assert.ok(((await store.load(APP))?.state.version ?? 0) >= 10);
    await store.close();
  },

  async freed() {
    rmSync(filler);
    const store = await open();
    const version = (await store.load(APP))?.state.version ?? 0;
    await store.commit(APP, version, { next: stateAt(version + 1), events: [], actions: [] });
    await store.putApp(sampleObject('late'), 0);
    assert.equal(statSync(`${file}.reserve`).size, RESERVE_BYTES);
    await store.close();
  },

  async readOnly() {
    await assert.rejects(open(), { code: 'E_READ_ONLY' });
  },
};

function fillDisk(): void {
  const fd = openSync(filler, 'w');
  for (const size of [64 * 1024, 4096]) {
    const chunk = Buffer.alloc(size, 1);
    try {
      for (;;) writeSync(fd, chunk);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
  closeSync(fd);
}

async function putMany(store: JournalingStore): Promise<never> {
  for (let index = 0; index < 10_000; index += 1) await store.putApp(sampleObject(`app-${index}`), 0);
  throw new Error('the disk never got full');
}

async function commitUntilFull(store: JournalingStore): Promise<number> {
  for (let version = 0; version < 10_000; version += 1) {
    const next = stateAt(version + 1, { frozen: { code: 'x', message: 'y'.repeat(8_000) } });
    try {
      await store.commit(APP, version, { next, events: [], actions: [] });
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'E_DISK_FULL');
      return version;
    }
  }
  throw new Error('the disk never got full');
}

async function addLongCommand(store: JournalingStore): Promise<void> {
  const command = { ...sampleCommand('long'), reason: 'z'.repeat(100_000) };
  await store.addCommand(APP, command, sampleAudit('promote', APP));
}

await phases[phase]?.();
