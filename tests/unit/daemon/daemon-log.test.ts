import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import { keepDaemonLogSmall } from '../../../src/daemon-log.ts';
import { tempDir } from '../../support/temp-dir.ts';

async function logIn(t: TestContext, name: string, flags: string) {
  const stateDir = await tempDir(t);
  const fd = openSync(path.join(stateDir, name), flags, 0o600);
  t.after(() => closeSync(fd));
  const log = keepDaemonLogSmall(stateDir, fd, 100);
  t.after(() => log.close());
  const read = (file: string) => readFileSync(path.join(stateDir, file), 'utf8');
  return { stateDir, log, read, write: (text: string) => writeSync(fd, text) };
}

it('daemon.log is rotated, the last three are kept, and nothing is lost', async (t) => {
  const { stateDir, log, read, write } = await logIn(t, 'daemon.log', 'a');
  for (const letter of 'abcde') {
    write(`${letter.repeat(120)}\n`);
    log.look();
    log.look();
  }
  write('now\n');
  assert.deepEqual(readdirSync(stateDir).sort(), [
    'daemon.log',
    'daemon.log.1',
    'daemon.log.2',
    'daemon.log.3',
  ]);
  assert.equal(read('daemon.log'), 'now\n');
  assert.deepEqual(
    ['daemon.log.1', 'daemon.log.2', 'daemon.log.3'].map((file) => read(file)[0]),
    ['e', 'd', 'c'],
  );
  assert.equal(statSync(path.join(stateDir, 'daemon.log.1')).mode & 0o777, 0o600);
});

it('a file that is not its own, or that it does not append to, is left alone', async (t) => {
  for (const [name, flags] of [
    ['my.log', 'a'],
    ['daemon.log', 'w'],
  ] as const) {
    const { stateDir, log, read, write } = await logIn(t, name, flags);
    write('x'.repeat(200));
    log.look();
    assert.deepEqual(readdirSync(stateDir), [name]);
    assert.equal(read(name).length, 200);
  }
});
