import { chmodSync, lstatSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import { OperatingError } from '../core/errors.ts';
import type { ApiBindings, ApiEnv } from './access.ts';
import type { Peer } from './deps.ts';
import { errorBody, statusOf } from './errors.ts';
import { admit } from './guard.ts';
import type { TokenStore } from './tokens.ts';

export interface ApiListener {
  /** `unix:<path>` or `http://host:port`. */
  readonly address: string;
  /** Takes no more connections, ends streams, and lets other requests finish for up to `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

export type Api = Hono<ApiEnv>;

/** Linux allows 107 bytes and Node would cut the rest off silently. */
const LONGEST_SOCKET_PATH = 107;
const CLOSE_GRACE_MS = 5_000;

/**
 * Serves the API on a Unix socket that only its owner may open.
 * @throws OperatingError E_DAEMON_RUNNING, E_SOCKET_PATH
 */
export async function listenUnix(api: Api, socketPath: string): Promise<ApiListener> {
  if (Buffer.byteLength(socketPath) > LONGEST_SOCKET_PATH) {
    throw new OperatingError(
      'E_SOCKET_PATH',
      `The socket path ${socketPath} is longer than ${LONGEST_SOCKET_PATH} bytes.`,
      {
        hint: 'Choose a shorter --state-dir.',
      },
    );
  }
  await removeStaleSocket(socketPath);
  const { server, close } = serve(api, () => ({ kind: 'unix' }));
  await listening(server, () => listenPrivately(server, socketPath), socketPath);
  chmodSync(socketPath, 0o600);
  return { address: `unix:${socketPath}`, close };
}

/** The socket is made with its mode: a chmod afterwards would leave a moment in which anyone may connect. */
function listenPrivately(server: Server, socketPath: string): void {
  const umask = process.umask(0o177);
  try {
    server.listen(socketPath);
  } finally {
    process.umask(umask);
  }
}

export interface TcpOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  tokens: TokenStore;
  /** Further names for the Host header, beside `host` and the names of loopback. */
  allowedHosts?: readonly string[];
}

/** Serves the API on TCP: every request needs a token, a known Host and no foreign Origin. @throws OperatingError E_PORT_TAKEN */
export async function listenTcp(api: Api, options: TcpOptions): Promise<ApiListener & { port: number }> {
  const { host, tokens } = options;
  const names = ['localhost', '127.0.0.1', '::1', host, ...(options.allowedHosts ?? [])];
  const allowedHosts = new Set(names.map((name) => name.toLowerCase()));
  const guard = { tokens, allowedHosts, anyAddress: host === '0.0.0.0' || host === '::' };
  const { server, close } = serve(api, (request) => admit(request.headers, guard));
  await listening(server, () => server.listen(options.port, host), `${host}:${options.port}`);
  const { port } = server.address() as AddressInfo;
  return { address: `http://${host.includes(':') ? `[${host}]` : host}:${port}`, port, close };
}

function serve(
  api: Api,
  peerOf: (request: Request) => Peer,
): { server: Server; close: ApiListener['close'] } {
  const closing = new AbortController();
  const fetch = (request: Request, node: HttpBindings): Response | Promise<Response> => {
    try {
      const peer = peerOf(request);
      const ends = peer.kind === 'tcp' ? AbortSignal.any([closing.signal, peer.ended]) : closing.signal;
      const bindings: ApiBindings = { ...node, peer, closing: ends };
      return api.fetch(request, bindings);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      const challenge = error.code === 'E_UNAUTHORIZED' ? { 'www-authenticate': 'Bearer' } : {};
      // Closed, so that nobody without a token can go on sending a body that is never read.
      const headers = { connection: 'close', ...challenge };
      return Response.json(errorBody(error), { status: statusOf(error), headers });
    }
  };
  const server = createAdaptorServer({
    fetch: fetch as Parameters<typeof createAdaptorServer>[0]['fetch'],
  }) as Server;
  return { server, close: (graceMs = CLOSE_GRACE_MS) => closeServer(server, closing, graceMs) };
}

async function closeServer(server: Server, closing: AbortController, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  closing.abort();
  // A connection whose answer ends from now on becomes idle, and would be kept alive for seconds.
  const sweep = setInterval(() => server.closeIdleConnections(), 20);
  const hurry = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(hurry);
}

function listening(server: Server, listen: () => void, where: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? taken(where) : error),
    );
    server.once('listening', resolve);
    listen();
  });
}

function taken(where: string): OperatingError {
  return new OperatingError('E_PORT_TAKEN', `${where} is taken by another program.`, {
    hint: 'Stop it, or let the API listen elsewhere.',
    details: { where },
  });
}

/** A socket file outlives a killed daemon; it is removed only when nobody answers on it. */
async function removeStaleSocket(socketPath: string): Promise<void> {
  const found = lstatSync(socketPath, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) {
    throw new OperatingError('E_SOCKET_PATH', `${socketPath} is in the way: it is no socket.`, {
      hint: 'Move it away, or choose another --state-dir.',
    });
  }
  if (await somebodyAnswers(socketPath)) {
    throw new OperatingError('E_DAEMON_RUNNING', `Another crossfade daemon answers on ${socketPath}.`, {
      hint: 'Use that one, or stop it with `crossfade daemon stop`.',
    });
  }
  rmSync(socketPath, { force: true });
}

function somebodyAnswers(socketPath: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(error);
    });
  });
}
