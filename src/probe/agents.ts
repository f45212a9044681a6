import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import type { ConnectionKind } from './types.ts';

export interface Agents {
  of(kind: ConnectionKind): http.Agent;
  close(): void;
}

/** Connection pools of the probe's own: nothing is shared with the program around it, and nothing is retried. */
export function createAgents(url: URL, concurrency: number): Agents {
  const { Agent } = url.protocol === 'https:' ? https : http;
  const lookup = isLocalName(url.hostname) ? { lookup: loopback } : {};
  const kept = new Agent({
    keepAlive: true,
    maxSockets: concurrency,
    maxFreeSockets: concurrency,
    ...lookup,
  });
  const fresh = new Agent({ keepAlive: false, maxSockets: concurrency, ...lookup });
  return {
    of: (kind) => (kind === 'kept' ? kept : fresh),
    close() {
      kept.destroy();
      fresh.destroy();
    },
  };
}

const isLocalName = (hostname: string) => hostname === 'localhost' || hostname.endsWith('.localhost');

// RFC 6761 says what these names mean; not every resolver knows (Debian's plain glibc does not know shop.localhost).
const loopback: LookupFunction = (_hostname, options, done) => {
  const addresses = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  if (options.all === true) done(null, addresses);
  else done(null, '127.0.0.1', 4);
};
