import { request } from 'node:http';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { type Client, createClient } from '../../../src/api/client.ts';
import { OperatingError } from '../../../src/core/errors.ts';
import type { AppKey, CommandResult, Known, RunSpec } from '../../../src/core/model.ts';
import type { Engine, LogLine, LogQuery } from '../../../src/ports/engine.ts';
import type { Router } from '../../../src/ports/router.ts';
import type { Store } from '../../../src/ports/store.ts';
import { createApi } from '../../../src/server/api.ts';
import type { ApiDeps, ObservedApp } from '../../../src/server/deps.ts';
import { type Api, type ApiListener, listenUnix } from '../../../src/server/listen.ts';
import { createTokenStore, type TokenStore } from '../../../src/server/tokens.ts';
import type { AppSpec } from '../../../src/spec/app.ts';
import { createMemoryStore } from '../../../src/store/memory/index.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** The API on a real socket, over a real store; behind it an engine and a router that only answer. */
export interface Harness {
  api: Api;
  client: Client;
  socketPath: string;
  listener: ApiListener;
  store: Store;
  tokens: TokenStore;
  /** What the daemon was asked to do besides: poke, stop. */
  asked: string[];
  logged: string[];
  secrets: Map<string, string>;
  engine: {
    content: string;
    prepared: boolean[];
    lines: LogLine[];
    logQueries: LogQuery[];
    fail?: OperatingError;
  };
  router: { checked: string[]; taken: Set<number> };
  /** How the controller answers commands; undefined: not in time. */
  answer: CommandResult['result'] | undefined;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answered>;
}

interface Answered {
  status: number;
  body: unknown;
  text: string;
}

export async function startApi(t: TestContext): Promise<Harness> {
  const stateDir = await tempDir(t);
  const store = createMemoryStore();
  const tokens = createTokenStore(stateDir);
  const harness = {
    store,
    tokens,
    asked: [],
    logged: [],
    secrets: new Map(),
    engine: { content: 'v1', prepared: [], lines: [], logQueries: [] },
    router: { checked: [], taken: new Set() },
    answer: { kind: 'done', message: 'promoted' },
  } as unknown as Harness;
  const api = createApi(depsOf(harness, stateDir));
  const socketPath = path.join(stateDir, 'daemon.sock');
  const listener = await listenUnix(api, socketPath);
  const client = createClient({ socketPath }, { actor: 'ann' });
  t.after(async () => {
    await client.close();
    await listener.close(0);
    await store.close();
  });
  const call = callOver(socketPath);
  return Object.assign(harness, { api, client, socketPath, listener, call });
}

/** A document as a user would write it. */
export function shopDocument(change: Record<string, unknown> = {}, name = 'shop'): unknown {
  return {
    apiVersion: 'crossfade.dev/v1',
    kind: 'App',
    metadata: { name },
    spec: {
      replicas: 2,
      run: { command: ['node', 'server.js'] },
      port: 8080,
      route: { listen: 8000, host: `${name}.localhost` },
      strategy: { rolling: {} },
      ...change,
    },
  };
}

export const SHOP = { namespace: 'default', name: 'shop' };

function depsOf(harness: Harness, stateDir: string): ApiDeps {
  const { store, tokens, secrets } = harness;
  const log = (fields: unknown, message?: string) => {
    harness.logged.push(`${JSON.stringify(fields)} ${message}`);
  };
  return {
    store,
    tokens,
    engine: fakeEngine(harness),
    router: fakeRouter(harness),
    clock: { wall: () => Date.UTC(2026, 0, 1), monotonic: () => 0, bootId: () => 'boot' },
    now: () => Date.UTC(2026, 0, 1),
    secrets: {
      set: async (namespace, name, value) => void secrets.set(`${namespace}/${name}`, value),
      list: async (namespace) =>
        [...secrets.keys()]
          .filter((key) => key.startsWith(`${namespace}/`))
          .map((key) => key.split('/')[1] ?? ''),
      delete: async (namespace, name) => secrets.delete(`${namespace}/${name}`),
    },
    observe: (app) => observe(harness, app),
    poke: (app) => harness.asked.push(`poke ${app}`),
    async waitForCommand(app, id) {
      const { answer } = harness;
      const command = (await store.commands(app)).find((waiting) => waiting.id === id);
      return answer && { at: 0, verb: command?.verb ?? 'promote', result: answer };
    },
    version: { version: '0.0.0', apiVersion: 'v1', pid: 1, startedAt: new Date(0).toISOString(), stateDir },
    async stop({ replicas }) {
      harness.asked.push(`stop ${replicas}`);
      return replicas ? ['replica 1-1-0 of default/shop: it does not end'] : [];
    },
    log: { info: log, warn: log, error: log } as ApiDeps['log'],
  };
}

