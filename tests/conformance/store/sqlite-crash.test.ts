import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { createSqliteStore } from '../../../src/store/sqlite/index.ts';

const ROUNDS = 8;
let folder: string;
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'crossfade-crash-'));
});
after(() => rm(folder, { recursive: true }));

it('holds whole commits, and every one that was reported, after kill -9 in the middle of them', async () => {
  const file = path.join(folder, 'state.db');
  let reported = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    reported = await killAfterCommits(file, 5 + round * 3);
    const store = await createSqliteStore({ file, reserveBytes: 4096 });
    const state = (await store.load('default/shop'))?.state;
    const version = state?.version ?? -1;
    assert.ok(version >= reported, `version ${version} is older than the reported ${reported}`);
    assert.equal(state?.frozen?.code, String(version));
    const events = await store.events({ app: 'default/shop', after: 0 });
    assert.deepEqual(
      events.map((event) => event.message),
      Array.from({ length: version }, (_, index) => String(index + 1)),
    );
    assert.equal((await store.actions('default/shop')).at(-1)?.key, String(version));
    await store.close();
  }
  assert.ok(reported > ROUNDS * 5);
});

it('lets one process write at a time, names it to the next, and is free once it was killed', async () => {
  const file = path.join(folder, 'locked.db');
  const { child, firstLine } = startCommitter(file);
  await firstLine;
  const second = createSqliteStore({ file });
  await assert.rejects(second, { code: 'E_DAEMON_RUNNING', message: new RegExp(`pid ${child.pid},`) });
  await kill(child);
  const store = await createSqliteStore({ file, reserveBytes: 4096 });
  await assert.rejects(createSqliteStore({ file }), { code: 'E_DAEMON_RUNNING' });
  const third = startCommitter(file, 'ignore');
  await assert.rejects(third.firstLine, /ended by itself with 1/);
  await store.close();
  await (await createSqliteStore({ file, reserveBytes: 4096 })).close();
});

/** Resolves with the last version that the killed process had reported. */
async function killAfterCommits(file: string, commits: number): Promise<number> {
  const { child, lines } = startCommitter(file);
  const enough = new Promise<void>((resolve) => {
    child.stdout?.on('data', () => lines().length >= commits && resolve());
  });
  await Promise.race([enough, failIfItEnds(child)]);
  await kill(child);
  return Number(lines().at(-1));
}

function startCommitter(file: string, stderr: 'inherit' | 'ignore' = 'inherit') {
  const script = path.join(import.meta.dirname, 'committer.ts');
  const child = spawn(process.execPath, [script, file], { stdio: ['ignore', 'pipe', stderr] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  const lines = () => text.split('\n').slice(0, -1);
  const firstLine = Promise.race([once(child.stdout, 'data'), failIfItEnds(child)]);
  return { child, lines, firstLine };
}

async function failIfItEnds(child: ChildProcess): Promise<never> {
  const [code] = await once(child, 'exit');
  throw new Error(`the committing process ended by itself with ${code}`);
}

async function kill(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}
