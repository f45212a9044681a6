/** WebSockets and streams in a cutover, and users who are routed by a header: through the whole product. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { freePort } from '../support/free-port.ts';
import type { Cleanup } from '../support/temp-dir.ts';
import { waitFor } from '../support/wait-for.ts';
import { type AppDocument, serviceApp, withEnv } from './harness/app-files.ts';
import { withLab } from './harness/lab.ts';

const SOURCE = path.join(import.meta.dirname, 'harness/streams');

interface Named {
  name: string;
  listen: number;
  strategy: unknown;
  drain?: { timeout: string; longConnections: string };
}

function streamsApp({ name, listen, strategy, drain }: Named): AppDocument {
  const run = { command: [process.execPath, 'streams.mjs'], env: { VERSION: '1' } };
  const spec = { source: SOURCE, run, health: { ready: { http: '/' } }, ...(drain && { drain }) };
  return serviceApp({ name, listen, strategy, replicas: 1, spec });
}

function answer(listen: number, headers: http.OutgoingHttpHeaders = {}, path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port: listen, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}

interface Long {
  socket: WebSocket;
  echo(text: string): Promise<string>;
  /** Everything that the stream said. */
  said(): string;
  closed: { socket: boolean; stream: boolean };
}

/** A WebSocket and a stream, open and answered. */
async function openLong(t: Cleanup, listen: number): Promise<Long> {
  const closed = { socket: false, stream: false };
  const socket = new WebSocket(`ws://127.0.0.1:${listen}/`);
  socket.on('error', () => {});
  socket.on('close', () => {
    closed.socket = true;
  });
  await once(socket, 'open');
  let said = '';
  const request = http.get({ host: '127.0.0.1', port: listen, path: '/stream', agent: false });
  request.on('error', () => {});
  request.on('response', (response) => {
    response.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    response.on('error', () => {});
    response.on('close', () => {
      closed.stream = true;
    });
  });
  t.after(() => {
    socket.terminate();
    request.destroy();
  });
  const echo = async (text: string): Promise<string> => {
    const heard = once(socket, 'message');
    socket.send(text);
    return String((await heard)[0]);
  };
  await waitFor(() => said !== '', { what: 'the stream to begin' });
  return { socket, echo, said: () => said, closed };
}

test('a WebSocket and a stream live on through a cutover, with the version that they were opened at', async (t) => {
  await withLab(t, async (lab) => {
    const name = 'lasting';
    const listen = await freePort();
    const strategy = { blueGreen: { scaleDownDelaySeconds: 0 } };
    const drain = { timeout: '2m', longConnections: '2m' };
    const app = streamsApp({ name, listen, strategy, drain });
    await lab.explaining(name, async () => {
      await lab.apply(app);
      const long = await openLong(t, listen);
      assert.equal(await long.echo('before'), '1: before');
      await lab.apply(withEnv(app, { VERSION: '2' }), []);
      await waitFor(async () => (await answer(listen)) === '2', { what: 'the cutover', timeoutMs: 60_000 });
      assert.equal(await long.echo('after'), '1: after');
      const before = long.said().length;
      await waitFor(() => long.said().length > before, { what: 'more of the stream' });
      assert.match(long.said(), /^(1\n)+$/);
      assert.deepEqual(long.closed, { socket: false, stream: false });
      assert.equal(await answer(listen), '2');
      // Their users go away: what served them is not needed any more.
      long.socket.terminate();
    });
  });
});

test('beyond their time a WebSocket and a stream are closed, and the old version ends', async (t) => {
  await withLab(t, async (lab) => {
    const name = 'ending';
    const listen = await freePort();
    const strategy = { blueGreen: { scaleDownDelaySeconds: 0 } };
    const drain = { timeout: '1s', longConnections: '1s' };
    const app = streamsApp({ name, listen, strategy, drain });
    await lab.explaining(name, async () => {
      await lab.apply(app);
      const long = await openLong(t, listen);
      await lab.apply(withEnv(app, { VERSION: '2' }), []);
      await waitFor(() => long.closed.socket && long.closed.stream, {
        what: 'both to be closed',
        timeoutMs: 60_000,
      });
      assert.equal(await answer(listen), '2');
      const ref = { namespace: 'default', name };
      await waitFor(async () => (await lab.client.replicas(ref)).length === 1, {
        what: 'the old replica to be gone',
        timeoutMs: 60_000,
      });
    });
  });
});

test('users with a header see the candidate, and nobody else does', async (t) => {
  await withLab(t, async (lab) => {
    const name = 'staff';
    const listen = await freePort();
    const match = [{ headerName: 'x-user', headerValue: { exact: 'me' } }];
    const steps = [
      { setCanaryScale: { replicas: 1 } },
      { setHeaderRoute: { name: 'staff', match } },
      { pause: {} },
    ];
    const app = streamsApp({ name, listen, strategy: { canary: { steps } } });
    await lab.explaining(name, async () => {
      await lab.apply(app);
      await lab.apply(withEnv(app, { VERSION: '2' }), []);
      await lab.until(name, 'the pause', ({ status }) => status.phase === 'Paused');
      for (let i = 0; i < 20; i++) {
        assert.equal(await answer(listen, { 'x-user': 'me' }), '2');
        assert.equal(await answer(listen), '1');
        assert.equal(await answer(listen, { 'x-user': 'you' }), '1');
      }
      await lab.crossfade(['rollout', 'promote', name]);
      await lab.until(name, 'the end', ({ status }) => status.release === null);
      assert.equal(await answer(listen), '2');
    });
  });
});

test('a replica hears of the user behind a trusted proxy, and of nobody that others claim to be', async (t) => {
  await withLab(t, async (lab) => {
    const name = 'behind';
    const listen = await freePort();
    const app = streamsApp({ name, listen, strategy: { rolling: {} } });
    const claim = { 'x-forwarded-for': '9.9.9.9', 'x-forwarded-proto': 'https' };
    await lab.explaining(name, async () => {
      await lab.apply(app);
      assert.equal(await answer(listen, claim, '/told'), 'http 127.0.0.1');
      const spec = { ...app.spec, route: { listen, trustedProxies: ['127.0.0.0/8'] } };
      await lab.apply({ ...app, spec }, []);
      await waitFor(async () => (await answer(listen, claim, '/told')) === 'https 9.9.9.9, 127.0.0.1', {
        what: 'the proxy to be trusted',
        timeoutMs: 60_000,
      });
    });
  });
});
