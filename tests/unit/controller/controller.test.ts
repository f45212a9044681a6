import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemTimers } from '../../../src/clock/index.ts';
import { createController } from '../../../src/controller/index.ts';
import { createSweeper } from '../../../src/controller/sweeper.ts';
import { OperatingError } from '../../../src/core/errors.ts';
import type { Replica, RouteTable } from '../../../src/core/model.ts';
import type { Engine } from '../../../src/ports/engine.ts';
import type { Router } from '../../../src/ports/router.ts';
import { createMemoryStore } from '../../../src/store/memory/index.ts';
import { sampleAudit, sampleObject, sampleSpec } from '../../conformance/store/samples.ts';
import { waitFor } from '../../support/wait-for.ts';

const APP = 'default/shop';
const silent = { info() {}, warn() {}, error() {} };

/** Does at once what it is told; only marked requests are never answered. */
class HangingWorld {
  replicas: Replica[] = [];
  table: RouteTable | undefined;
  tables = 0;
  /** A worker has not followed yet. */
  isBehind = false;
  changed: () => void = () => {};
  probes = 0;

  readonly engine = {
    name: 'test',
    list: async () => structuredClone(this.replicas),
    grow: async (_ctx, pool, _revision, _spec, replicas) => {
      for (let n = 1; n <= replicas; n += 1) this.#start(pool.id, `${pool.id}-${n}`, n);
    },
    stop: async (_ctx, id) => {
      this.replicas = this.replicas.filter((replica) => replica.id !== id);
    },
    forget: async () => {},
    onChange: () => () => {},
  } as Partial<Engine> as Engine;

  readonly router = {
    name: 'test',
    apply: async (_ctx, table) => {
      this.table = table;
      this.tables += 1;
      this.changed();
    },
    observe: async () => ({
      view: {
        epoch: 'e1',
        workers: 1,
        ackedGeneration: (this.table?.generation ?? 0) - (this.isBehind ? 1 : 0),
        ...(this.table ? { serving: this.table } : {}),
        inFlight: {},
        admission: { refused: 0, held: 0 },
        firstAnswerAt: {},
      },
      answered: [],
      latency: {},
    }),
    probe: () => {
      this.probes += 1;
      return new Promise<number>(() => {});
    },
    onChange: (listener) => {
      this.changed = () => void setImmediate(() => listener(APP));
      return () => {};
    },
  } as Partial<Router> as Router;

  #start(pool: string, id: string, n: number): void {
    if (this.replicas.some((replica) => replica.id === id)) return;
    const now = Date.now();
    const address = `127.0.0.1:${20_000 + this.replicas.length + n}`;
    this.replicas.push({
      ...{ id, pool, address, phase: 'running', ready: true, readySince: now },
      ...{ wasReady: true, startedAt: now, restarts: 0 },
    });
  }
}

test('marked requests that nobody answers keep neither a command nor an abort waiting', async () => {
  const world = new HangingWorld();
  const store = createMemoryStore();
  const { engine, router } = world;
  const clock = { now: Date.now, timers: systemTimers };
  const controller = createController({ store, engine, router, ...clock, log: silent });
  const spec = sampleSpec('shop', {
    strategy: { kind: 'canary', steps: [{ kind: 'setWeight', weightBp: 5_000 }], warmMs: 0 },
  });
  const first = { ...sampleObject('shop'), spec };
  const state = async () => (await store.load(APP))?.state ?? assert.fail('no App');
  await controller.start();
  try {
    await store.putApp(first, 0);
    await waitFor(async () => (await state()).stable !== undefined, { what: 'the first version' });
    const revision = { ...first.revision, id: 'v1-ba9876543210' };
    await store.putApp({ ...first, generation: 2, revision }, 1);
    await waitFor(() => world.probes > 0, { what: 'marked requests' });

    const command = { id: 'c1', verb: 'abort', actor: 'ann', at: Date.now() } as const;
    await store.addCommand(APP, command, sampleAudit('abort', APP));
    const result = await controller.waitForCommand(APP, 'c1', 10_000);
    assert.equal(result?.result.kind, 'done');
    await waitFor(async () => (await state()).release === undefined, { what: 'the abort' });
    const stable = (await state()).stable ?? '';
    assert.deepEqual(world.table?.route.split, { kind: 'weights', to: [{ key: stable, weight: 10_000 }] });
    assert.equal(world.probes, 1, 'more marked requests beside those that are under way');
  } finally {
    await controller.stop();
    await store.close();
  }
});

