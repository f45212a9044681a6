import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { type Logger, pino } from 'pino';
import type { Cluster, ClusterTarget, ControllerOptions } from './cli/context.ts';
import { programVersion } from './cli/version.ts';
import { systemClock, systemTimers } from './clock/index.ts';
import { checkForCluster } from './cluster/check-spec.ts';
import { chosenRouter, type Routers, routerNamed } from './cluster/chosen-router.ts';
import { createClusterClient } from './cluster/client.ts';
import { contentKey, readKey } from './cluster/content-key.ts';
import { checkCluster } from './cluster/doctor.ts';
import { keepLittleGarbage } from './cluster/heap.ts';
import { createIntake, type Intake } from './cluster/intake.ts';
import { acquireLease, type Held } from './cluster/leader.ts';
import { type ControllerMetrics, createMetrics } from './cluster/metrics.ts';
import { applyObject } from './cluster/objects.ts';
import { followAdopted } from './cluster/ownership/follow.ts';
import { giveBackOfGone } from './cluster/ownership/gone.ts';
import { createOwnership } from './cluster/ownership/index.ts';
import { serveProbes } from './cluster/probe-server.ts';
import { scopedApi } from './cluster/scoped-api.ts';
import { seenText } from './cluster/seen.ts';
import { shardOf } from './cluster/shard.ts';
import { statusFields } from './cluster/status-fields.ts';
import { whoAmI } from './cluster/who-am-i.ts';
import { type ClusterParts, routerFor, standardClusterParts } from './cluster-parts.ts';
import { type Controller, createController, type Look } from './controller/index.ts';
import type { AppKey, Ms } from './core/model.ts';
import { openAccess } from './kubernetes/access.ts';
import { createKube, type Kube } from './kubernetes/client.ts';
import { APPS } from './kubernetes/crossfade.ts';
import { APP_LABEL, type AppName, appNameOf } from './kubernetes/names.ts';
import type { OwnerReference } from './kubernetes/types.ts';
import type { Engine } from './ports/engine.ts';
import type { Router } from './ports/router.ts';
import { appNotFound } from './server/errors.ts';
import { activeRelease } from './server/view/snapshot.ts';
import type { KubernetesRouter } from './spec/app-kubernetes.ts';
import { type AppStatusStore, createAppStatusStore } from './store/app-status/index.ts';

/** Everything that changes is reported: what rests costs nothing but this. */
const IDLE_LOOK_MS: Ms = 600_000;

/** Runs the controller in this process until a signal stops it or it loses the lead. */
export async function runController(
  options: ControllerOptions,
  parts: ClusterParts = standardClusterParts(),
): Promise<void> {
  keepLittleGarbage();
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime });
  const metrics = createMetrics();
  const kube = createKube(await openAccess(options), metrics.requested);
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => stopping.abort(new Error(`stopped by ${signal}`)));
  const lead = await openLead({ options, parts, kube, metrics, log, stopping });
  const probes =
    options.listen &&
    (await serveProbes({
      ...options.listen,
      unwell: () => undefined,
      unready: () => undefined,
      metrics: async () => ({ text: await metrics.text(), contentType: metrics.contentType }),
    }));
  log.info({ server: kube.server, identity: lead.identity, shards: options.shards }, 'controller started');
  try {
    await Promise.all(Array.from({ length: options.shards }, (_, shard) => leadShard(lead, shard)));
  } finally {
    stopping.abort(new Error('stopped'));
    await probes?.close();
    await lead.router.close();
    await lead.engine.close();
    await kube.close();
  }
}

interface Lead {
  options: ControllerOptions;
  /** One for each share of the Apps that is led. */
  stores: Set<AppStatusStore>;
  routers: Routers;
  identity: string;
  home: string;
  kube: Kube;
  engine: Engine;
  router: Router;
  metrics: ControllerMetrics;
  now: () => Ms;
  log: Logger;
  stopping: AbortController;
}

interface LeadOptions extends Pick<Lead, 'options' | 'kube' | 'metrics' | 'log' | 'stopping'> {
  parts: ClusterParts;
}

