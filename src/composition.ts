import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type Logger, pino } from 'pino';
import type { DaemonOptions } from './cli/context.ts';
import { programVersion } from './cli/version.ts';
import { steadyClock, systemClock, systemTimers } from './clock/index.ts';
import { type Controller, createController } from './controller/index.ts';
import { createSweeper } from './controller/sweeper.ts';
import { OperatingError } from './core/errors.ts';
import type { AppKey, Ms } from './core/model.ts';
import { keepDaemonLogSmall } from './daemon-log.ts';
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
import { stopEverything } from './stop-everything.ts';
import { recordStop, refuseIfStoppedSince } from './stop-record.ts';
import { Stopping } from './stopping.ts';
import { createSqliteStore } from './store/sqlite/index.ts';

/** What the daemon is made of. Tests put in a clock that jumps or an adapter that fails; the program never does. */
export interface Parts {
  clock: Clock;
  store(stateDir: string): Promise<Store>;
  /** `now`: the steady time that is decided by, and that deadlines are given in. */
  engine(stateDir: string, clock: Clock, log: Logger, now: () => Ms): Promise<Engine>;
  router(stateDir: string, clock: Clock, log: Logger, now: () => Ms): Promise<Router>;
}

export function standardParts(): Parts {
  return {
    clock: systemClock(),
    store: (stateDir) => createSqliteStore({ file: path.join(stateDir, 'crossfade.db') }),
    engine: (stateDir, clock, logger, now) =>
      createProcessEngine({
        stateDir,
        bootId: clock.bootId(),
        clock,
        now,
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
  const startedAtMs = parts.clock.monotonic() - process.uptime() * 1000;
  // What is open keeps the process alive, and with it the lock: all of it is closed, also when the way up fails.
  await using opened = new AsyncDisposableStack();
  // First, for it holds the lock: two daemons on one state dir must not both touch replicas.
  const store = opened.adopt(await parts.store(stateDir), (it) => it.close());
  refuseIfStoppedSince(stateDir, parts.clock, startedAtMs);
  opened.adopt(keepDaemonLogSmall(stateDir), async (it) => it.close());
  const clock = opened.adopt(await steadyClock(parts.clock, stateDir), async (it) => it.close());
  const engine = opened.adopt(await parts.engine(stateDir, parts.clock, log, clock.now), (it) => it.close());
  const router = opened.adopt(await parts.router(stateDir, parts.clock, log, clock.now), (it) => it.close());
  const keeper = createSweeper({ store, engine, router, timers: systemTimers, log });
  const sweeper = opened.adopt(keeper, (it) => it.stop());
  const unused = () => sweeper.sweep();
  const loop = createController({ store, engine, router, now: clock.now, timers: systemTimers, unused, log });
  const controller = opened.adopt(loop, (it) => it.stop());
  const stopping = new Stopping();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => void stopping.ask({ replicas: false }));

  const running = { store, engine, router, controller, stopping, clock: parts.clock, now: clock.now };
  const deps = apiDeps({ ...running, stateDir, log });
  const listeners = await listen(options, stateDir, deps, opened);
  await controller.start();
  sweeper.sweep();
  log.info(
    { stateDir, listeners: listeners.map((listener) => listener.address) },
    'crossfade daemon is ready',
  );

  await stopping.asked;
  log.info({ replicas: stopping.replicas }, 'stopping');
  await controller.stop();
  const everything = async () => {
    const left = await stopEverything({ store, engine, router });
    if (left.length > 0) log.warn({ left }, 'not everything has stopped');
    return left;
  };
  const left = stopping.replicas ? await everything() : undefined;
  stopping.ended(left ?? []);
  await Promise.all(listeners.map((listener) => listener.close()));
  if (stopping.replicas && left === undefined) await everything();
  recordStop(stateDir, parts.clock);
}

interface Running {
  store: Store;
  engine: Engine;
  router: Router;
  controller: Controller;
  stopping: Stopping;
  clock: Clock;
  now: () => Ms;
  stateDir: string;
  log: Logger;
}

function apiDeps({ controller, stopping, stateDir, ...running }: Running): ApiDeps {
  return {
    ...running,
    secrets: createSecretFiles(stateDir),
    tokens: createTokenStore(stateDir),
    observe: (app) => observed(running.store, controller, app),
    poke: (app) => controller.poke(app),
    waitForCommand: (app, id, timeoutMs) => controller.waitForCommand(app, id, timeoutMs),
    version: {
      version: programVersion(),
      apiVersion: 'v1',
      pid: process.pid,
      startedAt: new Date(running.clock.wall()).toISOString(),
      stateDir,
    },
    stop: (how) => stopping.ask(how),
  };
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

async function listen(
  options: DaemonOptions,
  stateDir: string,
  deps: ApiDeps,
  opened: AsyncDisposableStack,
): Promise<ApiListener[]> {
  const api = createApi(deps);
  const open = (listener: ApiListener) => opened.adopt(listener, (it) => it.close());
  const unix = open(await listenUnix(api, path.join(stateDir, 'daemon.sock')));
  const { listen: tcp, allowedHosts = [] } = options;
  if (!tcp) return [unix];
  return [unix, open(await listenTcp(api, { ...tcp, tokens: deps.tokens, allowedHosts }))];
}

async function observed(store: Store, controller: Controller, app: AppKey): Promise<ObservedApp> {
  const stored = await store.load(app);
  if (!stored) throw new OperatingError('E_APP_NOT_FOUND', `There is no App ${app}.`);
  const seen = await controller.observe(stored);
  return { ...seen, inFlight: seen.router.kind === 'known' ? seen.router.value.inFlight : {} };
}
