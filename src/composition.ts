import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type Logger, pino } from 'pino';
import type { DaemonOptions } from './cli/context.ts';
import { programVersion } from './cli/version.ts';
import { steadyClock, systemClock, systemTimers } from './clock/index.ts';
import { type Controller, createController } from './controller/index.ts';
import { OperatingError } from './core/errors.ts';
import type { AppKey, Ms } from './core/model.ts';
import { createProcessEngine } from './engines/process/index.ts';
import { createSecretFiles } from './engines/process/secret-files.ts';
import type { Clock } from './ports/clock.ts';
import type { Engine } from './ports/engine.ts';
import type { Router } from './ports/router.ts';
import type { Store } from './ports/store.ts';
import { createEmbeddedRouter } from './routers/embedded/index.ts';
import { createApi } from './server/api.ts';
import type { ApiDeps, ObservedApp } from './server/deps.ts';
import { type ApiListener, listenTcp, listenUnix } from './server/listen.ts';
import { createTokenStore } from './server/tokens.ts';
import { createSqliteStore } from './store/sqlite/index.ts';

/** What the daemon is made of. Tests put in a clock that jumps or an adapter that fails; the program never does. */
export interface Parts {
  clock: Clock;
  store(stateDir: string): Promise<Store>;
  engine(stateDir: string, clock: Clock, log: Logger): Promise<Engine>;
  /** `now`: the steady time that deadlines are given in. */
  router(stateDir: string, clock: Clock, log: Logger, now: () => Ms): Promise<Router>;
}

export function standardParts(): Parts {
  return {
    clock: systemClock(),
    store: (stateDir) => createSqliteStore({ file: path.join(stateDir, 'crossfade.db') }),
    engine: (stateDir, clock, logger) =>
      createProcessEngine({
        stateDir,
        bootId: clock.bootId(),
        clock,
        logger,
        secrets: createSecretFiles(stateDir),
      }),
    router: (stateDir, clock, logger, now) =>
      createEmbeddedRouter({ stateDir, bootId: clock.bootId(), logger, now }),
  };
}

/** Runs the daemon in this process until a signal or the API stops it. */
export async function runDaemon(options: DaemonOptions, parts: Parts = standardParts()): Promise<void> {
  const stateDir = path.resolve(options.stateDir);
  await makeStateDir(stateDir);
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime });
  // First, for it holds the lock: two daemons on one state dir must not both touch replicas.
  const store = await parts.store(stateDir);
  const clock = await steadyClock(parts.clock, stateDir);
  const engine = await parts.engine(stateDir, parts.clock, log);
  const router = await parts.router(stateDir, parts.clock, log, clock.now);
  const controller = createController({ store, engine, router, now: clock.now, timers: systemTimers, log });
  const stopping = Promise.withResolvers<{ replicas: boolean }>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => stopping.resolve({ replicas: false }));

  const listeners = await listen(options, stateDir, {
    store,
    engine,
    router,
    clock: parts.clock,
    secrets: createSecretFiles(stateDir),
    tokens: createTokenStore(stateDir),
    observe: (app) => observed(store, controller, app),
    poke: (app) => controller.poke(app),
    waitForCommand: (app, id, timeoutMs) => controller.waitForCommand(app, id, timeoutMs),
    version: {
      version: programVersion(),
      apiVersion: 'v1',
      pid: process.pid,
      startedAt: new Date(parts.clock.wall()).toISOString(),
      stateDir,
    },
    stop: stopping.resolve,
    log,
  });
  await controller.start();
  await sweep(store, engine);
  log.info(
    { stateDir, listeners: listeners.map((listener) => listener.address) },
    'crossfade daemon is ready',
  );

  const { replicas } = await stopping.promise;
  log.info({ replicas }, 'stopping');
  await Promise.all(listeners.map((listener) => listener.close()));
  await controller.stop();
  if (replicas) await stopEverything(store, engine, router);
  await router.close();
  await engine.close();
  clock.close();
  await store.close();
}

async function makeStateDir(stateDir: string): Promise<void> {
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new OperatingError(
      'E_STATE_DIR',
      `the state dir ${stateDir} cannot be made: ${(error as Error).message}`,
      {
        hint: 'choose another with --state-dir',
        cause: error,
      },
    );
  }
}

async function listen(options: DaemonOptions, stateDir: string, deps: ApiDeps): Promise<ApiListener[]> {
  const api = createApi(deps);
  const unix = await listenUnix(api, path.join(stateDir, 'daemon.sock'));
  return options.listen ? [unix, await listenTcp(api, { ...options.listen, tokens: deps.tokens })] : [unix];
}

async function observed(store: Store, controller: Controller, app: AppKey): Promise<ObservedApp> {
  const stored = await store.load(app);
  if (!stored) throw new OperatingError('E_APP_NOT_FOUND', `There is no App ${app}.`);
  const seen = await controller.observe(stored);
  return { ...seen, inFlight: seen.router.kind === 'known' ? seen.router.value.inFlight : {} };
}

/** Snapshots of revisions that no App keeps any more. */
async function sweep(store: Store, engine: Engine): Promise<void> {
  const inUse = new Map();
  for (const app of await store.apps()) {
    const stored = await store.load(app);
    if (stored) inUse.set(app, [...Object.values(stored.state.revisions), stored.object.revision]);
  }
  await engine.sweep(inUse);
}

/** `daemon stop --replicas`: users first, then what served them. Everything starts again with the next daemon. */
async function stopEverything(store: Store, engine: Engine, router: Router): Promise<void> {
  await router.shutdown();
  for (const app of await store.apps()) {
    const stored = await store.load(app);
    if (!stored) continue;
    const ctx = { app, stateVersion: stored.state.version + 1 };
    const graceMs = stored.object.spec.spec.terminationGracePeriodSeconds * 1000;
    const replicas = await engine.list(app);
    await Promise.all(replicas.map((replica) => engine.stop(ctx, replica.id, graceMs)));
    await gone(engine, app);
  }
}

function gone(engine: Engine, app: AppKey): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = async () => {
    if ((await engine.list(app)).length === 0) resolve();
  };
  const off = engine.onChange((changed) => changed === app && void look());
  void look();
  return promise.finally(off);
}
