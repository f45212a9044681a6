import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Router } from '../../../src/ports/router.ts';
import { deadAddress } from './backend.ts';
import { KeptAlive, once } from './client.ts';
import { Lab } from './lab.ts';
import { startLoad } from './load.ts';

export function failureCases(router: () => Router): void {
  describe('a broken replica', () => {
    it('that refuses connections costs nothing while another of its pool is there, whatever the method', async (t) => {
      const lab = await Lab.start(t, router());
      const alive = await lab.backend('alive');
      await lab.apply({ members: { pool: [await deadAddress(), alive] } });
      for (let i = 0; i < 10; i++) {
        assert.equal((await once(lab.port)).body, 'alive');
        assert.equal((await once(lab.port, { method: 'POST', path: '/echo', body: 'once' })).body, 'once');
      }
      assert.equal((await lab.counts('alive')).requests, 20);
    });

    it('takes a large upload to another one when it refuses the connection', async (t) => {
      const lab = await Lab.start(t, router());
      const alive = await lab.backend('alive');
      await lab.apply({ members: { pool: [await deadAddress(), alive] } });
      const body = 'y'.repeat(500_000);
      const replies = await Promise.all(
        [1, 2].map(() => once(lab.port, { method: 'POST', path: '/echo', body })),
      );
      for (const reply of replies) assert.equal(reply.body, body);
    });

    it('is 502 for its own users: another pool does not answer for it', async (t) => {
      const lab = await Lab.start(t, router());
      const stable = await lab.backend('stable');
      const dead = await deadAddress();
      await lab.apply({
        members: { stable: [stable], candidate: [dead] },
        weights: { stable: 5000, candidate: 5000 },
      });
      const replies = await Promise.all(Array.from({ length: 10 }, () => once(lab.port)));
      assert.equal(replies.filter((reply) => reply.body === 'stable').length, 5);
      const failed = replies.filter((reply) => reply.status === 502);
      assert.equal(failed.length, 5);
      for (const reply of failed) assert.ok(reply.headers.get('x-crossfade-error'));
      const { requests, failed: counted, split } = await lab.counts(`dead-${dead}`);
      assert.deepEqual({ requests, counted, split }, { requests: 5, counted: 5, split: 5 });
    });

    it('of a roll costs nobody a request: all replicas of both versions are one set', async (t) => {
      const lab = await Lab.start(t, router());
      const [old, young] = await Promise.all([lab.backend('old'), lab.backend('young')]);
      await lab.apply({
        members: { old: [old], young: [young] },
        route: { split: { kind: 'perReadyReplica', to: ['old', 'young'] } },
      });
      const load = startLoad({ port: lab.port, kept: 4, fresh: 4 });
      await load.more(100);
      await young.close();
      await load.more(300);
      await load.stop();
      assert.deepEqual(load.failures, []);
      assert.deepEqual(new Set(load.replies.map((reply) => reply.status)), new Set([200]));
      const last = await once(lab.port);
      assert.deepEqual([last.body, last.headers.get('x-crossfade-revision')], ['old', 'v1-old']);
    });

    it('is asked again at another one for what may be repeated, and never for what may not', async (t) => {
      const lab = await Lab.start(t, router());
      const [a, b] = await Promise.all([lab.backend('a'), lab.backend('b')]);
      await lab.apply({ members: { pool: [a, b] } });
      assert.equal((await once(lab.port, { path: '/die' })).status, 502);
      const gets = (a.arrived.get('/die') ?? 0) + (b.arrived.get('/die') ?? 0);
      assert.ok(gets > 1, `a GET was tried ${gets} times`);
      assert.equal((await once(lab.port, { method: 'POST', path: '/die', body: 'x' })).status, 502);
      const all = (a.arrived.get('/die') ?? 0) + (b.arrived.get('/die') ?? 0);
      assert.equal(all, gets + 1, 'the POST was sent once');
    });

    it('that is killed under load loses no request that may be repeated', async (t) => {
      const lab = await Lab.start(t, router());
      const [a, b] = await Promise.all([lab.backend('a'), lab.backend('b')]);
      await lab.apply({ members: { pool: [a, b] } });
      const load = startLoad({ port: lab.port, kept: 16, fresh: 4 });
      await load.more(300);
      await a.close();
      await load.more(600);
      await load.stop();
      assert.deepEqual(load.failures, []);
      assert.deepEqual(new Set(load.replies.map((reply) => reply.status)), new Set([200]));
    });

    it('that does not answer in time is 504', async (t) => {
      const lab = await Lab.start(t, router());
      await lab.apply({ members: { pool: [await lab.backend('a')] }, front: { upstreamTimeoutMs: 100 } });
      const reply = await once(lab.port, { path: '/hang' });
      assert.equal(reply.status, 504);
      assert.equal((await lab.counts('a')).failed, 1);
    });

    it('that comes back is used again', async (t) => {
      const lab = await Lab.start(t, router());
      const a = await lab.backend('a');
      await lab.apply({ members: { pool: [a] } });
      const client = new KeptAlive(lab.port);
      t.after(() => client.close());
      assert.equal((await client.get()).status, 200);
      await lab.apply({ members: { pool: [] } });
      assert.equal((await client.get()).status, 503, 'nobody is in the route');
      await lab.apply({ members: { pool: [a] } });
      assert.equal((await client.get()).status, 200);
    });

    it('is not asked for the client that went away', async (t) => {
      const lab = await Lab.start(t, router());
      const a = await lab.backend('a');
      await lab.apply({ members: { pool: [a] } });
      const client = new KeptAlive(lab.port);
      const gone = assert.rejects(client.get('/hang'));
      await lab.inFlight('a', 1);
      client.reset();
      await gone;
      await lab.inFlight('a', 0);
    });
  });
}
