import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import { layoutOf } from '../../../src/engines/process/layout.ts';
import { keepLogs } from '../../../src/engines/process/logs/kept.ts';
import { createSecretFiles } from '../../../src/engines/process/secret-files.ts';
import {
  APP,
  appSpec,
  deploy,
  lab,
  logText,
  realClock,
  removeFolder,
  stopAll,
  temporaryFolder,
  until,
} from './support.ts';

const DAY_MS = 24 * 60 * 60_000;

function stateDirOf(t: TestContext): string {
  const folder = temporaryFolder();
  t.after(() => removeFolder(folder));
  return folder;
}

it('what a version said last can be read after it was given up, without its secrets', async (t) => {
  const made = await lab(t);
  await createSecretFiles(made.stateDir).set('default', 'token', 'a-secret-value');
  const env = { T: { secret: 'token' } };
  const command = ['sh', '-c', 'echo cannot log in with $T; sleep 1000'];
  const { pool, ctx } = await deploy(made.engine, appSpec({ run: { command, env } }));
  await until('it has said it', async () => (await logText(made.engine)).some((line) => /log in/.test(line)));
  await stopAll(made.engine);
  await made.engine.forget({ ...ctx, stateVersion: Number.MAX_SAFE_INTEGER }, pool.id);
  const engine = await made.reopen();
  for (const query of [{ pool: pool.id }, { replica: `${pool.id}-0` }]) {
    const lines = await logText(engine, query);
    assert.ok(lines.includes('cannot log in with [redacted]'), JSON.stringify(lines));
    assert.match(lines.at(-1) ?? '', /^stopped: /);
  }
  assert.deepEqual(await logText(engine, { pool: pool.id, tail: 1 }), [
    (await logText(engine, { pool: pool.id })).at(-1),
  ]);
  assert.deepEqual(await logText(engine), [], 'most want what runs');
  assert.deepEqual(await logText(engine, { pool: '7-7' }), []);
});

it('the logs of a deleted App are put aside, and removed a day later', async (t) => {
  const real = realClock('boot-1');
  const clock = { ...real, aheadMs: 0, wall: () => real.wall() + clock.aheadMs };
  const made = await lab(t, { clock });
  const { pool, ctx } = await deploy(made.engine, appSpec());
  await until('it was started', async () => (await logText(made.engine)).length > 0);
  await stopAll(made.engine);
  await made.engine.forget({ ...ctx, stateVersion: Number.MAX_SAFE_INTEGER }, pool.id);
  const folder = path.join(made.stateDir, 'kept-logs', 'default');
  assert.deepEqual(readdirSync(folder), ['shop']);
  await made.engine.sweep(async () => new Map([[APP, []]]));
  assert.deepEqual(readdirSync(folder), ['shop']);
  await made.engine.sweep(async () => new Map());
  assert.match(readdirSync(folder).join(), /^\.deleted-\d+-shop$/);
  assert.deepEqual(await logText(made.engine, { pool: pool.id }), [], 'an App of the same name has its own');
  clock.aheadMs = DAY_MS - 60_000;
  await made.engine.sweep(async () => new Map());
  assert.equal(readdirSync(folder).length, 1);
  clock.aheadMs = DAY_MS + 60_000;
  await made.engine.sweep(async () => new Map());
  assert.deepEqual(readdirSync(folder), []);
});

it('they are bounded: lines and bytes of each replica, and replicas of each App', async (t) => {
  const stateDir = stateDirOf(t);
  const layout = layoutOf(stateDir);
  const keep = async (replica: string, text: string) => {
    const folder = path.join(stateDir, replica);
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'stdout.log'), text);
    const source = { replica, pool: '1-1', folder, redact: (line: string) => line };
    await keepLogs(layout, APP, source, { logFiles: 0, now: 1 });
    const file = path.join(layout.keptLogs, APP, `${replica}.ndjson`);
    return existsSync(file) ? readdirSync(path.dirname(file)) : undefined;
  };
  const kept = (replica: string) =>
    readFileSync(path.join(layout.keptLogs, APP, `${replica}.ndjson`), 'utf8')
      .split('\n')
      .slice(0, -1);
  await keep('1-1-0', Array.from({ length: 5000 }, (_, n) => `line ${n}\n`).join(''));
  const lines = kept('1-1-0');
  assert.deepEqual([lines.length, JSON.parse(lines.at(-1) ?? '').text], [1000, 'line 4999']);
  await keep('1-1-1', `${'x'.repeat(50_000)}\n`.repeat(100));
  assert.ok(kept('1-1-1').join('').length <= 1024 * 1024);
  assert.equal(await keep('1-1-2', ''), undefined, 'one that said nothing has no file');
  for (let n = 3; n < 40; n += 1) await keep(`1-1-${n}`, 'x\n');
  assert.equal(readdirSync(path.join(layout.keptLogs, APP)).length, 30);
});
