import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { freePort, isPortFree, reservedPortsInUse } from '../../support/free-port.ts';
import {
  filesUnder,
  killProcessesUnder,
  processesThatStay,
  processesUnder,
} from '../../support/processes.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';

/** A context that runs its cleanups when told to. */
function context() {
  const cleanups: (() => unknown)[] = [];
  return {
    after: (cleanup?: unknown) => {
      if (typeof cleanup === 'function') cleanups.push(() => cleanup());
    },
    end: () => Promise.all(cleanups.map((cleanup) => cleanup())),
  };
}

test('a temporary folder is gone with its files when its test ends', async () => {
  const t = context();
  const folder = await tempDir(t);
  await writeFile(path.join(folder, 'a'), '');
  assert.deepEqual(await filesUnder(folder), ['a']);
  await t.end();
  await assert.rejects(access(folder), { code: 'ENOENT' });
  assert.deepEqual(await filesUnder(folder), []);
});

test('free ports are outside of the ephemeral range and are given out once', async () => {
  const ports = await Promise.all(Array.from({ length: 20 }, freePort));
  assert.equal(new Set(ports).size, 20);
  assert.ok(
    ports.every((port) => port >= 20_000 && port < 32_768),
    ports.join(' '),
  );
});

test('a port that is listened on is not free, and is told when it was given out here', async () => {
  const port = await freePort();
  assert.ok(await isPortFree(port));
  const server = net.createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  assert.equal(await isPortFree(port), false);
  assert.deepEqual(await reservedPortsInUse(), [port]);
  server.close();
  await once(server, 'close');
  assert.deepEqual(await reservedPortsInUse(), []);
});

test('processes are found by environment, arguments or working folder, and by the whole name of the folder', async (t) => {
  const folder = await tempDir(t);
  const sleeper = ['/bin/sleep', ['3598']] as const;
  const stdio = 'ignore';
  const children = [
    spawn(...sleeper, { stdio, env: { SOMETHING: `${folder}/below` } }),
    spawn(...sleeper, { stdio, env: {}, cwd: folder }),
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', folder], { stdio, env: {} }),
    spawn(...sleeper, { stdio, env: { SOMETHING: `${folder}-other` } }),
  ];
  t.after(() => children.map((child) => child.kill('SIGKILL')));
  await Promise.all(children.map((child) => once(child, 'spawn')));
  const pids = (await processesUnder(folder)).map(({ pid }) => pid);
  const expected = children.slice(0, 3).map(({ pid }) => pid);
  assert.deepEqual(pids.sort(), expected.sort());
  assert.equal((await processesThatStay(folder, 100)).length, 3);
  await killProcessesUnder(folder);
  assert.deepEqual(await processesThatStay(folder, 5_000), []);
  assert.equal(children[3]?.exitCode, null);
});

test('waiting ends with the first answer that is something', async () => {
  const answers = [undefined, null, false, 0];
  assert.equal(await waitFor(() => answers.shift(), { what: 'an answer', intervalMs: 1 }), 0);
});

test('waiting in vain says for what, how long, and what was seen last', async () => {
  const never = waitFor(() => false, { what: 'the moon', timeoutMs: 20, intervalMs: 1 });
  await assert.rejects(never, /gave up waiting for the moon after 20 ms; last: false/);
  const failing = () => {
    throw new Error('no moon');
  };
  const thrown = waitFor(failing, { what: 'the moon', timeoutMs: 20, intervalMs: 1 });
  await assert.rejects(thrown, /last: no moon/);
});
