import crypto from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A replica that speaks HTTP byte by byte, keeps what it was sent, and misbehaves by path. */
export interface RawBackend {
  address: string;
  /** All bytes that were received, as latin1. */
  received(): string;
  close(): void;
}

export const BIG_BYTES = 20_000_000;

export async function startRawBackend(): Promise<RawBackend> {
  const seen: string[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    serve(socket, seen);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    received: () => seen.join(''),
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

interface RequestSeen {
  head: string;
  path: string;
  body: string;
}

function serve(socket: net.Socket, seen: string[]): void {
  let buffer = '';
  let tunnel = false;
  socket.on('data', (chunk) => {
    const text = chunk.toString('latin1');
    seen.push(text);
    if (tunnel) {
      socket.write(`E:${text}`);
      return;
    }
    buffer += text;
    if (buffer.startsWith('POST /early '))
      socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n');
    for (let next = takeRequest(buffer); next !== undefined; next = takeRequest(buffer)) {
      buffer = next.rest;
      tunnel = next.request.path === '/ws';
      answer(socket, next.request);
    }
  });
}

function takeRequest(buffer: string): { request: RequestSeen; rest: string } | undefined {
  const headEnd = buffer.indexOf('\r\n\r\n') + 4;
  if (headEnd === 3) return undefined;
  const head = buffer.slice(0, headEnd);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  let end = headEnd + Number(length ?? 0);
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
    const last = buffer.indexOf('0\r\n\r\n', headEnd);
    if (last < 0) return undefined;
    end = last + 5;
  }
  if (buffer.length < end) return undefined;
  const request = { head, path: head.split(' ')[1] ?? '', body: buffer.slice(headEnd, end) };
  return { request, rest: buffer.slice(end) };
}

const CANNED: Record<string, string[]> = {
  '/ws': ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'],
  '/nocontent': ['HTTP/1.1 204 No Content\r\n\r\n'],
  '/both': ['HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  '/excess': [
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison',
  ],
  '/lies': [
    'HTTP/1.1 200 OK\r\nx-crossfade-revision: forged\r\nX-Crossfade-Error: forged\r\nContent-Length: 2\r\n\r\nok',
  ],
  '/hints': [
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  ],
  '/announces': ['HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(20_000)],
  '/garbage': ['SSH-2.0-OpenSSH_9.2\r\n'],
  '/chunk': [
    'HTTP/1.1 200 OK\r\nTransfer-Enc',
    'oding: chunked\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n5\r\nhel',
    'lo\r\n1',
    '0;x=y\r\n0123456789abcdef\r\n0\r\nTr: 1\r\n\r\n',
  ],
  '/badchunk': ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n', 'zz\r\n'],
};

function answer(socket: net.Socket, { head, path, body }: RequestSeen): void {
  const canned = CANNED[path];
  if (canned !== undefined) {
    void writeApart(socket, canned);
    return;
  }
  if (path === '/close') {
    socket.end('HTTP/1.0 200 OK\r\n\r\nuntil close');
    return;
  }
  if (path === '/die') {
    socket.destroy();
    return;
  }
  if (path === '/hang') return;
  if (path === '/cont') socket.write('HTTP/1.1 100 Continue\r\n\r\n');
  if (path === '/big') {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BIG_BYTES}\r\n\r\n`);
    socket.write(Buffer.alloc(BIG_BYTES, 97));
    return;
  }
  if (head.startsWith('HEAD')) {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n');
    return;
  }
  const text = `R(${body.length})${path}|${crypto.createHash('md5').update(body, 'latin1').digest('hex')}`;
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
}

/** Apart in time, so that they mostly arrive apart. */
async function writeApart(socket: net.Socket, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece, 'latin1');
    await sleep(15);
  }
}
