/** The power goes while the store is written to: whatever was reported as stored is there, whole, and nothing torn is. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { createSqliteStore } from '../../../src/store/sqlite/index.ts';
import { compileRecorder, type Disk, losePower, openDisk } from '../../support/power-loss/power-loss.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** Commits before the power goes; the long one has SQLite move its log into the database meanwhile. */
const ROUNDS = [1, 7, 150, 12, 3, 40];

async function newDisk(t: TestContext): Promise<Disk | undefined> {
  const library = await compileRecorder(t);
  if (library === undefined) return undefined;
  const folder = await realpath(await tempDir(t));
  const root = path.join(folder, 'root');
  await mkdir(root);
  return openDisk(library, root, path.join(folder, 'disk'));
}

test('only what was synced survives: content, and the name in its folder', async (t) => {
  const disk = await newDisk(t);
  if (disk === undefined) return;
  const script = `
    const fs = require('node:fs');
    const sync = (name) => { const fd = fs.openSync(name, 'r'); fs.fsyncSync(fd); fs.closeSync(fd); };
    process.chdir(${JSON.stringify(disk.root)});
    for (const name of ['synced', 'later', 'empty', 'nameless', 'moved']) fs.writeFileSync(name, 'first');
    for (const name of ['synced', 'later', 'nameless', 'moved']) sync(name);
    fs.rmSync('nameless');
    fs.writeFileSync('later', 'second');
    sync('.');
    fs.writeFileSync('nameless', 'first');
    sync('nameless');
    fs.renameSync('moved', 'moved away');`;
  await promisify(execFile)(process.execPath, ['-e', script], { env: { ...process.env, ...disk.env } });
  assert.deepEqual((await readdir(disk.root)).sort(), ['empty', 'later', 'moved away', 'nameless', 'synced']);
  await losePower(disk);
  const left = (await readdir(disk.root)).sort();
  const contents = await Promise.all(left.map((name) => readFile(path.join(disk.root, name), 'utf8')));
  assert.deepEqual(
    left.map((name, index) => [name, contents[index]]),
    [
      ['empty', ''],
      ['later', 'first'],
      ['moved', 'first'],
      ['synced', 'first'],
    ],
  );
});

for (const kind of ['nothing unsynced reached the disk', 'some of it did, sector by sector'] as const) {
  test(`holds whole commits, and every one that was reported, after the power went: ${kind}`, async (t) => {
    const disk = await newDisk(t);
    if (disk === undefined) return;
    const file = path.join(disk.root, 'state.db');
    let coin = 0;
    // A fixed sequence without a short period: the same sectors survive in every run that writes the same.
    const survives = () => {
      coin = (coin * 1_103_515_245 + 12_345) % 2 ** 31;
      return kind.startsWith('some') && coin > 2 ** 30;
    };
    for (const commits of ROUNDS) {
      const reported = await cutPowerAfter(disk, file, commits);
      await losePower(disk, survives);
      const store = await createSqliteStore({ file, reserveBytes: 4096 });
      const state = (await store.load('default/shop'))?.state;
      const version = state?.version ?? -1;
      assert.ok(version >= reported, `version ${version} is older than the reported ${reported}`);
      assert.equal(state?.frozen?.code, String(version));
      const events = await store.events({ app: 'default/shop', after: 0, limit: 1_000 });
      const expected = Array.from({ length: version }, (_, index) => String(index + 1));
      assert.deepEqual(
        events.map(({ message }) => message),
        expected,
      );
      await store.close();
      // Closing wrote to it, and nobody recorded that.
      await openDisk(disk.env.LD_PRELOAD, disk.root, disk.record);
    }
  });
}

/** Resolves with the last version that was reported. */
async function cutPowerAfter(disk: Disk, file: string, commits: number): Promise<number> {
  const committer = path.join(import.meta.dirname, 'committer.ts');
  const child = spawn(process.execPath, [committer, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...disk.env },
  });
  let text = '';
  const lines = () => text.split('\n').slice(0, -1);
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
    if (lines().length >= commits) child.kill('SIGKILL');
  });
  const [, signal] = await once(child, 'close');
  assert.equal(signal, 'SIGKILL', 'it ended by itself');
  return Number(lines().at(-1));
}
