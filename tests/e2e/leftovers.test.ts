import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { cliOk } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { processesUnder } from '../support/processes.ts';
import { withStateDir } from '../support/state-dir.ts';

const SERVER = `require('http').createServer((_, answer) => answer.end('hello')).listen(process.env.PORT)`;

/** An App with two replicas that runs nothing but this Node. */
async function runningApp(stateDir: string, folder: string): Promise<void> {
  const app = {
    apiVersion: 'crossfade.dev/v1',
    kind: 'App',
    metadata: { name: 'hello' },
    spec: {
      replicas: 2,
      run: { command: [process.execPath, '-e', SERVER] },
      port: 8080,
      health: { ready: { tcp: true } },
      route: { listen: await freePort() },
      strategy: { rolling: {} },
    },
  };
  const file = path.join(folder, 'app.json');
  await writeFile(file, JSON.stringify(app));
  await cliOk(['apply', '-f', file, '--wait', '--timeout', '60s'], { stateDir });
}

test('daemon stop --replicas leaves no process, no listening port and no socket', async (t) => {
  await withStateDir(t, async (stateDir, folder) => {
    await runningApp(stateDir, folder);
    const processes = await processesUnder(folder);
    assert.ok(
      processes.length >= 4,
      `a daemon, a router and two replicas; found ${JSON.stringify(processes)}`,
    );
  });
});

test('nothing is left either when the daemon was killed before', async (t) => {
  await withStateDir(t, async (stateDir, folder) => {
    await runningApp(stateDir, folder);
    const { stdout } = await cliOk(['version', '-o', 'json'], { stateDir });
    process.kill(JSON.parse(stdout).daemon.pid, 'SIGKILL');
  });
});

test('a process that is left is found, and killed', async (t) => {
  let pid = 0;
  const left = withStateDir(
    t,
    async (_stateDir, folder) => {
      const child = spawn('/bin/sleep', ['3597'], { cwd: folder, env: {}, stdio: 'ignore' });
      await once(child, 'spawn');
      pid = child.pid ?? 0;
    },
    { goneWithinMs: 200 },
  );
  await assert.rejects(left, /processes are left after daemon stop --replicas/);
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});

test('a port that is left open is found', async (t) => {
  const server = net.createServer();
  t.after(() => server.close());
  const left = withStateDir(t, async () => {
    server.listen(await freePort(), '127.0.0.1');
    await once(server, 'listening');
  });
  await assert.rejects(left, /gave up waiting for ports to close/);
});

test('what the test itself failed with is told first', async (t) => {
  const failing = withStateDir(t, async () => {
    throw new Error('the assertion');
  });
  await assert.rejects(failing, /the assertion/);
});