test('what is needed by nobody is swept when revisions are forgotten and when an App is gone', async () => {
  const world = new HangingWorld();
  const store = createMemoryStore();
  const removed: string[] = [];
  const router = {
    ...world.router,
    apps: async () => ['default/forgotten', APP],
    remove: async ({ app }) => void removed.push(app),
  } as Router;
  const swept: Record<string, string[]>[] = [];
  const engine = {
    ...world.engine,
    async sweep(inUse) {
      swept.push(
        Object.fromEntries([...(await inUse())].map(([app, all]) => [app, all.map(({ id }) => id)])),
      );
      if (swept.length === 1) throw new Error('no room');
    },
  } as Engine;
  const shared = { store, engine, router, timers: systemTimers, log: silent };
  const sweeper = createSweeper(shared);
  const controller = createController({
    ...shared,
    now: Date.now,
    unused: () => sweeper.sweep(),
  });
  const spec = sampleSpec('shop', { strategy: { kind: 'rolling', maxSurge: 1, maxUnavailable: 0 } });
  spec.spec.revisionHistoryLimit = 0;
  // Moved by readiness alone: nobody has to send requests.
  delete spec.spec.route;
  const object = { ...sampleObject('shop'), spec };
  const revision = (n: number) => ({ ...object.revision, id: `v1-00000000000${n}` });
  const settled = async (n: number) => {
    const state = (await store.load(APP))?.state;
    return !state?.release && state?.pools[state.stable ?? '']?.revision === revision(n).id;
  };
  await controller.start();
  try {
    sweeper.sweep();
    for (const n of [1, 2, 3]) {
      await store.putApp({ ...object, generation: n, revision: revision(n) }, n - 1);
      await waitFor(() => settled(n), { what: `version ${n}` });
    }
    await waitFor(() => swept.length > 1, { what: 'a sweep though the first one failed' });
    assert.ok(removed.includes('default/forgotten') && !removed.slice(2).includes(APP), removed.join());
    const kept = swept.at(-1)?.[APP];
    assert.ok(kept?.includes(revision(3).id) && !kept.includes(revision(1).id), JSON.stringify(swept));
    await store.putApp({ ...object, generation: 4, revision: revision(3), deleting: true }, 3);
    await waitFor(() => swept.some((apps, at) => at > 0 && !(APP in apps)), {
      what: 'a sweep without the App',
    });
  } finally {
    await controller.stop();
    await sweeper.stop();
    await store.close();
  }
});

test('where nothing can be written users are still led back to stable', async () => {
  for (const code of ['E_DISK_FULL', 'E_READ_ONLY', 'E_CONFLICT'] as const) {
    const world = new HangingWorld();
    const store = createMemoryStore();
    const { engine, router } = world;
    const broken = { on: false };
    const failing: typeof store = {
      ...store,
      commit: (...args) =>
        broken.on ? Promise.reject(new OperatingError(code, 'nothing can be stored')) : store.commit(...args),
    };
    const clock = { now: Date.now, timers: systemTimers };
    const controller = createController({ store: failing, engine, router, ...clock, log: silent });
    const spec = sampleSpec('shop', {
      strategy: { kind: 'canary', steps: [{ kind: 'setWeight', weightBp: 5_000 }], warmMs: 0 },
    });
    const object = { ...sampleObject('shop'), spec };
    await controller.start();
    try {
      await store.putApp(object, 0);
      await waitFor(async () => (await store.load(APP))?.state.stable !== undefined, { what: 'version 1' });
      const stable = (await store.load(APP))?.state.stable;
      await store.putApp({ ...object, generation: 2, revision: { ...object.revision, id: 'v1-b' } }, 1);
      await waitFor(() => world.probes > 0, { what: 'users on both versions' });
      broken.on = true;
      for (const replica of world.replicas) {
        if (replica.pool !== stable) Object.assign(replica, { crashes: 1, restarts: 1 });
      }
      controller.poke(APP);
      const isBack = () => JSON.stringify(world.table?.route.split) === JSON.stringify(allTo(stable));
      if (code === 'E_CONFLICT') {
        // Somebody else decides: not a hand is moved.
        const before = world.table;
        await controller.waitForCommand(APP, 'none', 500);
        assert.equal(world.table, before);
      } else {
        await waitFor(isBack, { what: `the way back with ${code}` });
        const { tables } = world;
        await controller.waitForCommand(APP, 'none', 500);
        assert.equal(world.tables, tables, 'the way back was given again, and nothing had changed');
        world.isBehind = true;
        controller.poke(APP);
        await waitFor(() => world.tables > tables, {
          what: 'the way back for the worker that did not follow',
        });
      }
    } finally {
      await controller.stop();
      await store.close();
    }
  }
});

const allTo = (key: string | undefined) => ({ kind: 'weights', to: [{ key, weight: 10_000 }] });
