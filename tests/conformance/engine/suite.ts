import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { AppKey, Replica } from '../../../src/core/model.ts';
import type { Engine } from '../../../src/ports/engine.ts';
import type { AppSpec } from '../../../src/spec/app.ts';
import { allReady, deploy, poolOf, QUIETLY, revisionOf, untilReplicas } from '../../unit/engine/support.ts';

/** One engine on state of its own, and what to run on it. Everything is cleaned up through the test's context. */
export interface EngineUnderTest {
  engine: Engine;
  /** What server() and worker() are called. */
  app: AppKey;
  /** Serves HTTP, ready after a moment; `version` makes another revision. */
  server(version?: string): AppSpec;
  /** No port. */
  worker(): AppSpec;
  /** Ends the engine as a daemon that stops does, and opens another on the same state. */
  reopen(): Promise<Engine>;
  fetch(replica: Replica): Promise<number>;
  /** What this engine does otherwise, and why. */
  cannot?: {
    /** It has the lines of a replica only as long as the replica is there. */
    keepLogs?: string;
    /** Somebody else asks for health all the time: it is known at once. */
    loseHealth?: string;
  };
}

/** What every engine does, whatever it runs replicas on. */
export function engineConformance(name: string, make: (t: TestContext) => Promise<EngineUnderTest>): void {
  describe(`engine conformance: ${name}`, () => {
    preparing(make);
    growing(make);
    stopping(make);
    refusing(make);
    watching(make);
    endings(make);
    outliving(make);
  });
}

type Make = (t: TestContext) => Promise<EngineUnderTest>;

function preparing(make: Make): void {
  it('prepares the same content as the same run configuration, dry or not', async (t) => {
    const { engine, server } = await make(t);
    const dry = await engine.prepare(server(), { ...QUIETLY, dryRun: true });
    const first = await engine.prepare(server(), QUIETLY);
    const second = await engine.prepare(server(), QUIETLY);
    assert.deepEqual(dry, first);
    assert.deepEqual(second, first);
  });

  it('prepares other content as another run configuration', async (t) => {
    const { engine, server } = await make(t);
    const one = await engine.prepare(server('one'), { ...QUIETLY, dryRun: true });
    const two = await engine.prepare(server('two'), { ...QUIETLY, dryRun: true });
    assert.notDeepEqual(one, two);
  });
}

function growing(make: Make): void {
  it('grows a pool to replicas that get ready and answer', async (t) => {
    const { app, engine, server, fetch } = await make(t);
    const { pool } = await deploy(engine, server(), 2);
    const replicas = await untilReplicas(engine, 'two are ready', allReady(2), app);
    assert.equal(new Set(replicas.map(({ id }) => id)).size, 2);
    assert.deepEqual(
      replicas.map((replica) => replica.pool),
      [pool.id, pool.id],
    );
    assert.equal(new Set(replicas.map(({ address }) => address)).size, 2);
    for (const replica of replicas) {
      assert.equal(await fetch(replica), 200);
      assert.equal(replica.phase, 'running');
      assert.ok(
        replica.wasReady && replica.readySince !== undefined && replica.readySince >= replica.startedAt,
      );
    }
  });

  it('a worker without a port and a probe gets ready, and has no address', async (t) => {
    const { app, engine, worker } = await make(t);
    await deploy(engine, worker(), 1);
    const [replica] = await untilReplicas(engine, 'it is ready', allReady(1), app);
    assert.equal(replica?.address, undefined);
  });

  it('grows only by what is missing, and never shrinks', async (t) => {
    const { app, engine, server } = await make(t);
    const { ctx, pool, revision } = await deploy(engine, server(), 2);
    await Promise.all([1, 2, 2].map((count) => engine.grow(ctx, pool, revision, server(), count)));
    assert.equal((await engine.list(app)).length, 2);
    await engine.grow(ctx, pool, revision, server(), 3);
    assert.equal((await engine.list(app)).length, 3);
  });

  it('runs two pools side by side', async (t) => {
    const { app, engine, server } = await make(t);
    const one = await deploy(engine, server('one'), 1, 1);
    const two = await deploy(engine, server('two'), 1, 2);
    const replicas = await untilReplicas(engine, 'both are ready', allReady(2), app);
    assert.deepEqual(new Set(replicas.map(({ pool }) => pool)), new Set([one.pool.id, two.pool.id]));
  });

  it('knows nothing of Apps that it does not run', async (t) => {
    const { app, engine } = await make(t);
    assert.deepEqual(await engine.list(`${app}-other`), []);
  });
}

