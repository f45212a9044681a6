import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Router } from '../../../src/ports/router.ts';
import type { Match } from '../../../src/spec/app.ts';
import { freePort } from '../../support/free-port.ts';
import { once } from './client.ts';
import { Lab } from './lab.ts';
import { countBodies, sendExactly } from './load.ts';

const byHeader = (name: string, value: string): Match => ({
  headers: [{ name, value: { kind: 'exact', value } }],
  cookies: [],
});

export function routeCases(router: () => Router): void {
  describe('a route', () => {
    it('sends matches by header and cookie to their pool, the first match first, and does not count them as split', async (t) => {
      const lab = await Lab.start(t, router());
      if (!lab.router.capabilities.header || !lab.router.capabilities.cookie)
        return t.skip('capability: header, cookie');
      const pools = { stable: [await lab.backend('stable')], candidate: [await lab.backend('candidate')] };
      const beta: Match = { headers: [], cookies: [{ name: 'beta', value: { kind: 'present' } }] };
      const matches = [
        { when: byHeader('x-team', 'ops'), to: 'stable' },
        { when: byHeader('x-team', 'qa'), to: 'candidate' },
        { when: beta, to: 'candidate' },
      ];
      await lab.apply({ members: pools, route: { matches } });
      const answer = async (headers: Record<string, string>) => (await once(lab.port, { headers })).body;
      assert.equal(await answer({}), 'stable');
      assert.equal(await answer({ 'X-Team': 'qa' }), 'candidate');
      assert.equal(await answer({ 'X-Team': 'other' }), 'stable');
      assert.equal(await answer({ Cookie: 'a=b; beta=1' }), 'candidate');
      assert.equal(await answer({ 'X-Team': 'ops', Cookie: 'beta=1' }), 'stable');
      const { requests, split } = await lab.counts('candidate');
      assert.deepEqual({ requests, split }, { requests: 2, split: 0 });
    });

    it('keeps users on their side by header, and only moves them towards the candidate while its weight rises', async (t) => {
      const lab = await Lab.start(t, router());
      if (!lab.router.capabilities.sticky) return t.skip('capability: sticky');
      const pools = { stable: [await lab.backend('stable')], candidate: [await lab.backend('candidate')] };
      const sticky = { by: { kind: 'header', name: 'X-User' } as const, salt: 'exp-1' };
      const users = Array.from({ length: 60 }, (_, i) => `user-${i}`);
      let before = new Set<string>();
      for (const bp of [1000, 1000, 4000, 8000]) {
        await lab.apply({
          members: pools,
          weights: { stable: 10_000 - bp, candidate: bp },
          route: { sticky },
        });
        const now = new Set<string>();
        for (const user of users) {
          const sides = await Promise.all([1, 2].map(() => once(lab.port, { headers: { 'X-User': user } })));
          assert.equal(sides[0]?.body, sides[1]?.body);
          if (sides[0]?.body === 'candidate') now.add(user);
        }
        for (const user of before) assert.ok(now.has(user), `${user} moved back at ${bp}`);
        before = now;
      }
      assert.ok(before.size > 30 && before.size < 60, `${before.size} of 60 users at 80%`);
    });

    it('gives users without a key a cookie that keeps them', async (t) => {
      const lab = await Lab.start(t, router());
      if (!lab.router.capabilities.sticky || !lab.router.capabilities.cookie)
        return t.skip('capability: sticky, cookie');
      const pools = { stable: [await lab.backend('stable')], candidate: [await lab.backend('candidate')] };
      const by = { kind: 'cookie', name: 'uid', issue: true, maxAgeSeconds: 3600 } as const;
      await lab.apply({
        members: pools,
        weights: { stable: 5000, candidate: 5000 },
        route: { sticky: { by, salt: 's' } },
      });
      const sides = new Set<string>();
      for (let i = 0; i < 20; i++) {
        const first = await once(lab.port);
        const cookie = /^(uid=[^;]+);.*Max-Age=3600/.exec(first.headers.get('set-cookie') ?? '')?.[1];
        assert.ok(cookie, 'a cookie was issued');
        const again = await once(lab.port, { headers: { Cookie: cookie } });
        assert.equal(again.body, first.body);
        assert.equal(again.headers.get('set-cookie'), undefined);
        sides.add(first.body);
      }
      assert.equal(sides.size, 2);
    });

    it('shows the preview by its host and on its own listener, beside users who see stable', async (t) => {
      const lab = await Lab.start(t, router());
      if (!lab.router.capabilities.preview) return t.skip('capability: preview');
      const pools = { blue: [await lab.backend('blue')], green: [await lab.backend('green')] };
      const previewListen = { host: '127.0.0.1', port: await freePort() };
      await lab.apply({ members: pools, route: { preview: 'green' }, front: { previewListen } });
      assert.equal((await once(lab.port)).body, 'blue');
      assert.equal((await once(lab.port, { host: 'preview.shop.localhost' })).body, 'green');
      assert.equal((await once(previewListen.port, { host: 'localhost' })).body, 'green');
      assert.equal((await lab.counts('green')).split, 0);
      await lab.apply({ members: pools });
      assert.equal((await once(lab.port, { host: 'preview.shop.localhost' })).status, 404);
    });

    it('serves several Apps on one listener by host, and refuses what two want', async (t) => {
      const shop = await Lab.start(t, router());
      const blog = new Lab(t, shop.router, 'other/blog', shop.port);
      const rest = new Lab(t, shop.router, 'other/rest', shop.port);
      await shop.apply({ members: { p: [await shop.backend('shop')] } });
      const blogMembers = { p: [await blog.backend('blog')] };
      await blog.apply({ members: blogMembers, front: { host: 'blog.localhost' } });
      assert.equal((await once(shop.port, { host: 'SHOP.localhost:80' })).body, 'shop');
      assert.equal((await once(shop.port, { host: 'blog.localhost' })).body, 'blog');
      const unknown = await once(shop.port, { host: 'unknown.localhost' });
      assert.equal(unknown.status, 404);
      const conflict = rest.apply({ members: blogMembers, front: { host: 'blog.localhost' } });
      await assert.rejects(conflict, { code: 'E_ROUTE_CLAIMED', message: /other\/blog/ });
      await shop.router.remove(shop.context());
      assert.equal((await once(shop.port, { host: 'shop.localhost' })).status, 404);
      assert.equal((await once(shop.port, { host: 'blog.localhost' })).body, 'blog');
    });

    it('names the revision of every answer, unless the App does not want that', async (t) => {
      const lab = await Lab.start(t, router());
      const pools = { stable: [await lab.backend('stable')], candidate: [await lab.backend('candidate')] };
      await lab.apply({ members: pools, weights: { stable: 5000, candidate: 5000 } });
      const replies = await sendExactly(lab.port, 10, 2);
      for (const reply of replies)
        assert.equal(reply.headers.get('x-crossfade-revision'), `v1-${reply.body}`);
      assert.deepEqual(countBodies(replies), { stable: 5, candidate: 5 });
      await lab.apply({ members: pools, front: { revisionHeader: false } });
      assert.equal((await once(lab.port)).headers.get('x-crossfade-revision'), undefined);
    });
  });
}
