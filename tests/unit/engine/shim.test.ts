import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import { startShim } from '../../../src/engines/process/replica/launch.ts';
import {
  allProcesses,
  parseStat,
  readStat,
  sameProcessLives,
} from '../../../src/engines/process/replica/procfs.ts';
import { exitInWords, exitOf, parseStatus, SHIM } from '../../../src/engines/process/replica/shim.ts';
import { removeFolder, temporaryFolder, until } from './support.ts';

const ENV = { PATH: '/usr/bin:/bin' };

function start(t: TestContext, script: string) {
  const folder = temporaryFolder();
  t.after(() => removeFolder(folder));
  const child = startShim(folder, 1, ['sh', '-c', script], { cwd: folder, env: ENV, user: undefined });
  const read = (name: string) => readFileSync(path.join(folder, name), 'utf8');
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return { child, folder, ended, read, status: () => parseStatus(read('status.1')) };
}

it('exit codes and signals of the main process are recorded', async (t) => {
  const cases = [
    ['exit 0', { code: 0, signal: null }],
    ['exit 7', { code: 7, signal: null }],
    ['exit 127', { code: 127, signal: null }],
    ['kill -KILL $$', { code: null, signal: 'SIGKILL' }],
    ['kill -SEGV $$', { code: null, signal: 'SIGSEGV' }],
    ['exit 255', { code: 255, signal: null }],
  ] as const;
  for (const [script, exit] of cases) {
    const { ended, status } = start(t, script);
    await ended;
    assert.deepEqual(status().exit, exit, script);
  }
});

it('who leads the session is recorded before anything is started', async (t) => {
  const { child, ended, status } = start(t, 'sleep 0.2');
  const leader = await until('it is recorded', () => status().leader);
  assert.deepEqual([leader.pid, leader.session, leader.group], [child.pid, child.pid, child.pid]);
  assert.ok(sameProcessLives(leader));
  await ended;
  assert.equal(sameProcessLives(leader), false);
});

it('the shim outlives TERM to the group and records how the main process ended, however late', async (t) => {
  for (const [script, exit] of [
    ['trap "exit 5" TERM; echo up; while :; do sleep 0.02; done', { code: 5, signal: null }],
    ['echo up; exec sleep 1000', { code: null, signal: 'SIGTERM' }],
    ['trap "sleep 0.3; exit 6" TERM; echo up; while :; do sleep 0.02; done', { code: 6, signal: null }],
  ] as const) {
    const { child, ended, status, read } = start(t, script);
    await until('it runs', () => read('stdout.log') === 'up\n');
    process.kill(-(child.pid ?? assert.fail()), 'SIGTERM');
    await ended;
    assert.deepEqual(status().exit, exit, script);
  }
});

it('output goes to its own files, and the shim adds nothing to them', async (t) => {
  const { ended, read } = start(t, 'echo out; echo err >&2; kill -KILL $$');
  await ended;
  assert.deepEqual([read('stdout.log'), read('stderr.log')], ['out\n', 'err\n']);
});

it('the main process cannot write to the status file, and signals have their usual meaning in it', async (t) => {
  const { ended, read, status } = start(
    t,
    'echo "exit 99" >&3; (echo "exit 98" >&4); trap; kill -HUP $$; exit 1',
  );
  await ended;
  assert.deepEqual(status().exit, { code: null, signal: 'SIGHUP' });
  assert.equal(read('stdout.log'), '');
});

it('the umask is the usual one, whatever the daemon has', async (t) => {
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  const { ended, read } = start(t, 'umask');
  await ended;
  assert.equal(read('stdout.log'), '0022\n');
});

it('nothing is started when it cannot be recorded', async (t) => {
  const folder = temporaryFolder();
  t.after(() => removeFolder(folder));
  mkdirSync(path.join(folder, 'work'));
  const full = openSync('/dev/full', 'a');
  const out = openSync(path.join(folder, 'out'), 'a');
  const child = spawn('/bin/sh', ['-c', SHIM, 'x', 'touch', path.join(folder, 'work/started')], {
    env: ENV,
    stdio: ['ignore', out, 'ignore', full, out],
  });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  assert.equal(code, 125);
  assert.equal(readFileSync(path.join(folder, 'out'), 'utf8'), '');
});

it('a status that was not written to its end does not count', () => {
  const leader = readFileSync('/proc/self/stat', 'utf8').trim();
  assert.deepEqual(parseStatus(''), {});
  assert.deepEqual(parseStatus(`start ${leader}`), {});
  assert.equal(parseStatus(`start ${leader}\nexit 1`).exit, undefined);
  assert.equal(parseStatus(`start ${leader}\nexit 1`).leader?.pid, process.pid);
  assert.deepEqual(parseStatus(`start ${leader}\nexit 137\n`).exit, { code: null, signal: 'SIGKILL' });
  assert.deepEqual(parseStatus('start nonsense\nexit abc\n'), {});
});

it('exits are told in words', () => {
  assert.deepEqual([exitOf(1), exitOf(143), exitOf(200)].map(exitInWords), [
    'exited with code 1',
    'was ended by SIGTERM',
    'exited with code 200',
  ]);
  assert.equal(exitInWords({ code: null, signal: null }), 'ended, nobody saw how');
});

it('the process table is read with names that contain spaces and parentheses', () => {
  const text = '12 (a) b (c) S 3 4 5 0 -1 4194304 302 0 3 0 0 0 0 0 20 0 1 0 304140 2654208 369';
  assert.deepEqual(parseStat(text), {
    pid: 12,
    name: 'a) b (c',
    state: 'S',
    parent: 3,
    group: 4,
    session: 5,
    startTicks: '304140',
  });
  assert.equal(parseStat('nonsense'), undefined);
  assert.equal(readStat(2 ** 22 + 1), undefined);
  assert.ok(allProcesses().some(({ pid }) => pid === process.pid));
});
