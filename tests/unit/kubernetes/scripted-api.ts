import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { openAccess } from '../../../src/kubernetes/access.ts';
import { createKube, type Kube } from '../../../src/kubernetes/client.ts';
import { type Cleanup, tempDir } from '../../support/temp-dir.ts';

export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: http.IncomingHttpHeaders;
  body: unknown;
}

export type Answer = (asked: Asked, response: http.ServerResponse) => void;

/** A server that answers as an API server may, at the moments that a test chooses; a real one cannot be made to. */
export interface ScriptedApi {
  kube: Kube;
  asked: Asked[];
  kubeconfig: string;
}

export async function scriptedApi(t: Cleanup, answer: Answer): Promise<ScriptedApi> {
  const asked: Asked[] = [];
  const server = http.createServer((request, response) => {
    void read(request).then((text) => {
      const url = new URL(request.url ?? '/', 'http://api');
      const one = {
        method: request.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body: text === '' ? undefined : JSON.parse(text),
      };
      asked.push(one);
      answer(one, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const kubeconfig = path.join(await tempDir(t), 'config');
  await writeFile(kubeconfig, configFor(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  const kube = createKube(await openAccess({ kubeconfig }));
  t.after(async () => {
    await kube.close();
    server.closeAllConnections();
    server.close();
  });
  return { kube, asked, kubeconfig };
}

async function read(request: http.IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

function configFor(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'here', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'me', user: { token: 'letmein' } }],
    contexts: [
      { name: 'one', context: { cluster: 'here', user: 'me', namespace: 'shop' } },
      { name: 'two', context: { cluster: 'here', user: 'me' } },
    ],
    'current-context': 'one',
  });
}

export function send(response: http.ServerResponse, status: number, body: object, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** One line of a watch. */
export function tell(response: http.ServerResponse, type: string, object: object): void {
  response.write(`${JSON.stringify({ type, object })}\n`);
}