function stopping(make: Make): void {
  it('a replica that is stopped says so and leaves the list when nothing of it is left', async (t) => {
    const { app, engine, server, fetch } = await make(t);
    const { ctx } = await deploy(engine, server(), 2);
    const [first, second] = await untilReplicas(engine, 'two are ready', allReady(2), app);
    assert.ok(first && second);
    await engine.stop(ctx, first.id, 5000);
    const seen = (await engine.list(app)).find(({ id }) => id === first.id);
    assert.ok(seen === undefined || (seen.phase === 'stopping' && !seen.ready));
    await untilReplicas(engine, 'one is left', (all) => all.length === 1, app);
    await assert.rejects(fetch(first));
    assert.equal(await fetch(second), 200);
  });

  it('stopping again, or what is gone, is harmless', async (t) => {
    const { app, engine, server } = await make(t);
    const { ctx } = await deploy(engine, server(), 1);
    const [replica] = await untilReplicas(engine, 'it is ready', allReady(1), app);
    assert.ok(replica);
    await Promise.all([engine.stop(ctx, replica.id, 1000), engine.stop(ctx, replica.id, 1000)]);
    await untilReplicas(engine, 'none is left', (all) => all.length === 0, app);
    await engine.stop(ctx, replica.id, 1000);
    await engine.stop(ctx, 'never-was', 1000);
  });

  it('a pool grows again beside a replica that is stopping, under ids that were never used', async (t) => {
    const { app, engine, server } = await make(t);
    const { ctx, pool, revision } = await deploy(engine, server(), 1);
    const [first] = await untilReplicas(engine, 'it is ready', allReady(1), app);
    assert.ok(first);
    await engine.stop(ctx, first.id, 5000);
    await engine.grow(ctx, pool, revision, server(), 1);
    const [second] = await untilReplicas(engine, 'the second is ready alone', allReady(1), app);
    assert.notEqual(second?.id, first.id);
  });

  it('a pool without replicas can be forgotten, one with replicas cannot', async (t) => {
    const { app, engine, server } = await make(t);
    const { ctx, pool } = await deploy(engine, server(), 1);
    await assert.rejects(engine.forget(ctx, pool.id), { code: 'E_POOL_IN_USE' });
    // Until then an engine may tell of one that is only wanted.
    const [replica] = await untilReplicas(engine, 'it is ready', allReady(1), app);
    await engine.stop(ctx, replica?.id ?? '', 0);
    await untilReplicas(engine, 'none is left', (all) => all.length === 0, app);
    await engine.forget(ctx, pool.id);
    await engine.forget(ctx, pool.id);
  });
}

function refusing(make: Make): void {
  it('refuses whoever decides from an older state than it has seen', async (t) => {
    const { app, engine, server } = await make(t);
    const run = await engine.prepare(server(), QUIETLY);
    const revision = revisionOf(run);
    const pool = poolOf(revision);
    await engine.grow({ app, stateVersion: 7 }, pool, revision, server(), 1);
    const [replica] = await engine.list(app);
    const older = { app, stateVersion: 6 };
    const stale = { code: 'E_STALE_WRITER' };
    await assert.rejects(engine.grow(older, pool, revision, server(), 2), stale);
    await assert.rejects(engine.stop(older, replica?.id ?? '', 0), stale);
    await assert.rejects(engine.forget(older, pool.id), stale);
    assert.equal((await engine.list(app)).length, 1);
    await engine.grow({ app: `${app}-other`, stateVersion: 1 }, pool, revision, server(), 0);
  });
}

