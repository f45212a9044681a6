/** An operator puts an older database back while users are served. */
import assert from 'node:assert/strict';
import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AppView } from '../../src/api/types.ts';
import { cliOk } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { withStateDir } from '../support/state-dir.ts';
import { waitFor } from '../support/wait-for.ts';

const SERVER = `require('http').createServer((_, answer) => answer.end(process.env.VERSION)).listen(process.env.PORT)`;
const DATABASE = ['crossfade.db', 'crossfade.db-wal', 'crossfade.db-shm'];

function appFile(port: number, version: string): string {
  return JSON.stringify({
    apiVersion: 'crossfade.dev/v1',
    kind: 'App',
    metadata: { name: 'hello' },
    spec: {
      replicas: 2,
      run: { command: [process.execPath, '-e', SERVER], env: { VERSION: version } },
      port: 8080,
      health: { ready: { tcp: true } },
      route: { listen: port },
      strategy: { rolling: {} },
    },
  });
}

/** Asks again and again until it is stopped. @returns what was answered, in order, without repeats */
function users(port: number) {
  const answers: string[] = [];
  let going = true;
  const ended = (async () => {
    while (going) {
      const answer = await fetch(`http://127.0.0.1:${port}/`).then(
        async (response) => (response.ok ? response.text() : `status ${response.status}`),
        (error: Error) => `failed: ${error.message}`,
      );
      if (answers.at(-1) !== answer) answers.push(answer);
      await sleep(10);
    }
  })();
  return {
    answers,
    async stop() {
      going = false;
      await ended;
      return answers;
    },
  };
}

test('an older database that is put back costs nobody a request, and the next apply is released', async (t) => {
  await withStateDir(t, async (stateDir, folder) => {
    const port = await freePort();
    const file = path.join(folder, 'app.json');
    const apply = async (version: string) => {
      await writeFile(file, appFile(port, version));
      await cliOk(['apply', '-f', file, '--wait', '--timeout', '60s'], { stateDir });
    };
    const view = async () =>
      JSON.parse((await cliOk(['get', 'app', 'hello', '-o', 'json'], { stateDir })).stdout) as AppView;
    const copy = async (from: string, to: string) => {
      for (const name of DATABASE)
        await cp(path.join(from, name), path.join(to, name), { force: true }).catch((error: unknown) => {
          if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        });
    };
    await apply('one');
    await cliOk(['daemon', 'stop'], { stateDir });
    const backup = path.join(folder, 'backup');
    await copy(stateDir, backup);
    await apply('two');
    await apply('three');
    const served = users(port);
    try {
      await waitFor(() => served.answers.includes('three'), { what: 'version three to answer' });
      await cliOk(['daemon', 'stop'], { stateDir });
      await copy(backup, stateDir);
      const app = await view();
      assert.equal(app.status.phase, 'Healthy', JSON.stringify(app.status));
      const { stdout: events } = await cliOk(['get', 'events', 'hello'], { stateDir });
      assert.match(events, /StateBehind/);
      await apply('four');
      await waitFor(() => served.answers.includes('four'), { what: 'version four to answer' });
    } finally {
      await served.stop();
    }
    const [first, ...rest] = served.answers;
    assert.equal(first, 'three');
    // While it rolls both answer, and nothing else ever does.
    assert.deepEqual(
      [...new Set(rest)].filter((answer) => !['three', 'four'].includes(answer)),
      [],
    );
  });
});
