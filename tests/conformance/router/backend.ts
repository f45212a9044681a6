import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { freePort } from '../../support/free-port.ts';

/**
 * A replica: answers with its name. Paths that do more: /slow waits for release(), /hang never answers, /die breaks off,
 * /500 fails, /stream sends a piece per release(), /echo returns the body, /header?NAME returns a request header,
 * and an upgrade gives a WebSocket that echoes.
 */
export interface Backend {
  name: string;
  address: string;
  /** Requests that arrived, by path. */
  arrived: Map<string, number>;
  /** Lets one waiting /slow request end, or one piece of /stream go out. */
  release(): void;
  openConnections(): number;
  close(): Promise<void>;
}

export async function startBackend(name: string): Promise<Backend> {
  const arrived = new Map<string, number>();
  const gates: (() => void)[] = [];
  const server = http.createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    arrived.set(path, (arrived.get(path) ?? 0) + 1);
    serve(name, path, request, response, gates);
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket: WebSocket) => {
    arrived.set('ws', (arrived.get('ws') ?? 0) + 1);
    socket.on('message', (data) => socket.send(`${name}: ${String(data)}`));
    socket.on('error', () => {});
  });
  const connections = new Set<net.Socket>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
  });
  server.listen(await freePort(), '127.0.0.1');
  await once(server, 'listening');
  return {
    name,
    address: `127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    arrived,
    release: () => gates.shift()?.(),
    openConnections: () => connections.size,
    close: async () => {
      sockets.close();
      for (const client of sockets.clients) client.terminate();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}

type Gates = (() => void)[];

function serve(
  name: string,
  path: string,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  gates: Gates,
): void {
  switch (path) {
    case '/slow':
      gates.push(() => text(response, name));
      return;
    case '/hang':
      return;
    case '/die':
      request.socket.destroy();
      return;
    case '/500':
      response.statusCode = 500;
      text(response, name);
      return;
    case '/stream':
      response.write('first\n');
      gates.push(() => {
        response.write('second\n');
        gates.push(() => response.end('third\n'));
      });
      return;
    case '/echo':
      collect(request).then(
        (body) => text(response, body),
        () => {},
      );
      return;
    case '/header':
      text(response, String(request.headers[(request.url ?? '').split('?')[1] ?? ''] ?? 'none'));
      return;
    default:
      text(response, name);
  }
}

function text(response: http.ServerResponse, body: string): void {
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(body);
}

async function collect(request: http.IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

/** An address where nobody listens. */
export async function deadAddress(): Promise<string> {
  return `127.0.0.1:${await freePort()}`;
}

/** Somebody else's listener. */
export async function occupy(port: number): Promise<net.Server> {
  const server = net.createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