function watching(make: Make): void {
  it('tells of every change until it is unsubscribed', async (t) => {
    const { app, engine, server } = await make(t);
    let told = 0;
    const unsubscribe = engine.onChange((changed) => {
      if (changed === app) told += 1;
    });
    const ready = new Promise<void>((resolve) => {
      engine.onChange(() => {
        void engine.list(app).then((all) => all.some((one) => one.ready) && resolve());
      });
    });
    await deploy(engine, server(), 1);
    await ready;
    assert.ok(told >= 2, `told ${told} times`);
    unsubscribe();
    const before = told;
    const [replica] = await engine.list(app);
    await engine.stop({ app, stateVersion: 9 }, replica?.id ?? '', 0);
    await untilReplicas(engine, 'none is left', (all) => all.length === 0, app);
    assert.equal(told, before);
  });

  it('gives log lines with their replica, the last ones on demand', async (t) => {
    const { app, engine, server, fetch } = await make(t);
    const { pool } = await deploy(engine, server(), 1);
    const [replica] = await untilReplicas(engine, 'it is ready', allReady(1), app);
    assert.ok(replica);
    for (let n = 0; n < 3; n++) await fetch(replica);
    const lines = await Array.fromAsync(engine.logs({ app, follow: false }));
    const stdout = lines.filter(({ stream }) => stream === 'stdout');
    assert.equal(stdout.filter(({ text }) => text.includes('request')).length, 3);
    assert.ok(lines.every(({ replica: from }) => from === replica.id));
    const last = await Array.fromAsync(engine.logs({ app, follow: false, pool: pool.id, tail: 1 }));
    assert.deepEqual(last, lines.slice(-1));
    assert.deepEqual(await Array.fromAsync(engine.logs({ app, follow: false, pool: 'other' })), []);
  });

  it('follows logs until it is told to end', async (t) => {
    const { app, engine, server, fetch } = await make(t);
    const ending = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      for await (const line of engine.logs({ app, follow: true, signal: ending.signal })) {
        seen.push(line.text);
        if (line.text.includes('request')) ending.abort();
      }
    })();
    await deploy(engine, server(), 1);
    const [replica] = await untilReplicas(engine, 'it is ready', allReady(1), app);
    assert.ok(replica);
    await fetch(replica);
    await following;
    assert.equal(seen.filter((text) => text.includes('request')).length, 1);
  });
}

function endings(make: Make): void {
  it('following one replica ends when nothing of it is left, after its last line', async (t) => {
    const { app, engine, server, cannot = {} } = await make(t);
    const { ctx } = await deploy(engine, server(), 1);
    const [replica] = await untilReplicas(engine, 'it is ready', allReady(1), app);
    const id = replica?.id ?? '';
    const following = Array.fromAsync(engine.logs({ app, follow: true, replica: id }));
    await engine.stop(ctx, id, 5000);
    const lines = await following;
    if (cannot.keepLogs) await untilReplicas(engine, 'it is gone', (all) => all.length === 0, app);
    assert.deepEqual(await engine.list(app), []);
    assert.deepEqual(
      await Array.fromAsync(engine.logs({ app, follow: false })),
      cannot.keepLogs ? [] : lines,
    );
    assert.deepEqual(await Array.fromAsync(engine.logs({ app, follow: true, replica: 'never-was' })), []);
  });
}

function outliving(make: Make): void {
  it('replicas outlive the engine, which finds them again and asks their health before it calls them ready', async (t) => {
    const { app, engine, server, fetch, reopen, cannot = {} } = await make(t);
    await deploy(engine, server(), 2);
    const before = await untilReplicas(engine, 'two are ready', allReady(2), app);
    await engine.close();
    for (const replica of before) assert.equal(await fetch(replica), 200);
    const next = await reopen();
    for (const replica of await next.list(app))
      assert.deepEqual([replica.ready, replica.wasReady], [cannot.loseHealth !== undefined, true]);
    const after = await untilReplicas(next, 'two are ready again', allReady(2), app);
    const lasting = ({ id, address, startedAt, restarts }: Replica) => ({ id, address, startedAt, restarts });
    assert.deepEqual(after.map(lasting), before.map(lasting));
  });

  it('does nothing after it was closed', async (t) => {
    const { engine, server, reopen } = await make(t);
    await engine.close();
    await engine.close();
    await assert.rejects(engine.prepare(server(), QUIETLY));
    await reopen();
  });

  it('sweeps what nothing uses and nothing else', async (t) => {
    const { app, engine, server } = await make(t);
    const { revision, ctx, pool } = await deploy(engine, server(), 1);
    await untilReplicas(engine, 'it is ready', allReady(1), app);
    await engine.sweep(async () => new Map([[app, [revision]]]));
    await engine.grow(ctx, pool, revision, server(), 2);
    await untilReplicas(engine, 'both are ready', allReady(2), app);
    await engine.sweep(async () => new Map());
    await untilReplicas(engine, 'none is left', (all) => all.length === 0, app);
  });
}
