/** One life of the controller: the real loop, its ports wrapped by everything that can go wrong between them. */
import { type Controller, createController } from '../../../src/controller/index.ts';
import { OperatingError } from '../../../src/core/errors.ts';
import type { AppKey, Ms, Replica, RouterView } from '../../../src/core/model.ts';
import type { Engine } from '../../../src/ports/engine.ts';
import type { Answered, Router } from '../../../src/ports/router.ts';
import type { Store, Stored } from '../../../src/ports/store.ts';
import type { AppSpec } from '../../../src/spec/app.ts';
import type { CallFault } from './profiles.ts';
import type { World } from './world.ts';

/** Thrown where something fails that no port declares; the loop has to live with it. */
export class Unplanned extends Error {
  override name = 'Unplanned';
}

/** Nothing more comes of it. A promise of its own each time: one for all would keep whoever ever waited for it. */
const never = () => new Promise<never>(() => undefined);

/** A cache that does not follow any more: what was there when it stopped. */
interface Stale {
  until: Ms;
  stored: Stored | undefined;
  replicas: Replica[];
}

export class Daemon {
  readonly name: string;
  /** Its clock is ahead by this much. */
  readonly skewMs: Ms;
  isAlive = true;
  /** What it saw last, for the judge. */
  seen: {
    /** When it began to look. */
    since?: Ms;
    replicas?: readonly Replica[];
    view?: RouterView;
    /** Absent: the router was not seen. */
    answered?: readonly Answered[];
    spec?: AppSpec['spec'];
  } = {};
  readonly #world: World;
  readonly #controller: Controller;
  readonly #listeners = new Set<(app: AppKey) => void>();
  #stale: Stale | undefined;

