import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from './fake-context.ts';

const FAKE_DAEMON = [process.execPath, fileURLToPath(import.meta.resolve('./fake-daemon.ts'))];

/** A state dir that is not there yet. Whatever was started on it is stopped before it is removed. */
function stateDirOf(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'cf-cli-'));
  const stateDir = path.join(folder, 'state');
  t.after(async () => {
    await run(['daemon', 'stop'], { stateDir });
    rmSync(folder, { recursive: true, force: true });
  });
  return stateDir;
}

test('a command that needs the daemon starts it, says so, and the next one finds it', async (t) => {
  const stateDir = stateDirOf(t);
  const ctx = { entry: FAKE_DAEMON };
  const first = await run(['get', 'apps'], { stateDir, ctx });
  assert.equal(first.code, 0, first.stderr);
  assert.match(
    first.stderr,
    /^started the daemon \(pid \d+, log in .*daemon\.log\)\nno apps found in namespace default\n$/,
  );
  const second = await run(['get', 'apps'], { stateDir, ctx });
  assert.equal(second.stderr, 'no apps found in namespace default\n');
});

test('daemon stop returns when the daemon has ended, not when it stops answering', async (t) => {
  const stateDir = stateDirOf(t);
  const started = await run(['get', 'apps'], { stateDir, ctx: { entry: FAKE_DAEMON } });
  const pid = Number(/pid (\d+)/.exec(started.stderr)?.[1]);
  assert.doesNotThrow(() => process.kill(pid, 0));
  assert.equal((await run(['daemon', 'stop'], { stateDir })).code, 0);
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});

test('commands that start it at the same time share one daemon', async (t) => {
  const stateDir = stateDirOf(t);
  const ctx = { entry: FAKE_DAEMON };
  const ran = await Promise.all(Array.from({ length: 4 }, () => run(['get', 'apps'], { stateDir, ctx })));
  assert.deepEqual(
    ran.map(({ code }) => code),
    [0, 0, 0, 0],
    ran.map(({ stderr }) => stderr).join(),
  );
  assert.equal(ran.filter(({ stderr }) => stderr.includes('started the daemon')).length, 1);
});

test('a command whose daemon was stopped by another command, while it came up, starts it again', async (t) => {
  const stateDir = stateDirOf(t);
  const ran = await run(['get', 'apps'], { stateDir, ctx: { entry: [...FAKE_DAEMON, '--stopped-once'] } });
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(ran.stderr, /^started the daemon/);
});

test('a daemon that does not come up is told with the end of its log', async (t) => {
  const stateDir = stateDirOf(t);
  const ran = await run(['get', 'apps'], { stateDir, ctx: { entry: [...FAKE_DAEMON, '--break'] } });
  assert.equal(ran.code, 8);
  assert.match(
    ran.stderr,
    /error: the daemon exited with code 1; its log ends with:\ncannot read the database/,
  );
  assert.match(ran.stderr, /hint: the whole log is .*daemon\.log/);
  assert.match(readFileSync(path.join(stateDir, 'daemon.log'), 'utf8'), /damaged/);
});

test('a program that cannot be started is told', async (t) => {
  const ran = await run(['get', 'apps'], { stateDir: stateDirOf(t) });
  assert.equal(ran.code, 8);
  assert.match(ran.stderr, /error: the daemon could not be started: spawn .* ENOENT/);
});

test('commands that only read this machine never start one', async (t) => {
  const stateDir = stateDirOf(t);
  const ctx = { entry: FAKE_DAEMON };
  for (const line of [
    ['version'],
    ['doctor'],
    ['explain'],
    ['schema'],
    ['completion', 'bash'],
    ['daemon', 'stop'],
  ]) {
    const ran = await run(line, { stateDir, ctx });
    assert.equal(ran.code, 0, `${line.join(' ')}: ${ran.stderr}`);
    assert.doesNotMatch(ran.stderr, /started the daemon/);
  }
  const status = await run(['daemon', 'status'], { stateDir, ctx });
  assert.equal(status.code, 8);
  assert.match(status.stdout, /^no daemon runs with the state dir /);
});
