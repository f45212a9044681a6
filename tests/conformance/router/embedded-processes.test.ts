import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { createEmbeddedRouter } from '../../../src/routers/embedded/index.ts';
import { freePort } from '../../support/free-port.ts';
import { processesUnder } from '../../support/processes.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';
import { occupy } from './backend.ts';
import { KeptAlive, once } from './client.ts';
import { Installation, kill, killRouter, replaced } from './installation.ts';
import { Lab } from './lab.ts';
import { startLoad } from './load.ts';

describe('the embedded router’s processes', { concurrency: 2, timeout: 120_000 }, () => {
  it('worker killed: another one serves the same table on the same socket, and what waited to be accepted is served', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    await lab.apply({ members: { blue: [await lab.backend('blue')] } });
    const before = await router.status();
    await kill(before.workerPid);
    // Nobody accepts now; the kernel keeps the connection for the next worker.
    const replies = await Promise.all(Array.from({ length: 10 }, () => once(lab.port)));
    for (const reply of replies) assert.equal(reply.body, 'blue');
    const after = await router.status();
    assert.notEqual(after.workerPid, before.workerPid);
    assert.notEqual(after.epoch, before.epoch);
    assert.equal(after.parentPid, before.parentPid);
    const { view } = await lab.observe();
    assert.equal(view.ackedGeneration, 1);
    assert.equal(view.epoch, after.epoch);
    await lab.apply({ members: { green: [await lab.backend('green')] } });
    assert.equal((await once(lab.port)).body, 'green');
  });

  it('worker killed in the middle of a change: the change is made by the next one', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    await lab.apply({ members: { blue: [await lab.backend('blue')] } });
    process.kill((await router.status()).workerPid, 'SIGKILL');
    await lab.apply({ members: { green: [await lab.backend('green')] } });
    assert.equal((await once(lab.port)).body, 'green');
  });

  it('parent killed under load: nothing is lost, counters go on, and a new parent guards the worker', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    await lab.apply({ members: { blue: [await lab.backend('blue')] } });
    const load = startLoad({ port: lab.port, kept: 8, fresh: 4 });
    await load.more(200);
    const before = await router.status();
    await kill(before.parentPid);
    await load.more(200);
    await replaced(router, 'parentPid', before.parentPid);
    await load.more(200);
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.deepEqual(new Set(load.replies.map((reply) => reply.status)), new Set([200]));
    const between = await router.status();
    assert.equal(between.epoch, before.epoch);
    assert.equal((await lab.counts('blue')).requests, load.replies.length);
    // The new parent holds the sockets: it can bind more, and start a worker.
    const other = new Lab(t, router, 'default/other', await freePort());
    await other.apply({ members: { p: [await other.backend('other')] } });
    await kill(between.workerPid);
    assert.equal((await once(lab.port)).body, 'blue');
    assert.equal((await once(other.port)).body, 'other');
    assert.notEqual((await router.status()).workerPid, between.workerPid);
  });

  it('parents killed again and again: the last one still guards', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    await lab.apply({ members: { blue: [await lab.backend('blue')] } });
    for (let i = 0; i < 3; i++) {
      const { parentPid } = await router.status();
      await kill(parentPid);
      await replaced(router, 'parentPid', parentPid);
    }
    const { parentPid, workerPid } = await router.status();
    const tookOver = new RegExp(`"pid":${parentPid},.*took over`);
    await waitFor(() => tookOver.test(fs.readFileSync(here.file('router.log'), 'utf8')), {
      what: 'the last takeover',
    });
    await kill(workerPid);
    assert.equal((await once(lab.port)).body, 'blue');
  });

  it('worker killed while a new parent takes over: everything is served again', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    await lab.apply({ members: { blue: [await lab.backend('blue')] } });
    const before = await router.status();
    await kill(before.parentPid);
    await replaced(router, 'parentPid', before.parentPid);
    // The new parent is a process already, and has not been given anything yet.
    process.kill(before.workerPid, 'SIGKILL');
    await replaced(router, 'workerPid', before.workerPid);
    assert.equal((await once(lab.port)).body, 'blue');
    await waitFor(async () => (await processesUnder(here.stateDir)).length === 2, {
      what: 'two processes to be left',
    });
  });

  it('both killed: the daemon starts it again, and it serves the last table', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    await lab.apply({ members: { blue: [await lab.backend('blue')], green: [await lab.backend('green')] } });
    await lab.apply({ members: { green: [await lab.backend('green')] } });
    const before = await router.status();
    killRouter(before);
    await replaced(router, 'workerPid', before.workerPid);
    assert.equal((await once(lab.port)).body, 'green');
    const { view } = await lab.observe();
    assert.equal(view.ackedGeneration, 2);
    await assert.rejects(lab.apply({ members: {}, generation: 1 }), { code: 'E_STALE_WRITER' });
  });

  it('daemon gone: traffic goes on, and the next daemon finds the same router', async (t) => {
    const here = await Installation.make(t);
    const first = await here.daemon();
    const lab = await here.lab(first);
    const pools = { blue: [await lab.backend('blue')], green: [await lab.backend('green')] };
    await lab.apply({ members: pools });
    const load = startLoad({ port: lab.port, kept: 4, fresh: 2 });
    const before = await first.status();
    await first.close();
    await assert.rejects(first.observe(lab.app), { code: 'E_ROUTER_DOWN' });
    await load.more(200);
    const second = await here.daemon();
    assert.deepEqual(await second.status(), before);
    const next = new Lab(t, second, lab.app, lab.port);
    next.generation = 1;
    next.stateVersion = 1;
    await next.apply({ members: pools, weights: { green: 10_000 } });
    await load.more(100);
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.equal(load.replies.at(-1)?.body, 'green');
  });

  it('worker killed without a daemon: the parent is enough', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    await lab.apply({ members: { blue: [await lab.backend('blue')] } });
    const { workerPid } = await router.status();
    await router.close();
    await kill(workerPid);
    assert.equal((await once(lab.port)).body, 'blue');
  });

  it('machine started anew: 503 until the table is applied again', async (t) => {
    const here = await Installation.make(t);
    const first = await here.daemon('boot-1');
    const lab = await here.lab(first);
    const pools = { blue: [await lab.backend('blue')] };
    await lab.apply({ members: pools });
    const before = await first.status();
    await first.close();
    killRouter(before);
    await waitFor(async () => (await processesUnder(here.stateDir)).length === 0, {
      what: 'the router to be gone',
    });
    const second = await here.daemon('boot-2');
    const unverified = await once(lab.port);
    assert.equal(unverified.status, 503);
    assert.equal(unverified.headers.get('x-crossfade-error'), 'E_ROUTE_UNVERIFIED');
    const next = new Lab(t, second, lab.app, lab.port);
    assert.equal((await next.observe()).view.ackedGeneration, 0);
    await next.apply({ members: pools, generation: 1, stateVersion: 1 });
    assert.equal((await once(lab.port)).body, 'blue');
  });

  it('an App that is deleted while its port is taken by others does not come back, whatever is started again', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    await lab.apply({ members: { blue: [await lab.backend('blue')] } });
    const before = await router.status();
    await router.close();
    killRouter(before);
    await waitFor(async () => (await processesUnder(here.stateDir)).length === 0, {
      what: 'the router to be gone',
    });
    const other = await occupy(lab.port);
    const second = await here.daemon();
    await second.remove({ app: lab.app, stateVersion: 2 });
    await other.close();
    const tried = fs.readFileSync(here.file('router.log'), 'utf8').split('cannot be served again').length;
    assert.ok(tried > 1, 'the table was to be served again');
    assert.deepEqual(fs.readdirSync(here.file('tables')), []);
    const { workerPid } = await second.status();
    await kill(workerPid);
    await replaced(second, 'workerPid', workerPid);
    await assert.rejects(once(lab.port), { code: 'ECONNREFUSED' });
    assert.deepEqual((await second.status()).apps, []);
  });

  it('upgraded under load: another worker, and nothing is lost', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    const blue = await lab.backend('blue');
    await lab.apply({ members: { blue: [blue] } });
    const load = startLoad({ port: lab.port, kept: 12, fresh: 6 });
    const seen = new Set<number>();
    for (let i = 0; i < 3; i++) {
      await load.more(200);
      seen.add((await router.status()).workerPid);
      await router.upgrade();
    }
    await load.more(200);
    seen.add((await router.status()).workerPid);
    await load.stop();
    assert.equal(seen.size, 4);
    assert.deepEqual(load.failures, []);
    assert.deepEqual(new Set(load.replies.map((reply) => reply.status)), new Set([200]));
  });

  it('upgraded with a request open: it is answered, and counted until then', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    const blue = await lab.backend('blue');
    await lab.apply({ members: { blue: [blue] } });
    const slow = once(lab.port, { path: '/slow' });
    await lab.inFlight('blue', 1);
    await router.upgrade();
    await lab.inFlight('blue', 1);
    assert.equal((await once(lab.port)).body, 'blue');
    blue.release();
    assert.equal((await slow).body, 'blue');
    await lab.inFlight('blue', 0);
  });

  it('upgraded, then switched: a connection of the worker before follows the new table in its last answer', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    const pools = { blue: [await lab.backend('blue')], green: [await lab.backend('green')] };
    await lab.apply({ members: pools });
    const client = new KeptAlive(lab.port);
    t.after(() => client.close());
    assert.equal((await client.get()).body, 'blue');
    await router.upgrade();
    await lab.apply({ members: pools, weights: { green: 10_000 } });
    assert.equal((await lab.observe()).view.workers, 2);
    const last = await client.get();
    assert.equal(last.body, 'green');
    assert.equal(last.headers.get('connection'), 'close');
    assert.equal((await client.get()).body, 'green');
    assert.equal(client.connections, 2);
    await waitFor(async () => (await lab.observe()).view.workers === 1, { what: 'the worker before to end' });
  });

  it('upgraded while it holds requests: they are let through with the next table', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    const pools = { blue: [await lab.backend('blue')] };
    await lab.apply({ members: pools, route: { admit: { kind: 'hold', maxRequests: 10, maxMs: 60_000 } } });
    const held = Promise.all([1, 2, 3].map(() => once(lab.port)));
    await waitFor(async () => (await lab.observe()).view.admission.held === 3, { what: 'three to be held' });
    await router.upgrade();
    await lab.apply({ members: pools });
    for (const reply of await held) assert.equal(reply.body, 'blue');
  });

  it('parent killed in the middle of an upgrade: one worker and one parent are left, and nothing is lost', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    await lab.apply({ members: { blue: [await lab.backend('blue')] } });
    const load = startLoad({ port: lab.port, kept: 4, fresh: 2 });
    await load.more(50);
    const { parentPid } = await router.status();
    const upgraded = router.upgrade().catch((error: unknown) => error);
    await waitFor(async () => (await processesUnder(here.stateDir)).length === 3, {
      what: 'a third process',
    });
    await kill(parentPid);
    await upgraded;
    await waitFor(async () => (await processesUnder(here.stateDir)).length === 2, {
      what: 'two processes to be left',
      timeoutMs: 30_000,
    });
    await load.more(50);
    await load.stop();
    assert.deepEqual(load.failures, []);
    await lab.apply({ members: { green: [await lab.backend('green')] } });
    assert.equal((await once(lab.port)).body, 'green');
  });

  it('an upgrade to what does not start is refused, and the worker stays', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    await lab.apply({ members: { blue: [await lab.backend('blue')] } });
    const { workerPid } = await router.status();
    await assert.rejects(router.upgrade(path.join(here.stateDir, 'nothing.js')), /ended before it served/);
    assert.equal((await router.status()).workerPid, workerPid);
    await kill(workerPid);
    assert.equal((await once(lab.port)).body, 'blue', 'the next worker is of the version that works');
  });

  it('two daemons start it at once: one parent, one worker', async (t) => {
    const here = await Installation.make(t);
    const routers = await Promise.all([here.daemon(), here.daemon(), here.daemon()]);
    const pids = await Promise.all(routers.map(async (router) => (await router.status()).workerPid));
    assert.equal(new Set(pids).size, 1);
    await waitFor(async () => (await processesUnder(here.stateDir)).length === 2, {
      what: 'the others to have ended',
    });
  });

  it('tables cannot be written: they are served all the same, also by the next worker', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    fs.writeFileSync(here.file('tables'), 'a file where the folder should be');
    await lab.apply({ members: { blue: [await lab.backend('blue')] } });
    assert.equal((await once(lab.port)).body, 'blue');
    await kill((await router.status()).workerPid);
    assert.equal((await once(lab.port)).body, 'blue');
    assert.match(fs.readFileSync(here.file('router.log'), 'utf8'), /a table could not be written down/);
  });

  it('shut down after both its processes were killed: no other is started to be told to end', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const { workerPid, parentPid } = await router.status();
    for (const pid of [workerPid, parentPid]) if (pid !== null) process.kill(pid, 'SIGKILL');
    await router.shutdown();
    assert.deepEqual(await processesUnder(here.stateDir), []);
  });

  it('shut down: no process, no socket and no table is left, and open requests are answered', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    const blue = await lab.backend('blue');
    await lab.apply({ members: { blue: [blue] } });
    const idle = new KeptAlive(lab.port);
    t.after(() => idle.close());
    await idle.get();
    const slow = once(lab.port, { path: '/slow' });
    await lab.inFlight('blue', 1);
    const down = router.shutdown();
    await waitFor(
      async () =>
        await once(lab.port).then(
          () => false,
          () => true,
        ),
      { what: 'the port to close' },
    );
    blue.release();
    assert.equal((await slow).body, 'blue');
    await down;
    assert.deepEqual(await processesUnder(here.stateDir), []);
    assert.deepEqual(fs.readdirSync(here.file()), ['router.log']);
  });

  it('the control socket is for this user alone', async (t) => {
    const here = await Installation.make(t);
    await here.daemon();
    assert.equal(fs.statSync(here.file('control.sock')).mode & 0o777, 0o600);
    assert.equal(fs.statSync(here.file()).mode & 0o777, 0o700);
  });

  it('a state folder that cannot be used is told, with what the log says', async (t) => {
    const folder = await tempDir(t, 'r-');
    const stateDir = path.join(folder, 'state');
    fs.mkdirSync(stateDir);
    fs.writeFileSync(path.join(stateDir, 'router'), 'a file where the folder should be');
    const refused = createEmbeddedRouter({ stateDir, bootId: 'b', startTimeoutMs: 500 });
    await assert.rejects(refused, { code: 'E_ROUTER_DOWN', message: /EEXIST|ENOTDIR/ });
  });
});
