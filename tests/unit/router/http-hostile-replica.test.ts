import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { describe, it } from 'node:test';
import { waitFor } from '../../support/wait-for.ts';
import { startPlane } from './support/plane.ts';
import { tableOf } from './support/tables.ts';

const CLIENTS = 12;
const REQUESTS_EACH = 60;
const POISON = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison';

/** How a replica answers request n, and what it does to the connection. The body of a right answer is its number. */
const WAYS: ((socket: net.Socket, body: string) => void)[] = [
  (socket, body) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`),
  (socket, body) => socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(body)}`),
  (socket) => socket.destroy(),
  (socket) => socket.resetAndDestroy(),
  (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Le'),
  (socket, body) => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length + 5}\r\n\r\n${body}`),
  (socket, body) => {
    socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n${body}`, () =>
      socket.resetAndDestroy(),
    );
  },
  (socket, body) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}${POISON}`),
  (socket, body) =>
    socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(body)}${POISON}`),
  (socket) => socket.write('\0\0\0 not HTTP at all\r\n\r\n'),
  (socket) => socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`),
  (socket, body) => socket.end(`HTTP/1.1 200 OK\r\n\r\n${body}`),
  (socket, body) =>
    socket.write(
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    ),
  (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc'),
  (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
  (socket) => socket.write('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n'),
];

const chunked = (body: string): string => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

/** Answers as soon as it has seen a head, whether or not the body of the request is there. */
async function startHostile(): Promise<{ address: string; close(): void }> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      const path = /^(?:GET|POST) \/(\d+) /.exec(chunk.toString('latin1'))?.[1];
      if (path !== undefined) WAYS[Number(path) % WAYS.length]?.(socket, `n${path}`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

interface Outcome {
  number: number;
  /** Undefined: the connection broke before the answer was complete. */
  answer?: { status: number; body: string; own: boolean };
}

function ask(port: number, agent: http.Agent, number: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const method = number % 3 === 0 ? 'POST' : 'GET';
    const request = http.request({ port, host: '127.0.0.1', path: `/${number}`, method, agent });
    request.on('error', () => resolve({ number }));
    request.on('response', (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString('latin1');
      });
      response.on('error', () => resolve({ number }));
      response.on('end', () => {
        const own = response.headers['x-crossfade-error'] !== undefined;
        resolve({ number, answer: { status: response.statusCode ?? 0, body, own } });
      });
    });
    request.end(method === 'POST' ? 'a body'.repeat(1000) : undefined);
  });
}

describe('replicas that do what they like', { timeout: 60_000 }, () => {
  for (const transport of ['onread', 'stream'] as const) {
    it(`never answer one request with what belongs to another, over ${transport}`, async () => {
      const backends = await Promise.all([startHostile(), startHostile()]);
      const plane = await startPlane({ transport });
      const agent = new http.Agent({ keepAlive: true, maxSockets: CLIENTS });
      try {
        plane.install(tableOf({ members: { only: backends.map(({ address }) => address) } }));
        const outcomes: Outcome[] = [];
        const client = async (first: number): Promise<void> => {
          for (let i = 0; i < REQUESTS_EACH; i++)
            outcomes.push(await ask(plane.port, agent, first + i * CLIENTS));
        };
        await Promise.all(Array.from({ length: CLIENTS }, (_, k) => client(k)));
        for (const { number, answer } of outcomes) {
          if (answer === undefined || answer.own) continue;
          const right = answer.status === 204 ? '' : `n${number}`;
          assert.equal(answer.body, right, `request ${number}, way ${number % WAYS.length}`);
        }
        const good = outcomes.filter(({ answer }) => answer?.status === 200);
        assert.ok(good.length > outcomes.length / 5, `${good.length} of ${outcomes.length} were answered`);
        await waitFor(() => plane.app.openRequests() === 0, { what: 'nothing to be open' });
        assert.deepEqual(plane.errors, []);
      } finally {
        agent.destroy();
        plane.close();
        for (const backend of backends) backend.close();
      }
    });
  }
});
