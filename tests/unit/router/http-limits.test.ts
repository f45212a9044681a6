import assert from 'node:assert/strict';
import { stat } from 'node:fs';
import net from 'node:net';
import { describe, it } from 'node:test';
import type { Limits } from '../../../src/routers/embedded/data/data-plane.ts';
import { connectionCap } from '../../../src/routers/embedded/worker/open-files.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startPlane, type TestPlane } from './support/plane.ts';
import { startRawBackend } from './support/raw-backend.ts';
import { tableOf } from './support/tables.ts';
import { talk } from './support/talk.ts';

const POST = 'POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n';

async function limited(
  limits: Partial<Limits>,
  run: (plane: TestPlane, received: () => string) => Promise<void>,
): Promise<void> {
  const backend = await startRawBackend();
  const plane = await startPlane({ limits });
  plane.install(tableOf({ members: { only: [backend.address] } }));
  try {
    await run(plane, backend.received);
    assert.deepEqual(plane.errors, []);
  } finally {
    plane.close();
    backend.close();
  }
}

/** Nothing is open any more, neither here nor to the replica. */
async function empty({ plane, app }: TestPlane): Promise<void> {
  await waitFor(() => plane.clients.size === 0 && app.openRequests() === 0, {
    what: 'the connection to be given up',
  });
}

function connect(port: number, send: string): net.Socket {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(send);
  return socket;
}

describe('limits', { concurrency: 4 }, () => {
  it('a head that comes a byte at a time is ended from its first byte on, not from its last', () =>
    limited({ headTimeoutMs: 300 }, async (plane) => {
      const socket = connect(plane.port, 'GET / HTTP/1.1\r\nHost: a\r\n');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      const drip = setInterval(() => socket.write('X'), 20);
      try {
        await waitFor(() => text.startsWith('HTTP/1.1 408'), { what: 'the answer' });
      } finally {
        clearInterval(drip);
        socket.destroy();
      }
      await empty(plane);
    }));

  it('a connection that sends nothing is closed', () =>
    limited({ idleTimeoutMs: 200 }, async (plane) => {
      const { text, closed } = await talk(plane.port, [], () => false);
      assert.ok(text === '' && closed);
    }));

  it('a body that does not come is 408, and the replica is let go', () =>
    limited({ bodyTimeoutMs: 200 }, async (plane, received) => {
      const { text, closed } = await talk(plane.port, `${POST}hello`, () => false);
      assert.match(text, /^HTTP\/1.1 408 .*E_REQUEST_TIMEOUT/s);
      assert.ok(closed);
      assert.match(received(), /hello$/);
      await empty(plane);
    }));

  it('a client that does not read its answer is given up', () =>
    limited({ sendTimeoutMs: 300 }, async (plane) => {
      const socket = connect(plane.port, 'GET /big HTTP/1.1\r\nHost: a\r\n\r\n');
      socket.pause();
      await waitFor(() => plane.app.openRequests() === 1, { what: 'the request to be open' });
      await empty(plane);
      socket.destroy();
    }));

  it('a client that closed its side is given up when there is no answer', () =>
    limited({ halfClosedMs: 300 }, async (plane) => {
      const { text, closed } = await talk(
        plane.port,
        'GET /hang HTTP/1.1\r\nHost: a\r\n\r\n',
        () => false,
        true,
      );
      assert.ok(text === '' && closed);
      await empty(plane);
    }));

  it('a client that went away with a reset is given up at once', () =>
    limited({}, async (plane) => {
      const socket = connect(plane.port, 'GET /hang HTTP/1.1\r\nHost: a\r\n\r\n');
      await waitFor(() => plane.app.openRequests() === 1, { what: 'the request to be open' });
      socket.resetAndDestroy();
      await empty(plane);
    }));

  it('connections beyond the limit are told so, those beyond twice as many are closed, and then there is room again', () =>
    limited({ maxConnections: 2, lingerMs: 300 }, async (plane) => {
      const kept = [1, 2].map(() => connect(plane.port, ''));
      await waitFor(() => plane.plane.clients.size === 2, { what: 'two connections' });
      const refused = [1, 2].map(() => connect(plane.port, ''));
      const texts = ['', ''];
      refused.forEach((socket, i) => {
        socket.on('data', (chunk) => {
          texts[i] = (texts[i] ?? '') + chunk;
        });
      });
      await waitFor(() => texts.every((text) => text.includes('E_TOO_MANY_CONNECTIONS')), {
        what: 'two refusals',
      });
      for (const socket of [...kept, ...refused]) socket.destroy();
      await waitFor(() => plane.plane.clients.size === 0, { what: 'room' });
      const { text } = await talk(plane.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', (t) => t.includes('R('));
      assert.match(text, /^HTTP\/1.1 200 /);
    }));

  it('a flood of connections takes no more than twice the limit', () =>
    limited({ maxConnections: 2 }, async (plane) => {
      const sockets = Array.from({ length: 50 }, () => connect(plane.port, ''));
      await waitFor(() => sockets.filter((socket) => socket.destroyed).length >= 46, {
        what: 'the others to be closed',
      });
      assert.ok(plane.plane.clients.size <= 4);
      for (const socket of sockets) socket.destroy();
    }));

  it('are as many connections as there are open files for', () => {
    const rows = (soft: string): string =>
      `Max processes 7 7 processes\nMax open files            ${soft}   4096   files\n`;
    assert.equal(connectionCap(rows('1024')), 384);
    assert.equal(connectionCap(rows('1048576')), 16_384);
    assert.equal(connectionCap(rows('unlimited')), 16_384);
    assert.equal(connectionCap(rows('64')), 1);
  });

  it('an answer before the end of its request is passed on, and ends both connections', () =>
    limited({ lingerMs: 200 }, async (plane) => {
      const early = 'POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome';
      const { text, closed } = await talk(plane.port, early, () => false);
      assert.match(text, /^HTTP\/1.1 413 .*\r\nConnection: close\r\n/s);
      assert.ok(closed);
      await empty(plane);
      const [target] = plane.app.allTargets();
      assert.equal(
        target?.takeIdle(true, performance.now()),
        undefined,
        'the rest of the request is still to come there',
      );
    }));

  it('a replica that does not answer is 504', () =>
    limited({}, async (plane) => {
      const backend = await startRawBackend();
      try {
        const front = { upstreamTimeoutMs: 200 };
        plane.install(tableOf({ members: { only: [backend.address] }, front, generation: 2 }));
        const { text } = await talk(plane.port, 'GET /hang HTTP/1.1\r\nHost: a\r\n\r\n', (t) =>
          t.includes('504'),
        );
        assert.match(text, /^HTTP\/1.1 504 /);
      } finally {
        backend.close();
      }
    }));
});

it('a request that came while the process could not run is answered, however late it is read', () =>
  limited({ idleTimeoutMs: 300 }, async ({ plane, port }) => {
    const socket = connect(port, '');
    await waitFor(() => plane.clients.size === 1, { what: 'the connection' });
    // In a callback of the loop's own, after which timers come before sockets: the request is on its way before this process
    // stands still for longer than the connection may be idle.
    stat('/', () => {
      socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      const until = performance.now() + 1000;
      while (performance.now() < until);
    });
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    await waitFor(() => socket.closed, { what: 'the end' });
    assert.match(text, /^HTTP\/1.1 200 /);
  }));