async function observe({ store }: Harness, app: AppKey): Promise<ObservedApp> {
  const stored = await store.load(app);
  if (!stored) throw new OperatingError('E_APP_NOT_FOUND', `There is no App ${app}.`);
  const unknown: Known<never> = { kind: 'unknown', since: 0, why: 'no router in this test' };
  return {
    app: { kind: 'known', value: stored.object, at: 0 },
    commands: [],
    replicas: { kind: 'known', value: [], at: 0 },
    router: unknown,
    measured: unknown,
    outcomes: [],
    latency: {},
    inFlight: {},
  };
}

function fakeEngine(harness: Harness): Engine {
  const unused = () => Promise.reject(new Error('the API does not run replicas'));
  return {
    name: 'fake',
    async prepare(spec: AppSpec, { dryRun }) {
      const { engine } = harness;
      if (engine.fail) throw engine.fail;
      engine.prepared.push(dryRun);
      return runOf(spec, engine.content);
    },
    async *logs(query) {
      harness.engine.logQueries.push(query);
      const { lines } = harness.engine;
      for (let next = 0; ; next += 1) {
        while (query.follow && next >= lines.length && !query.signal?.aborted) await tick();
        const line = lines[next];
        if (!line || query.signal?.aborted) return;
        yield line;
      }
    },
    grow: unused,
    stop: unused,
    forget: unused,
    sweep: unused,
    list: async () => [],
    onChange: () => () => undefined,
    close: async () => undefined,
  };
}

const tick = () => new Promise((resolve) => setTimeout(resolve, 5));

function runOf({ spec }: AppSpec, digest: string): RunSpec {
  const literal = Object.entries(spec.run.env).filter(([, value]) => typeof value === 'string');
  return {
    artifact: { kind: 'snapshot', digest },
    command: spec.run.command,
    env: Object.fromEntries(literal) as Record<string, string>,
    secretEnv: {},
    configFiles: {},
    hasPort: spec.port !== undefined,
    health: spec.health,
  };
}

function fakeRouter({ router }: Harness): Router {
  const unused = () => Promise.reject(new Error('the API does not route'));
  return {
    name: 'fake',
    capabilities: {
      weightResolutionBp: 1,
      header: true,
      cookie: true,
      sticky: true,
      hold: true,
      preview: true,
      mirrorResolutionBp: 1,
      measuredBy: 'router',
    },
    async check(front) {
      router.checked.push(`${front.listen.host}:${front.listen.port}`);
      if (router.taken.has(front.listen.port)) {
        throw new OperatingError('E_PORT_TAKEN', `port ${front.listen.port} is taken`);
      }
    },
    apply: unused,
    drain: unused,
    remove: unused,
    observe: unused,
    probe: unused,
    onChange: () => () => undefined,
    close: async () => undefined,
    shutdown: async () => undefined,
  };
}

function callOver(socketPath: string): Harness['call'] {
  return (method, urlPath, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
      const json = body === undefined ? {} : { 'content-type': 'application/json' };
      const sent = request(
        { socketPath, method, path: urlPath, headers: { ...json, ...headers } },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () => resolve(answered(answer.statusCode ?? 0, Buffer.concat(chunks).toString())));
        },
      );
      sent.on('error', reject);
      sent.end(text);
    });
}

function answered(status: number, text: string): Answered {
  try {
    return { status, text, body: JSON.parse(text) };
  } catch {
    return { status, text, body: undefined };
  }
}
