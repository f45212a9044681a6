import { readFileSync } from 'node:fs';
import type https from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, ProxyAgent, Socks5ProxyAgent } from 'undici';
import { OperatingError } from '../core/errors.ts';

export interface AccessOptions {
  /** Absent: as kubectl finds it ($KUBECONFIG, ~/.kube/config, the service account of the pod). */
  kubeconfig?: string;
  /** Absent: the current context. */
  context?: string;
}

/** How to reach one API server, and as whom. */
export interface Access {
  server: string;
  /** Of the context, or of the pod that this runs in. */
  namespace: string;
  /** Asked anew for each request: tokens run out. */
  authorize(): Promise<{ dispatcher: Dispatcher; headers: Record<string, string> }>;
  close(): Promise<void>;
}

const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** @throws OperatingError E_KUBECONFIG */
export function openAccess(options: AccessOptions = {}): Access {
  const config = load(options);
  const cluster = config.getCurrentCluster();
  if (!cluster) throw invalid(`context ${config.currentContext} names no cluster`);
  const connections = createConnections(cluster.proxyUrl);
  return {
    server: cluster.server.replace(/\/$/, ''),
    namespace: config.getContextObject(config.currentContext)?.namespace ?? namespaceOfPod(),
    async authorize() {
      const asked: https.RequestOptions = {};
      try {
        await config.applyToHTTPSOptions(asked);
      } catch (error) {
        throw invalid(`no credentials for ${cluster.server}: ${(error as Error).message}`, error);
      }
      const headers = Object.fromEntries(
        Object.entries(asked.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]),
      );
      if (typeof asked.auth === 'string')
        headers.authorization = `Basic ${Buffer.from(asked.auth).toString('base64')}`;
      return { dispatcher: connections.for(asked), headers };
    },
    close: () => connections.close(),
  };
}

function load({ kubeconfig, context }: AccessOptions): KubeConfig {
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    throw invalid(`the kubeconfig ${kubeconfig ?? ''} cannot be read: ${(error as Error).message}`, error);
  }
  if (context === undefined) return config;
  if (!config.getContextObject(context)) {
    const names = config.getContexts().map(({ name }) => name);
    throw invalid(`there is no context ${context} in the kubeconfig; there are: ${names.join(', ')}`);
  }
  config.setCurrentContext(context);
  return config;
}

function invalid(message: string, cause?: unknown): OperatingError {
  return new OperatingError('E_KUBECONFIG', message, {
    hint: 'name another with --kubeconfig or --context, or see `kubectl config view`',
    ...(cause === undefined ? {} : { cause }),
  });
}

function namespaceOfPod(): string {
  try {
    return readFileSync(NAMESPACE_FILE, 'utf8').trim();
  } catch {
    return 'default';
  }
}

interface Connections {
  for(options: https.RequestOptions): Dispatcher;
  close(): Promise<void>;
}

/** One pool of connections for as long as the credentials stay: the library would open a connection per request. */
function createConnections(proxyUrl: string | undefined): Connections {
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