async function openLead({ options, parts, kube, metrics, log, stopping }: LeadOptions): Promise<Lead> {
  const clock = systemClock();
  const began = { wall: clock.wall(), monotonic: clock.monotonic() };
  // Gates are measured with a clock that does not jump.
  const now = () => began.wall + (clock.monotonic() - began.monotonic);
  const identity = `${process.env.POD_NAME ?? hostname()}_${crypto.randomUUID()}`;
  const home = options.namespace ?? process.env.POD_NAMESPACE ?? kube.namespace;
  const stores = new Set<AppStatusStore>();
  const ownerOf = async ({ namespace, name }: AppName) => ownerIn(stores, `${namespace}/${name}`);
  const common = { kube, ...scopeOf(options), ownerOf, now, log };
  const engine = await parts.engine({ ...common, contentKey: await contentKey(kube, home) });
  const routers = await parts.routers({
    ...common,
    metricsUrls: options.routerMetrics,
    ingressPort: options.ingressPort,
  });
  const router = chosenRouter(routers, (app) => routerOf(stores, app));
  return { options, stores, routers, identity, home, kube, engine, router, metrics, now, log, stopping };
}

/** @throws OperatingError E_APP_NOT_FOUND: what was made now would belong to nobody, and stay */
function ownerIn(stores: ReadonlySet<AppStatusStore>, app: AppKey): OwnerReference {
  const uid = [...stores].map((store) => store.uid(app)).find((found) => found !== undefined);
  if (uid === undefined) throw appNotFound(app);
  const { name } = appNameOf(app);
  return {
    apiVersion: APPS.apiVersion,
    kind: APPS.kind,
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

async function routerOf(stores: ReadonlySet<AppStatusStore>, app: AppKey): Promise<KubernetesRouter> {
  for (const store of stores) {
    const stored = await store.load(app);
    // The router that has its table, as long as there is one.
    if (stored) return stored.state.table?.front.cluster?.router ?? routerNamed(stored.object.spec);
  }
  return 'service';
}

function scopeOf({ onlyNamespace }: ControllerOptions): { namespace?: string } {
  return onlyNamespace === undefined ? {} : { namespace: onlyNamespace };
}

/** Leads one share of the Apps whenever it can, until the program is stopped. */
async function leadShard(lead: Lead, shard: number): Promise<void> {
  const { kube, identity, home, log, stopping } = lead;
  const name = `crossfade-controller-${shard}`;
  while (!stopping.signal.aborted) {
    try {
      const held = await acquireLease({ kube, namespace: home, name, identity, log }, stopping.signal);
      await workWhile(lead, shard, held);
    } catch (error) {
      if (!stopping.signal.aborted) throw error;
    }
  }
}

/** Everything that is remembered of the Apps goes with the lead: whoever leads again reads it anew. */
async function workWhile(lead: Lead, shard: number, held: Held): Promise<void> {
  const { metrics, stopping } = lead;
  metrics.leads(shard, true);
  const work = await startWork(lead, shard);
  await aborted(AbortSignal.any([stopping.signal, held.lost]));
  metrics.leads(shard, false);
  await work.stop();
  await held.release();
}

async function startWork(lead: Lead, shard: number): Promise<{ stop(): Promise<void> }> {
  const { options, kube, engine, router, metrics, now, log, home } = lead;
  const isOurs = (app: AppKey) => shardOf(app, options.shards) === shard;
  const store = await createAppStatusStore({ kube, home, log, scope: { ...scopeOf(options), isOurs } });
  lead.stores.add(store);
  const controller = createController({
    store,
    engine,
    router,
    now,
    timers: systemTimers,
    idleLookMs: IDLE_LOOK_MS,
    onLook: (look) => show(lead, store, look),
    log,
  });
  const intake = openIntake(lead, store);
  const following = followAdopted({ kube, ...scopeOf(options), isOurs, log });
  const isThere = (app: AppKey) => store.uid(app) !== undefined;
  const gone = giveBackOfGone({ kube, routers: lead.routers, isOurs, isThere, log });
  const off = store.onChange((app) => {
    if (isThere(app)) return;
    metrics.gone(app);
    gone.look();
  });
  await controller.start();
  gone.look();
  return {
    async stop() {
      off();
      // Nothing is decided any more before anything else is waited for.
      await stopWork(store, controller, intake);
      await Promise.all([gone.close(), following.close()]);
      lead.stores.delete(store);
    },
  };
}

async function stopWork(store: AppStatusStore, controller: Controller, intake: Intake): Promise<void> {
  await intake.close();
  await controller.stop();
  await store.close();
}

function openIntake({ engine, routers, now, log, metrics }: Lead, store: AppStatusStore): Intake {
  const intake = createIntake({
    wanted: (app) => store.wanted(app),
    load: (app) => store.load(app),
    take: (object, expectedGeneration) => store.take(object, expectedGeneration),
    refuse(app, generation, conditions, message) {
      metrics.refused();
      store.show(app, { observedGeneration: generation, conditions, message });
    },
    check: (spec) => checkForCluster(spec, routers),
    engine,
    now,
    log,
  });
  store.onUntaken((app) => intake.poke(app));
  for (const { key } of store.untaken()) intake.poke(key);
  return intake;
}

function show({ metrics }: Lead, store: AppStatusStore, { stored, next, observed }: Look): void {
  const { key } = stored.object;
  const inFlight = observed.router.kind === 'known' ? observed.router.value.inFlight : {};
  const snapshot = {
    object: stored.object,
    state: next,
    observed: { ...observed, inFlight },
    nowMs: Date.now(),
  };
  const [, name = ''] = key.split('/');
  const fields = statusFields(snapshot, `${APP_LABEL}=${name}`);
  metrics.looked();
  metrics.phase(key, fields.phase);
  const seen = { seen: seenText(observed) };
  // Counters go on moving for as long as there are users: without a release they are written only beside something else.
  if (activeRelease(next)) store.show(key, { ...fields, ...seen });
  else store.show(key, fields, seen);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/**
 * The controller's key is where the controller is: in the namespace itself, or in the one for all. Without the right to read
 * it, revisions of Apps with secrets cannot be foretold.
 */
async function keyToLookWith(kube: Kube, namespace: string | undefined): Promise<Buffer> {
  for (const home of [namespace ?? kube.namespace, 'crossfade-system']) {
    const key = await readKey(kube, home).catch(() => undefined);
    if (key) return key;
  }
  return randomBytes(32);
}

/** A cluster as the commands use it: with the rights of the user. */
export async function openCluster(
  target: ClusterTarget,
  parts: Pick<ClusterParts, 'engine'> = standardClusterParts(),
): Promise<Cluster> {
  const kube = createKube(await openAccess(target));
  const log = pino({ level: process.env.CROSSFADE_LOG_LEVEL ?? 'silent' }, pino.destination(2));
  const startedAt = new Date().toISOString();
  const opened: { close(): Promise<void> }[] = [];
  let actor: Promise<string> | undefined;
  const client = createClusterClient({
    kube,
    actor: () => {
      actor ??= whoAmI(kube);
      return actor;
    },
    async open(scope) {
      const { namespace } = scope;
      const store = await createAppStatusStore({ kube, home: kube.namespace, log, scope });
      const engine = await parts.engine({
        kube,
        ...(namespace === undefined ? {} : { namespace }),
        ownerOf: async ({ namespace, name }) => ownerIn(new Set([store]), `${namespace}/${name}`),
        now: Date.now,
        log,
        contentKey: await keyToLookWith(kube, namespace),
      });
      opened.push(store, engine);
      const version = {
        version: programVersion(),
        apiVersion: 'v1',
        pid: process.pid,
        startedAt,
        stateDir: kube.server,
      } as const;
      const actor = await whoAmI(kube);
      return scopedApi({ store, engine, routerFor: (spec) => routerFor(kube, spec), actor, version, log });
    },
  });
  return {
    namespace: kube.namespace,
    client,
    applyObject: (object) => applyObject(kube, object),
    check: (namespace) => checkCluster(kube, namespace),
    ...createOwnership(kube),
    async close() {
      await client.close();
      await Promise.all(opened.map((one) => one.close()));
      await kube.close();
    },
  };
}
