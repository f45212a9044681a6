import { type Client, clientOn } from '../api/client.ts';
import type { NamedCapabilities } from '../core/capabilities.ts';
import { OperatingError } from '../core/errors.ts';
import type { AppKey, CommandId, CommandResult, Known, Ms, RouteTable } from '../core/model.ts';
import type { Engine } from '../ports/engine.ts';
import type { Router } from '../ports/router.ts';
import type { Store } from '../ports/store.ts';
import { createApi } from '../server/api.ts';
import type { ApiDeps, ObservedApp } from '../server/deps.ts';
import { appNotFound } from '../server/errors.ts';
import type { AppSpec } from '../spec/app.ts';
import { ANYTHING } from './chosen-router.ts';
import { inProcess } from './in-process.ts';
import { seenOf } from './seen.ts';

/** A store that also knows what the controller saw last. */
export interface SeeingStore extends Store {
  seen(app: AppKey): string | undefined;
}

export interface ScopedApiDeps {
  store: SeeingStore;
  engine: Engine;
  /** What the router that an App names can do for it. */
  routerFor(spec: AppSpec): Promise<NamedCapabilities>;
  /** The user, as the cluster knows it. */
  actor: string;
  version: ApiDeps['version'];
  log: ApiDeps['log'];
}

/**
 * The API of the daemon, over a store in a cluster and in this process: what commands print is made by the same code as on
 * one machine.
 */
export function scopedApi(deps: ScopedApiDeps): Client {
  const { store, engine, version, log, actor } = deps;
  const api = createApi({
    store,
    engine,
    router: readOnlyRouter(),
    routerFor: (spec) => deps.routerFor(spec),
    clock: { wall: Date.now, monotonic: () => performance.now(), bootId: () => 'cluster' },
    now: Date.now,
    secrets: { set: notHere, list: notHere, delete: notHere },
    tokens: { list: notHere, create: notHere, revoke: notHere, verify: notHere, ended: notHere },
    observe: (app) => observe(deps, app),
    poke: () => undefined,
    waitForCommand: (app, id, timeoutMs) => waitForCommand(store, app, id, timeoutMs),
    version,
    stop: notHere,
    log,
  });
  return clientOn(inProcess(api, { actor }));
}

async function observe({ store, engine }: ScopedApiDeps, app: AppKey): Promise<ObservedApp> {
  const at = Date.now();
  const stored = await store.load(app);
  if (!stored) throw appNotFound(app);
  return {
    app: { kind: 'known', value: stored.object, at },
    commands: [],
    replicas: await look(at, () => engine.list(app)),
    ...withTable(seenOf(store.seen(app), at), stored.state.table),
    outcomes: [],
  };
}

/** The router serves the table that it has acknowledged; what it says besides is as old as the status. */
function withTable(
  seen: ReturnType<typeof seenOf>,
  table: RouteTable | undefined,
): ReturnType<typeof seenOf> {
  const { router } = seen;
  if (!table || router.kind === 'unknown' || router.value.ackedGeneration < table.generation) return seen;
  return { ...seen, router: { ...router, value: { ...router.value, serving: table } } };
}

async function look<T>(at: Ms, ask: () => Promise<T>): Promise<Known<T>> {
  try {
    return { kind: 'known', value: await ask(), at };
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    return { kind: 'unknown', since: at, why: error.message };
  }
}

/** The controller's answer, as soon as it stands in the state. */
async function waitForCommand(
  store: Store,
  app: AppKey,
  id: CommandId,
  timeoutMs: Ms,
): Promise<CommandResult | undefined> {
  const { promise, resolve } = Promise.withResolvers<CommandResult | undefined>();
  const look = async () => {
    const done = (await store.load(app))?.state.commandsDone[id];
    if (done) resolve(done);
  };
  const off = store.onChange((changed) => changed === app && void look());
  const timer = setTimeout(() => resolve(undefined), timeoutMs);
  await look();
  return promise.finally(() => {
    clearTimeout(timer);
    off();
  });
}

/** What users do in a cluster never goes to a router from here: the controller there does it. */
function readOnlyRouter(): Router {
  return {
    name: 'cluster',
    capabilities: ANYTHING,
    apply: notHere,
    drain: notHere,
    remove: notHere,
    observe: notHere,
    probe: notHere,
    check: notHere,
    onChange: () => () => undefined,
    close: async () => undefined,
    shutdown: notHere,
  };
}

function notHere(): never {
  throw new OperatingError('E_NOT_IN_CLUSTER', 'This belongs to a daemon, and a cluster has none.', {
    hint: 'Secrets and rights are those of Kubernetes: kubectl create secret, kubectl create rolebinding.',
  });
}
