/** Marked requests through the App's own listener: what a user would get, counted apart. */
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import type { Ms, RouteTable } from '../../../core/model.ts';

const CONCURRENCY = 8;
const TIMEOUT_MS: Ms = 30_000;

/** Resolves with how many of `requests` a replica answered; at once when the signal says that nobody wants to know. */
export async function probe(
  table: RouteTable,
  token: string,
  requests: number,
  signal: AbortSignal,
): Promise<number> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONCURRENCY });
  let left = requests;
  let answered = 0;
  const one = async (): Promise<void> => {
    while (left-- > 0 && !signal.aborted) if (await send(table, token, agent)) answered++;
  };
  const cancel = () => agent.destroy();
  signal.addEventListener('abort', cancel);
  try {
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, requests) }, one));
  } finally {
    signal.removeEventListener('abort', cancel);
    agent.destroy();
  }
  return answered;
}

function send(table: RouteTable, token: string, agent: http.Agent): Promise<boolean> {
  const { listen, host } = table.front;
  return new Promise((resolve) => {
    const request = http.get({
      agent,
      host: reachable(listen.host),
      port: listen.port,
      path: '/',
      timeout: TIMEOUT_MS,
      headers: {
        host: host ?? `${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${listen.port}`,
        'user-agent': 'crossfade-probe',
        'x-crossfade-probe': token,
        ...userOf(table),
      },
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
    request.on('response', (response) => {
      response.resume();
      response.on('close', () =>
        resolve(response.complete && response.headers['x-crossfade-error'] === undefined),
      );
    });
  });
}

/** A split by user is measured with users, a new one each time. */
function userOf(table: RouteTable): Record<string, string> {
  const by = table.route.sticky?.by;
  if (by === undefined) return {};
  return by.kind === 'header' ? { [by.name]: randomUUID() } : { cookie: `${by.name}=${randomUUID()}` };
}

/** Where a listener on all addresses is reached from here. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
