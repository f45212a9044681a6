import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, it } from 'node:test';
import { identityOf, isAlive } from '../../../src/routers/embedded/identity.ts';
import { waitFor } from '../../support/wait-for.ts';
import { KeptAlive, once } from './client.ts';
import { Installation, kill, replaced } from './installation.ts';

describe('a worker that is being replaced', { concurrency: 2, timeout: 120_000 }, () => {
  it('keeps a route from being acknowledged until it follows it', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    const pools = { blue: [await lab.backend('blue')], green: [await lab.backend('green')] };
    await lab.apply({ members: pools });
    const client = new KeptAlive(lab.port);
    t.after(() => client.close());
    await client.get();
    const { workerPid } = await router.status();
    const before = identityOf(workerPid);
    assert.ok(before);
    await router.upgrade();
    await replaced(router, 'workerPid', workerPid);
    process.kill(workerPid, 'SIGSTOP');
    const applied = lab.apply({ members: pools, weights: { green: 10_000 } });
    // The worker that serves has made the change, and says so only when the other one has, or is dead.
    await waitFor(async () => (await once(lab.port)).body === 'green', { what: 'the new route' });
    const { ackedGeneration } = (await lab.observe()).view;
    assert.ok(ackedGeneration === 1 || !isAlive(before), `${ackedGeneration} is acknowledged`);
    process.kill(workerPid, 'SIGCONT');
    await applied;
    assert.equal((await lab.observe()).view.ackedGeneration, 2);
    assert.equal((await client.get()).body, 'green');
  });

  it('is ended when it does not follow: what hangs holds up no route', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    const pools = { blue: [await lab.backend('blue')], green: [await lab.backend('green')] };
    await lab.apply({ members: pools });
    const client = new KeptAlive(lab.port);
    t.after(() => client.close());
    await client.get();
    const { workerPid } = await router.status();
    const before = identityOf(workerPid);
    assert.ok(before);
    await router.upgrade();
    await replaced(router, 'workerPid', workerPid);
    process.kill(workerPid, 'SIGSTOP');
    // Asked again until it is acknowledged, as the daemon does.
    const acknowledged = (): Promise<boolean> =>
      lab.apply({ members: pools, weights: { green: 10_000 } }).then(
        () => true,
        () => false,
      );
    await waitFor(acknowledged, { what: 'the route to be acknowledged', timeoutMs: 60_000 });
    // Killed, it answers nothing any more; the kernel may take a moment to call it dead. Stopped, it would stay.
    await waitFor(() => !isAlive(before), { what: 'the end of the worker that does not follow' });
    assert.equal((await once(lab.port)).body, 'green');
  });

  it('by a signal, while the route changes again and again, takes no change away with it', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    const pools = { blue: [await lab.backend('blue')], green: [await lab.backend('green')] };
    await lab.apply({ members: pools });
    for (let round = 0; round < 3; round++) {
      const { workerPid } = await router.status();
      process.kill(workerPid, 'SIGTERM');
      let wanted = 'blue';
      do {
        wanted = wanted === 'blue' ? 'green' : 'blue';
        await lab.apply({ members: pools, weights: { [wanted]: 10_000 } });
        assert.equal((await once(lab.port)).body, wanted);
      } while ((await router.status()).workerPid === workerPid);
      assert.equal((await once(lab.port)).body, wanted);
      assert.equal((await lab.observe()).view.ackedGeneration, lab.generation);
    }
  });

  it('is forgotten when it has ended, also when the parent that knew of it is dead', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    const pools = { blue: [await lab.backend('blue')], green: [await lab.backend('green')] };
    await lab.apply({ members: pools });
    const slow = once(lab.port, { path: '/hang' }).catch(() => undefined);
    await lab.inFlight('blue', 1);
    await router.upgrade();
    assert.equal((await lab.observe()).view.workers, 2);
    const { parentPid } = await router.status();
    await kill(parentPid);
    await replaced(router, 'parentPid', parentPid);
    await lab.apply({ members: pools, weights: { green: 10_000 } });
    assert.equal((await once(lab.port)).body, 'green');
    await waitFor(async () => (await lab.observe()).view.workers === 1, { what: 'it to be forgotten' });
    await lab.inFlight('blue', 0);
    await slow;
  });

  it('is replaced once, however little there is to finish', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const { workerPid } = await router.status();
    await router.upgrade();
    await replaced(router, 'workerPid', workerPid);
    assert.equal(fs.readFileSync(here.file('router.log'), 'utf8').split('successor started').length, 2);
  });

  it('takes no upgrade while it has no parent, and changes go on', async (t) => {
    const here = await Installation.make(t);
    const router = await here.daemon();
    const lab = await here.lab(router);
    const pools = { blue: [await lab.backend('blue')], green: [await lab.backend('green')] };
    await lab.apply({ members: pools });
    for (let round = 0; round < 3; round++) {
      const { parentPid } = await router.status();
      assert.ok(parentPid !== null);
      process.kill(parentPid, 'SIGKILL');
      await router.upgrade().catch(() => undefined);
      const wanted = round % 2 === 0 ? 'green' : 'blue';
      await lab.apply({ members: pools, weights: { [wanted]: 10_000 } });
      assert.equal((await once(lab.port)).body, wanted);
      await replaced(router, 'parentPid', parentPid);
    }
  });
});
