/** The daemon is killed with -9 in the middle of a release: users notice nothing, and the next one goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../support/free-port.ts';
import { killHard, rolesUnder } from './harness/processes.ts';
import { stableApp, versionOf } from './harness/service.ts';
import { withLab } from './support/lab.ts';
import { assertNoFailure, startLoad } from './support/load.ts';

test('a daemon that is killed in a canary loses no request, and any command starts one that goes on', async (t) => {
  await withLab(t, async (lab) => {
    const listen = await freePort();
    const strategy = { canary: { steps: [{ setWeight: 50 }, { pause: {} }] } };
    const app = stableApp({ name: 'shop', listen, strategy });
    await lab.apply(app);
    const load = startLoad(`http://127.0.0.1:${listen}/`, { rps: 60, connections: 'mixed' });
    try {
      await lab.apply(versionOf(app, '2'), []);
      const isPaused = await lab.until('shop', 'the pause', ({ status }) => status.phase === 'Paused');
      await load.more(30);
      const before = await rolesUnder(lab.stateDir);
      assert.equal(before.daemons.length, 1);
      await killHard(before.daemons);
      await load.more(60);
      await lab.crossfade(['get', 'apps']);
      const after = await lab.until('shop', 'the same pause', ({ status }) => status.phase === 'Paused');
      assert.equal(after.status.release?.id, isPaused.status.release?.id);
      const { daemons, ...others } = await rolesUnder(lab.stateDir);
      assert.deepEqual({ daemons: daemons.length, ...others }, { ...before, daemons: 1 });
      assert.notDeepEqual(daemons, before.daemons);
      await lab.crossfade(['rollout', 'promote', 'shop', '--wait', '--timeout', '60s']);
      await load.more(20);
    } finally {
      await load.stop();
    }
    assertNoFailure(load.seen);
  });
});
