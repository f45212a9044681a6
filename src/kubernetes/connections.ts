import type https from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import { Agent, type Dispatcher, ProxyAgent, Socks5ProxyAgent } from 'undici';

export interface Connections {
  for(options: https.RequestOptions): Dispatcher;
  close(): Promise<void>;
}

/** One pool of connections for as long as the credentials stay: the library would open a connection per request. */
export function createConnections(proxyUrl?: string): Connections {
  let current: { tls: Tls; agent: Dispatcher } | undefined;
  return {
    for(options) {
      const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } =
        options as https.AgentOptions;
      const given = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
      const tls = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      if (current && isDeepStrictEqual(current.tls, tls)) return current.agent;
      // Requests under way finish on the old one.
      void current?.agent.close();
      current = { tls, agent: agentFor(tls, proxyUrl) };
      return current.agent;
    },
    close: async () => current?.agent.destroy(),
  };
}

type Tls = Record<string, unknown>;

/** Watches hold one each, a dozen in all; the rest is for what is under way at once. */
const MOST_CONNECTIONS = 128;

function agentFor(tls: Tls, proxyUrl: string | undefined): Dispatcher {
  const connect = { ...tls, timeout: 10_000, keepAlive: true, keepAliveInitialDelay: 30_000 };
  // A watch is silent for as long as nothing happens: its own time limit is in the request.
  // HTTP/1.1: a stream of HTTP/2 that was given up a moment before its connection is destroyed throws an error that nobody
  // can listen to, and ends the process (seen with undici 8.12).
  const limits = { headersTimeout: 60_000, bodyTimeout: 0, allowH2: false, connections: MOST_CONNECTIONS };
  if (proxyUrl === undefined) return new Agent({ connect, ...limits });
  if (proxyUrl.startsWith('socks'))
    return new Socks5ProxyAgent(proxyUrl, { requestTls: tls, ...limits } as object);
  return new ProxyAgent({ uri: proxyUrl, requestTls: tls, ...limits });
}
