import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Router } from '../../../src/ports/router.ts';
import { waitFor } from '../../support/wait-for.ts';
import { KeptAlive, once } from './client.ts';
import { Lab } from './lab.ts';
import { startLoad } from './load.ts';

export function admissionCases(router: () => Router): void {
  describe('admission', () => {
    it('refuses with 503 of the router itself, and the connection stays', async (t) => {
      const lab = await Lab.start(t, router());
      const pools = { old: [await lab.backend('old')] };
      await lab.apply({ members: pools });
      const client = new KeptAlive(lab.port);
      t.after(() => client.close());
      assert.equal((await client.get()).status, 200);
      const heard: string[] = [];
      await lab.apply({ members: pools, route: { admit: { kind: 'refuse' } } });
      t.after(lab.router.onChange((app) => heard.push(app)));
      const refused = await client.get();
      assert.equal(refused.status, 503);
      assert.ok(refused.headers.get('retry-after'));
      assert.ok(refused.headers.get('x-crossfade-error'));
      assert.equal((await client.send('POST', '/', {}, 'body')).status, 503);
      await waitFor(() => heard.length > 0, { what: 'the first refusal to be announced' });
      const { admission } = (await lab.observe()).view;
      assert.equal(admission.refused, 2);
      assert.ok((admission.firstAt ?? 0) > 0);
      await lab.apply({ members: pools });
      assert.equal((await client.get()).status, 200);
      assert.equal(client.connections, 1);
      assert.equal((await lab.observe()).view.admission.refused, 2);
    });

    it('holds requests over an outage and none fails', async (t) => {
      const lab = await Lab.start(t, router());
      if (!lab.router.capabilities.hold) return t.skip('capability: hold');
      const [before, after] = await Promise.all([lab.backend('before'), lab.backend('after')]);
      await lab.apply({ members: { old: [before] } });
      const load = startLoad({ port: lab.port, kept: 12, fresh: 4 });
      await load.more(200);
      const admit = { kind: 'hold', maxRequests: 100, maxMs: 60_000 } as const;
      await lab.apply({ members: { old: [] }, route: { admit } });
      await waitFor(async () => (await lab.observe()).view.admission.held === 16, {
        what: 'every sender to be held',
      });
      await lab.inFlight('before', 0);
      await before.close();
      await lab.apply({ members: { new: [after] } });
      await load.more(200);
      await load.stop();
      assert.deepEqual(load.failures, []);
      assert.deepEqual(new Set(load.replies.map((reply) => reply.status)), new Set([200]));
      assert.equal(load.replies.at(-1)?.body, 'after');
    });

    it('holds no more than it may, and no longer', async (t) => {
      const lab = await Lab.start(t, router());
      if (!lab.router.capabilities.hold) return t.skip('capability: hold');
      const pools = { old: [await lab.backend('old')] };
      await lab.apply({ members: pools, route: { admit: { kind: 'hold', maxRequests: 2, maxMs: 600 } } });
      const replies = await Promise.all([1, 2, 3].map(() => once(lab.port)));
      assert.deepEqual(
        replies.map((reply) => reply.status),
        [503, 503, 503],
      );
      const { admission } = (await lab.observe()).view;
      assert.deepEqual({ held: admission.held, refused: admission.refused }, { held: 2, refused: 3 });
    });

    it('gives a held request with a body to the replica whole', async (t) => {
      const lab = await Lab.start(t, router());
      if (!lab.router.capabilities.hold) return t.skip('capability: hold');
      const pools = { old: [await lab.backend('old')] };
      await lab.apply({ members: pools, route: { admit: { kind: 'hold', maxRequests: 5, maxMs: 60_000 } } });
      const body = 'x'.repeat(300_000);
      const held = once(lab.port, { method: 'POST', path: '/echo', body });
      await waitFor(async () => (await lab.observe()).view.admission.held === 1, {
        what: 'the request to be held',
      });
      await lab.apply({ members: pools });
      assert.equal((await held).body, body);
    });

    it('forgets a held request whose client went away', async (t) => {
      const lab = await Lab.start(t, router());
      if (!lab.router.capabilities.hold) return t.skip('capability: hold');
      const backend = await lab.backend('old');
      const admit = { kind: 'hold', maxRequests: 5, maxMs: 60_000 } as const;
      await lab.apply({ members: { old: [backend] }, route: { admit } });
      const client = new KeptAlive(lab.port);
      const gone = assert.rejects(client.get('/gone'));
      await waitFor(async () => (await lab.observe()).view.admission.held === 1, {
        what: 'the request to be held',
      });
      client.reset();
      await gone;
      const stays = once(lab.port, { path: '/stays' });
      await waitFor(async () => (await lab.observe()).view.admission.held === 2, {
        what: 'the next to be held',
      });
      await lab.apply({ members: { old: [backend] } });
      assert.equal((await stays).status, 200);
      assert.deepEqual([...backend.arrived.keys()], ['/stays']);
    });
  });
}
