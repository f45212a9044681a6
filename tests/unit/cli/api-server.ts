import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';

export interface Received {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: unknown;
}

export type Handler = (received: Received, response: ServerResponse) => void | Promise<void>;

export interface ApiServer {
  stateDir: string;
  socketPath: string;
  received: Received[];
  /** Closes the socket and every connection, as a daemon that is killed does. */
  kill(): Promise<void>;
}

export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'cf-cli-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A real HTTP server on the Unix socket of a state dir of its own. */
export async function apiServer(
  t: TestContext,
  handler: Handler,
  stateDir = temporaryFolder(t),
): Promise<ApiServer> {
  const socketPath = path.join(stateDir, 'daemon.sock');
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const raw = await text(request);
    const one = {
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body: raw === '' ? undefined : JSON.parse(raw),
    };
    received.push(one);
    await handler(one, response);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const kill = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  t.after(kill);
  return { stateDir, socketPath, received, kill };
}

export function answer(response: ServerResponse, status: number, body?: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body === undefined ? '' : JSON.stringify(body));
}