  constructor(world: World, name: string, skewMs: Ms) {
    this.#world = world;
    this.name = name;
    this.skewMs = skewMs;
    this.#controller = createController({
      store: this.#store(),
      engine: this.#engine(),
      router: this.#router(),
      now: () => this.now(),
      timers: {
        after: (ms, call) =>
          world.clock.after(ms, () => {
            if (!this.isAlive) return;
            world.clock.stir();
            call();
          }),
      },
      log: {
        info: () => undefined,
        warn: () => undefined,
        error: (what, text) => world.judge.logged(what, text),
      },
    });
    void this.#controller.start();
    world.clock.stir();
  }

  now(): Ms {
    return this.#world.steady() + this.skewMs;
  }

  /** From here on nothing that it asked for is answered, and nothing more is asked. */
  kill(): void {
    this.isAlive = false;
    this.#listeners.clear();
  }

  lag(ms: Ms): void {
    const { machine, clock } = this.#world;
    const until = clock.now + ms;
    void this.#world.load().then((stored) => {
      this.#stale = { until, stored, replicas: machine.list() };
    });
    clock.stir();
    clock.after(ms, () => this.changed());
  }

  changed(): void {
    if (!this.isAlive || this.#listeners.size === 0 || this.#isStale()) return;
    this.#world.clock.stir();
    for (const listener of this.#listeners) listener(this.#world.app);
  }

  #isStale(): Stale | undefined {
    const stale = this.#stale;
    return stale && this.#world.clock.now < stale.until ? stale : undefined;
  }

  /** One call to the outside: slow, or the last one that this daemon makes. */
  async #call<T>(work: () => T | Promise<T>, slow: CallFault): Promise<T> {
    const { clock, faults } = this.#world;
    if (!this.isAlive) return never();
    const delay = faults.hits(slow);
    if (delay) await clock.sleep(delay.int(1, 400));
    if (!this.isAlive) return never();
    try {
      const result = await work();
      return this.isAlive ? result : never();
    } catch (error) {
      if (!this.isAlive) return never();
      throw error;
    }
  }

  /** A crash before or after the work, or in the middle of it, as far as anybody else can see. */
  async #mayCrash<T>(before: CallFault, after: CallFault, work: () => Promise<T>): Promise<T> {
    const { faults } = this.#world;
    if (faults.hits(before)) return this.#crash(before);
    const result = await work();
    return faults.hits(after) ? this.#crash(after) : result;
  }

  #crash(fault: CallFault): Promise<never> {
    this.#world.daemonDied(this, fault);
    return never();
  }

  #store(): Store {
    const world = this.#world;
    const stale = () => this.#isStale();
    return {
      apps: () => this.#call(() => world.store.apps(), 'slowTick'),
      load: async () => {
        const cached = stale();
        const stored = await (cached ? cached.stored : this.#call(() => world.load(), 'slowTick'));
        this.seen.since = this.now();
        if (stored) this.seen.spec = stored.object.spec.spec;
        return stored;
      },
      commands: (app) => this.#call(() => world.store.commands(app), 'slowTick'),
      commit: (app, version, what) =>
        this.#call(
          () =>
            this.#mayCrash('crashBeforeCommit', 'crashInCommit', async () => {
              if (world.faults.hits('commitConflict'))
                throw new OperatingError('E_CONFLICT', 'somebody else was faster');
              if (world.isDiskFull()) throw new OperatingError('E_DISK_FULL', 'no space left');
              await world.store.commit(app, version, what);
              world.judge.committed(this, what);
              if (world.faults.hits('commitUnknown')) throw new Unplanned('the store did not answer in time');
            }),
          'slowTick',
        ),
      removeApp: (app, version) =>
        this.#call(async () => {
          await world.store.removeApp(app, version);
          world.appRemoved();
        }, 'slowTick'),
      onChange: (listener) =>
        world.store.onChange((app, what) => {
          if (!this.isAlive || this.#isStale()) return;
          world.clock.stir();
          listener(app, what);
        }),
    } as Partial<Store> as Store;
  }

  #engine(): Engine {
    const { machine, faults, judge, plan } = this.#world;
    return {
      name: 'simulated',
      list: () =>
        this.#call(() => {
          if (faults.hits('engineUnseen')) throw new OperatingError('E_ENGINE', 'the engine does not answer');
          this.seen.replicas = this.#isStale()?.replicas ?? machine.list();
          return [...this.seen.replicas];
        }, 'slowTick'),
      ...(plan.on === 'machine'
        ? { remembered: () => this.#call(() => machine.remembered(), 'slowTick') }
        : {}),
      grow: (ctx, pool, revision, _spec, replicas) =>
        this.#act(`grow ${pool.id} to ${replicas}`, () => {
          machine.admit(ctx);
          machine.grow(pool, revision, replicas);
        }),
      stop: (ctx, replica, graceMs) =>
        this.#act(`stop ${replica}`, () => {
          machine.admit(ctx);
          judge.stopping(this, replica);
          machine.stop(replica, graceMs);
        }),
      forget: (ctx, pool) =>
        this.#act(`forget ${pool}`, () => {
          machine.admit(ctx);
          machine.forget(pool);
        }),
      onChange: (listener) => this.#listen(listener),
    } as Partial<Engine> as Engine;
  }

  #router(): Router {
    const { router, faults, judge, users, clock } = this.#world;
    return {
      name: 'simulated',
      observe: () =>
        this.#call(() => {
          delete this.seen.answered;
          if (faults.hits('routerUnseen'))
            throw new OperatingError('E_ROUTER_DOWN', 'the router is not seen');
          const observation = router.observe();
          this.seen.view = observation.view;
          this.seen.answered = observation.answered;
          return observation;
        }, 'slowTick'),
      apply: (ctx, table) =>
        this.#act(this.#world.describe({ kind: 'route', table, key: '', stateVersion: 0 }), () => {
          judge.routing(this, table, ctx.stateVersion);
          if (judge.routesWithoutEnd(this)) return never();
          return router.apply(ctx, table);
        }),
      drain: (_ctx, replica, deadline) =>
        this.#act(`drain ${replica}`, () => {
          router.drain(replica, Math.max(0, deadline - this.now()));
        }),
      remove: (ctx) =>
        this.#act('unroute', () => {
          judge.unrouting(this, ctx.stateVersion);
          return router.remove(ctx);
        }),
      probe: (_app, requests) =>
        this.#call(async () => {
          this.#world.note(`  ${this.name} probe ${requests}`);
          await clock.sleep(users.mark(requests));
          return requests;
        }, 'slowAction'),
      onChange: (listener) => this.#listen(listener),
    } as Partial<Router> as Router;
  }

  #act(what: string, work: () => void | Promise<void>): Promise<void> {
    const { faults } = this.#world;
    return this.#call(
      () =>
        this.#mayCrash('crashBeforeAction', 'crashAfterAction', async () => {
          this.#world.note(`  ${this.name} ${what}`);
          if (faults.hits('actionRefused')) throw new OperatingError('E_TEST', 'the world says no');
          await work();
          // Every action is safe to repeat.
          if (faults.hits('actionTwice') && this.isAlive) await work();
          if (faults.hits('actionUnknown')) throw new OperatingError('E_TEST', 'done, and nobody was told');
        }),
      'slowAction',
    );
  }

  #listen(listener: (app: AppKey) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
