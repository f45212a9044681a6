import { setTimeout as sleep } from 'node:timers/promises';
import { OperatingError } from '../core/errors.ts';
import { lines, type ServerSentEvent, serverSentEvents } from './streams.ts';
import { type ClientOptions, type ClientTarget, createTransport, type Transport } from './transport.ts';
import type {
  ApplyRequest,
  ApplyResponse,
  AppView,
  AuditView,
  CommandRequest,
  CommandResponse,
  EnvRequest,
  EventView,
  HealthView,
  ImageRequest,
  ListView,
  LogLineView,
  PlanView,
  ReleaseView,
  ReplicaView,
  RevisionView,
  Role,
  ScaleRequest,
  SecretView,
  TokenCreated,
  TokenView,
  VersionView,
} from './types.ts';

export interface AppRef {
  namespace: string;
  name: string;
}

export interface LogsQuery {
  replica?: string;
  revision?: string;
  tail?: number;
  follow?: boolean;
  signal?: AbortSignal;
}

export interface WatchQuery {
  namespace?: string;
  app?: string;
  /** Only events after this id. */
  after?: number;
  signal?: AbortSignal;
  /** How long to try again while the daemon is gone, before E_DAEMON_GONE. Default 30 s. */
  reconnectForMs?: number;
}

export type WatchItem = { kind: 'event'; event: EventView } | { kind: 'app'; app: AppView };

/** The API, one method per route. Every method throws OperatingError. */
export interface Client {
  health(): Promise<HealthView>;
  version(): Promise<VersionView>;
  /** Of one namespace, or of all. */
  apps(namespace?: string): Promise<AppView[]>;
  app(ref: AppRef): Promise<AppView>;
  apply(ref: AppRef, request: ApplyRequest): Promise<ApplyResponse>;
  remove(ref: AppRef, reason?: string): Promise<void>;
  command(ref: AppRef, request: CommandRequest): Promise<CommandResponse>;
  scale(ref: AppRef, request: ScaleRequest): Promise<ApplyResponse>;
  setEnv(ref: AppRef, request: EnvRequest): Promise<ApplyResponse>;
  setImage(ref: AppRef, request: ImageRequest): Promise<ApplyResponse>;
  plan(ref: AppRef, request: ApplyRequest): Promise<PlanView>;
  revisions(ref: AppRef): Promise<RevisionView[]>;
  releases(ref: AppRef): Promise<ReleaseView[]>;
  replicas(ref: AppRef): Promise<ReplicaView[]>;
  events(ref: AppRef, query?: { after?: number; limit?: number }): Promise<EventView[]>;
  logs(ref: AppRef, query?: LogsQuery): AsyncIterable<LogLineView>;
  /** Reconnects by itself and loses no event; ends only when the signal says so. */
  watch(query?: WatchQuery): AsyncIterable<WatchItem>;
  secrets(namespace: string): Promise<SecretView[]>;
  putSecret(namespace: string, name: string, value: string): Promise<SecretView>;
  removeSecret(namespace: string, name: string): Promise<void>;
  audit(query?: { namespace?: string; app?: string; limit?: number }): Promise<AuditView[]>;
  /** With `replicas` once what it runs has stopped; `left` is what has not (absent: an older daemon, which does not tell). */
  stopDaemon(request: { replicas: boolean }): Promise<{ left?: string[] }>;
  tokens(): Promise<TokenView[]>;
  createToken(request: { user: string; role: Role; expiresInMs?: number }): Promise<TokenCreated>;
  revokeToken(id: string): Promise<void>;
  close(): Promise<void>;
}

export function createClient(target: ClientTarget, options: ClientOptions): Client {
  return clientOn(createTransport(target, options));
}

export function clientOn(http: Transport): Client {
  return {
    health: () => http.call('GET', '/healthz'),
    version: () => http.call('GET', '/v1/version'),
    close: () => http.close(),
    watch: (query = {}) => watch(http, query),
    audit: async (query = {}) => items(await http.call('GET', '/v1/audit', { query })),
    stopDaemon: (body) => http.call('POST', '/v1/daemon/stop', { body }),
    tokens: async () => items(await http.call('GET', '/v1/tokens')),
    createToken: (body) => http.call('POST', '/v1/tokens', { body }),
    revokeToken: (id) => http.call('DELETE', `/v1/tokens/${encodeURIComponent(id)}`),
    secrets: async (namespace) => items(await http.call('GET', secretPath(namespace))),
    putSecret: (namespace, name, value) => http.call('PUT', secretPath(namespace, name), { body: { value } }),
    removeSecret: (namespace, name) => http.call('DELETE', secretPath(namespace, name)),
    ...appMethods(http),
  };
}

