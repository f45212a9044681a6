import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Router } from '../../../src/ports/router.ts';
import { waitFor } from '../../support/wait-for.ts';
import { KeptAlive } from './client.ts';
import { Lab } from './lab.ts';
import { startLoad } from './load.ts';

export function switchCases(router: () => Router): void {
  describe('a switch', () => {
    it('loses nothing, and every request that starts after it was acknowledged goes to the new pool', async (t) => {
      const lab = await Lab.start(t, router());
      const pools = { blue: [await lab.backend('blue')], green: [await lab.backend('green')] };
      await lab.apply({ members: pools });
      const load = startLoad({ port: lab.port, kept: 16, fresh: 4 });
      const switches: { at: number; to: string }[] = [];
      for (const to of ['green', 'blue', 'green', 'blue', 'green']) {
        await load.more(300);
        await lab.apply({ members: pools, weights: { [to]: 10_000 } });
        switches.push({ at: performance.now(), to });
      }
      await load.more(300);
      await load.stop();
      assert.deepEqual(load.failures, []);
      assert.deepEqual(new Set(load.replies.map((reply) => reply.status)), new Set([200]));
      for (const [i, { at, to }] of switches.entries()) {
        // Those that were on their way when the next switch came may have gone either way.
        const until = (switches[i + 1]?.at ?? Number.POSITIVE_INFINITY) - 200;
        const after = load.replies.filter((reply) => reply.startedAt > at && reply.startedAt < until);
        assert.deepEqual(
          new Set(after.map((reply) => reply.body)),
          after.length > 0 ? new Set([to]) : new Set(),
        );
      }
      const last = switches.at(-1)?.at ?? 0;
      const atTheEnd = load.replies.filter((reply) => reply.startedAt > last);
      assert.ok(atTheEnd.length > 100);
      assert.deepEqual(new Set(atTheEnd.map((reply) => reply.body)), new Set(['green']));
    });

    it('is followed by a kept-alive connection at its next request', async (t) => {
      const lab = await Lab.start(t, router());
      const pools = { blue: [await lab.backend('blue')], green: [await lab.backend('green')] };
      await lab.apply({ members: pools });
      const client = new KeptAlive(lab.port);
      t.after(() => client.close());
      assert.equal((await client.get()).body, 'blue');
      await lab.apply({ members: pools, weights: { green: 10_000 } });
      assert.equal((await client.get()).body, 'green');
      await lab.apply({ members: pools, weights: { blue: 10_000 } });
      assert.equal((await client.get()).body, 'blue');
      assert.equal(client.connections, 1);
    });

    it('is acknowledged with its generation, and the first answer under it is noted', async (t) => {
      const lab = await Lab.start(t, router());
      const pools = { blue: [await lab.backend('blue')] };
      assert.equal((await lab.observe()).view.ackedGeneration, 0);
      const heard: string[] = [];
      t.after(lab.router.onChange((app) => heard.push(app)));
      const table = await lab.apply({ members: pools });
      const { view } = await lab.observe();
      assert.equal(view.ackedGeneration, 1);
      assert.deepEqual(view.serving, table);
      assert.deepEqual(view.firstAnswerAt, {});
      await waitFor(() => heard.length > 0, { what: 'the acknowledgement to be announced' });
      heard.length = 0;
      const client = new KeptAlive(lab.port);
      t.after(() => client.close());
      const reply = await client.get();
      assert.equal(reply.headers.get('x-crossfade-revision'), 'v1-blue');
      await waitFor(() => heard.includes(lab.app), { what: 'the first answer to be announced' });
      assert.ok(((await lab.observe()).view.firstAnswerAt.blue ?? 0) > 0);
    });

    it('is harmless when it is repeated', async (t) => {
      const lab = await Lab.start(t, router());
      const pools = { blue: [await lab.backend('blue')] };
      await lab.apply({ members: pools });
      await lab.apply({ members: pools, generation: 1, stateVersion: 1 });
      assert.equal((await lab.observe()).view.ackedGeneration, 1);
    });

    it('from a writer that is behind is refused, and the route stays', async (t) => {
      const lab = await Lab.start(t, router());
      const pools = { blue: [await lab.backend('blue')], green: [await lab.backend('green')] };
      await lab.apply({ members: pools, generation: 5, stateVersion: 5 });
      const stale = { code: 'E_STALE_WRITER' };
      const toGreen = { members: pools, weights: { green: 10_000 } };
      await assert.rejects(lab.apply({ ...toGreen, generation: 4, stateVersion: 6 }), stale);
      await assert.rejects(lab.apply({ ...toGreen, generation: 6, stateVersion: 4 }), stale);
      await assert.rejects(lab.router.drain({ app: lab.app, stateVersion: 4 }, 'blue', Date.now()), stale);
      await assert.rejects(lab.router.remove({ app: lab.app, stateVersion: 4 }), stale);
      assert.equal((await new KeptAlive(lab.port).get('/', { Connection: 'close' })).body, 'blue');
    });
  });
}
