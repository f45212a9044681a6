import type { AppKey, Ms, Revision } from '../core/model.ts';
import type { Timers } from '../ports/clock.ts';
import type { Engine } from '../ports/engine.ts';
import type { Router } from '../ports/router.ts';
import type { Store } from '../ports/store.ts';

export interface Sweeper {
  /** Something may be in use no more. Sweeps now, or once more after the sweep that runs. */
  sweep(): void;
  /** No sweep is under way any more when this resolves. */
  stop(): Promise<void>;
}

export interface SweeperDeps {
  store: Store;
  engine: Engine;
  router: Router;
  timers: Timers;
  log: { warn(what: object, text: string): void };
}

/** What is kept for a time only (prepared and never applied, logs of what was deleted) has nobody who says that it is over. */
const AT_LEAST_EVERY_MS: Ms = 60 * 60_000;

/** Has the engine remove what no revision of any App needs. What fails is tried again the next time. */
export function createSweeper({ store, engine, router, timers, log }: SweeperDeps): Sweeper {
  let wanted = false;
  let stopped = false;
  let cancel = () => {};
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    cancel();
    while (wanted && !stopped) {
      wanted = false;
      await sweepOnce(store, engine, router).catch((error: unknown) =>
        log.warn({ err: error }, 'sweeping failed; tried again later'),
      );
    }
    if (!stopped) cancel = timers.after(AT_LEAST_EVERY_MS, sweep);
    running = undefined;
  }

  function sweep(): void {
    wanted = true;
    if (!stopped) running ??= run();
  }

  return {
    sweep,
    async stop() {
      stopped = true;
      cancel();
      await running;
    },
  };
}

async function sweepOnce(store: Store, engine: Engine, router: Router): Promise<void> {
  // Before the store is asked: what is routed later is in the store by then.
  const routed = (await router.apps?.()) ?? [];
  await engine.sweep(async () => {
    const inUse = await revisionsInUse(store);
    // Users first: an App that a store which was put back does not know loses its route before its replicas.
    for (const app of routed) {
      if (!inUse.has(app)) await router.remove({ app, stateVersion: Number.MAX_SAFE_INTEGER });
    }
    return inUse;
  });
}

async function revisionsInUse(store: Store): Promise<Map<AppKey, Revision[]>> {
  const inUse = new Map<AppKey, Revision[]>();
  for (const app of await store.apps()) {
    const stored = await store.load(app);
    if (stored) inUse.set(app, [...Object.values(stored.state.revisions), stored.object.revision]);
  }
  return inUse;
}