type AppMethods = Pick<
  Client,
  | 'apps'
  | 'app'
  | 'apply'
  | 'remove'
  | 'command'
  | 'scale'
  | 'setEnv'
  | 'setImage'
  | 'plan'
  | 'revisions'
  | 'releases'
  | 'replicas'
  | 'events'
  | 'logs'
>;

function appMethods(http: Transport): AppMethods {
  return {
    apps: async (namespace) =>
      items(
        await http.call(
          'GET',
          namespace === undefined ? '/v1/apps' : `/v1/namespaces/${encodeURIComponent(namespace)}/apps`,
        ),
      ),
    app: (ref) => http.call('GET', appPath(ref)),
    apply: (ref, body) => http.call('PUT', appPath(ref), { body, reason: body.reason }),
    remove: (ref, reason) => http.call('DELETE', appPath(ref), { reason }),
    command: (ref, body) => http.call('POST', `${appPath(ref)}/commands`, { body, reason: body.reason }),
    scale: (ref, { reason, ...body }) => http.call('POST', `${appPath(ref)}/scale`, { body, reason }),
    setEnv: (ref, { reason, ...body }) => http.call('POST', `${appPath(ref)}/env`, { body, reason }),
    setImage: (ref, { reason, ...body }) => http.call('POST', `${appPath(ref)}/image`, { body, reason }),
    plan: (ref, body) => http.call('POST', `${appPath(ref)}/plan`, { body }),
    revisions: async (ref) => items(await http.call('GET', `${appPath(ref)}/revisions`)),
    releases: async (ref) => items(await http.call('GET', `${appPath(ref)}/releases`)),
    replicas: async (ref) => items(await http.call('GET', `${appPath(ref)}/replicas`)),
    events: async (ref, query = {}) => items(await http.call('GET', `${appPath(ref)}/events`, { query })),
    logs: (ref, query = {}) => logs(http, ref, query),
  };
}

function appPath(ref: AppRef): string {
  return `/v1/namespaces/${encodeURIComponent(ref.namespace)}/apps/${encodeURIComponent(ref.name)}`;
}

function secretPath(namespace: string, name?: string): string {
  const all = `/v1/namespaces/${encodeURIComponent(namespace)}/secrets`;
  return name === undefined ? all : `${all}/${encodeURIComponent(name)}`;
}

/** A list answer, with or without the envelope. */
function items<T>(body: ListView<T> | T[]): T[] {
  return Array.isArray(body) ? body : body.items;
}

async function* logs(http: Transport, ref: AppRef, query: LogsQuery): AsyncIterable<LogLineView> {
  const { signal, ...rest } = query;
  try {
    const chunks = await http.open(`${appPath(ref)}/logs`, { query: { ...rest }, signal });
    for await (const line of lines(chunks)) {
      if (line !== '') yield JSON.parse(line) as LogLineView;
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}

const RECONNECT_FOR_MS = 30_000;
const RECONNECT_PAUSE_MS = 200;

async function* watch(http: Transport, query: WatchQuery): AsyncIterable<WatchItem> {
  const { signal, reconnectForMs = RECONNECT_FOR_MS, after, ...filter } = query;
  let lastId = after;
  let goneSinceMs: number | undefined;
  while (!signal?.aborted) {
    try {
      const chunks = await http.open('/v1/watch', {
        query: { ...filter, after: lastId },
        signal,
        headers: {
          accept: 'text/event-stream',
          ...(lastId === undefined ? {} : { 'last-event-id': String(lastId) }),
        },
      });
      for await (const sent of serverSentEvents(chunks)) {
        goneSinceMs = undefined;
        const item = watchItem(sent);
        if (item?.kind === 'event') lastId = item.event.id;
        if (item !== undefined) yield item;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (!worthReconnecting(error)) throw error;
    }
    goneSinceMs ??= performance.now();
    if (performance.now() - goneSinceMs > reconnectForMs) throw goneFor(reconnectForMs);
    await sleep(RECONNECT_PAUSE_MS, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}

function watchItem(sent: ServerSentEvent): WatchItem | undefined {
  if (sent.event === 'event') return { kind: 'event', event: JSON.parse(sent.data) as EventView };
  if (sent.event === 'app') return { kind: 'app', app: JSON.parse(sent.data) as AppView };
  return undefined;
}

function worthReconnecting(error: unknown): boolean {
  return (
    error instanceof OperatingError &&
    (error.code === 'E_DAEMON_GONE' || error.code === 'E_DAEMON_UNREACHABLE')
  );
}

function goneFor(reconnectForMs: number): OperatingError {
  return new OperatingError('E_DAEMON_GONE', `the daemon has been gone for ${reconnectForMs / 1000} s`, {
    hint: 'what runs goes on running; start the daemon with any command, for example: crossfade status',
  });
}
