import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Router } from '../../../src/ports/router.ts';
import { once } from './client.ts';
import { Lab } from './lab.ts';
import { countBodies, sendExactly } from './load.ts';

const REQUESTS = 10_000;

export function splitCases(router: () => Router): void {
  describe('a weighted split', () => {
    for (const connections of [1, 64]) {
      it(`of 1, 8, 20, 50 and 99.99% is exact to one of ${REQUESTS} requests from ${connections} connections`, async (t) => {
        const lab = await Lab.start(t, router());
        if (lab.router.capabilities.weightResolutionBp !== 1) return t.skip('capability: weights of 0.01%');
        const pools = { stable: [await lab.backend('stable')], candidate: [await lab.backend('candidate')] };
        for (const bp of [100, 800, 2000, 5000, 9999]) {
          await lab.apply({ members: pools, weights: { stable: REQUESTS - bp, candidate: bp } });
          const before = (await lab.counts('candidate')).split;
          const { stable = 0, candidate = 0 } = countBodies(
            await sendExactly(lab.port, REQUESTS, connections),
          );
          assert.equal(stable + candidate, REQUESTS);
          assert.ok(Math.abs(candidate - bp) <= 1, `${candidate} instead of ${bp}`);
          assert.equal((await lab.counts('candidate')).split - before, candidate);
        }
      });
    }

    it('goes on evenly over the members of each pool', async (t) => {
      const lab = await Lab.start(t, router());
      const names = ['s1', 's2', 's3', 'c1', 'c2'];
      const [s1, s2, s3, c1, c2] = await Promise.all(names.map((name) => lab.backend(name)));
      assert.ok(s1 && s2 && s3 && c1 && c2);
      const members = { stable: [s1, s2, s3], candidate: [c1, c2] };
      await lab.apply({ members, weights: { stable: 7500, candidate: 2500 } });
      const counts = countBodies(await sendExactly(lab.port, 240, 8));
      assert.deepEqual(counts, { s1: 60, s2: 60, s3: 60, c1: 30, c2: 30 });
    });

    it('per ready replica gives every member the same', async (t) => {
      const lab = await Lab.start(t, router());
      const [old1, old2, new1] = await Promise.all(['old1', 'old2', 'new1'].map((name) => lab.backend(name)));
      assert.ok(old1 && old2 && new1);
      await lab.apply({
        members: { old: [old1, old2], new: [new1] },
        route: { split: { kind: 'perReadyReplica', to: ['old', 'new'] } },
      });
      assert.deepEqual(countBodies(await sendExactly(lab.port, 300, 4)), { old1: 100, old2: 100, new1: 100 });
    });

    it('is measured by the address that was asked, so a wrong table shows', async (t) => {
      const lab = await Lab.start(t, router());
      const [stable, candidate] = await Promise.all([lab.backend('stable'), lab.backend('candidate')]);
      // The table claims that the candidate's replica is at the stable one's address.
      const table = lab.table({ members: { stable: [stable], candidate: [stable.address] } });
      table.members.candidate = [{ replica: candidate.name, address: stable.address }];
      table.route.split = {
        kind: 'weights',
        to: [
          { key: 'stable', weight: 8000 },
          { key: 'candidate', weight: 2000 },
        ],
      };
      await lab.router.apply({ app: lab.app, stateVersion: 1 }, table);
      assert.deepEqual(countBodies(await sendExactly(lab.port, 100, 1)), { stable: 100 });
      const { answered } = await lab.observe();
      const wrong = answered.find((one) => one.replica === candidate.name);
      assert.equal(wrong?.address, stable.address);
      assert.notEqual(wrong?.address, candidate.address);
      assert.equal(wrong?.counts.split, 20);
    });

    it('counts answers by how they ended', async (t) => {
      const lab = await Lab.start(t, router());
      const stable = await lab.backend('stable');
      await lab.apply({ members: { stable: [stable] } });
      for (const path of ['/', '/', '/500']) await once(lab.port, { path });
      assert.deepEqual(await lab.counts('stable'), { requests: 3, ok: 2, failed: 1, split: 3, probes: 0 });
      const { latency } = await lab.observe();
      assert.equal(latency.stable?.count, 3);
      assert.ok((latency.stable?.p99Ms ?? 0) >= (latency.stable?.p50Ms ?? 1));
    });

    it('is probed with marked requests that are counted apart', async (t) => {
      const lab = await Lab.start(t, router());
      const pools = { stable: [await lab.backend('stable')], candidate: [await lab.backend('candidate')] };
      await lab.apply({ members: pools, weights: { stable: 8000, candidate: 2000 } });
      assert.equal(await lab.router.probe(lab.app, 100), 100);
      const none = { requests: 0, ok: 0, failed: 0, split: 0 };
      assert.deepEqual(await lab.counts('candidate'), { ...none, probes: 20, probesOk: 20 });
      assert.deepEqual(await lab.counts('stable'), { ...none, probes: 80, probesOk: 80 });
      assert.deepEqual((await lab.observe()).view.firstAnswerAt, {});
    });

    it('tells how marked requests ended', async (t) => {
      const lab = await Lab.start(t, router());
      const gone = await lab.backend('stable');
      await lab.apply({ members: { stable: [gone] } });
      await gone.close();
      assert.equal(await lab.router.probe(lab.app, 5), 0);
      const none = { requests: 0, ok: 0, failed: 0, split: 0 };
      assert.deepEqual(await lab.counts('stable'), { ...none, probes: 5, probesFailed: 5 });
    });

    it('takes nobody’s word for being a probe', async (t) => {
      const lab = await Lab.start(t, router());
      const stable = await lab.backend('stable');
      await lab.apply({ members: { stable: [stable] } });
      const reply = await once(lab.port, {
        path: '/header?x-crossfade-probe',
        headers: { 'X-Crossfade-Probe': 'guess' },
      });
      assert.equal(reply.body, 'none');
      assert.equal((await lab.counts('stable')).split, 1);
    });
  });
}
