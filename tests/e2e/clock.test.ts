/** The wall clock of the daemon jumps, both ways, in the middle of releases: nothing gets shorter, longer or lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AppView } from '../../src/api/types.ts';
import type { Cleanup } from '../support/temp-dir.ts';
import { waitFor } from '../support/wait-for.ts';
import { createDriver, type Driver } from './harness/driver.ts';
import { createFaultyDaemon, type FaultyDaemon } from './harness/faulty-daemon.ts';
import { withLab } from './harness/lab.ts';
import { assertServed, openSite, type Site } from './harness/site.ts';

const HOUR_MS = 3_600_000;
const JUMPS = { forward: 36 * HOUR_MS, back: -36 * HOUR_MS };
/** The daemon looks at a running release several times in this time. */
const SOME_LOOKS_MS = 2_000;

interface Scene {
  daemon: FaultyDaemon;
  site: Site;
  driver: Driver;
  jump(): Promise<void>;
}

const READY = { ready: { http: '/healthz' } };

/** In a pause with an end. */
const isPausing = ({ status }: AppView): boolean =>
  status.release?.stages.some(
    ({ state, gates }) =>
      state === 'current' && gates.some((gate) => gate.kind === 'pause' && gate.state === 'waiting'),
  ) === true;

const canaryThatPauses = (duration: string) => ({
  canary: { steps: [{ setWeight: 50 }, { pause: { duration } }], scaleDownDelaySeconds: 3_600 },
});

for (const [direction, jumpMs] of Object.entries(JUMPS)) {
  test(`a clock that jumps ${direction} ends no pause of an hour, not with the next daemon either, and keeps what is warm`, async (t) => {
    await withScene(t, jumpMs, canaryThatPauses('1h'), {}, async ({ daemon, site, driver, jump }) => {
      await driver.apply(2);
      const paused = await site.until('the pause', isPausing);
      await jump();
      await assertStays(site, paused);
      // Killed, not stopped: it has no time to write anything down.
      process.kill((await site.lab.client.version()).pid, 'SIGKILL');
      await waitFor(daemon.isDead, { what: 'the daemon to die' });
      await daemon.start();
      await assertStays(site, paused);
      await driver.command('promote');
      const { verdict } = await driver.toTheEndOf('r2');
      assert.equal(verdict, 'promoted');
      await jump();
      await sleep(SOME_LOOKS_MS);
      const { status } = await site.view();
      assert.notEqual(status.warmUntil, null);
      assert.equal((await site.replicas('warm')).length, 1);
    });
  });

  test(`a pause of two seconds ends when the clock jumps ${direction} in it, and so does being ready for a second`, async (t) => {
    const spec = { health: { ...READY, minReadySeconds: 1 } };
    await withScene(t, jumpMs, canaryThatPauses('2s'), spec, async ({ site, driver, jump }) => {
      await site.hold(2).close();
      await driver.apply(2);
      await site.until('its release', ({ status }) => status.release !== null);
      await jump();
      await site.hold(2).lift();
      await site.until('the pause', (app) => isPausing(app) || app.status.release === null);
      await jump();
      const { status } = await site.until('its end', ({ status }) => status.release === null);
      assert.equal(status.lastRelease?.verdict, 'promoted', JSON.stringify(status.lastRelease?.reason));
    });
  });

  test(`a replica that has to be ready for an hour is not used sooner because the clock jumps ${direction}`, async (t) => {
    await withScene(t, jumpMs, { rolling: {} }, {}, async ({ site, driver, jump }) => {
      await site.hold(2).close();
      const app = site.document(2);
      const slow = { health: { ...READY, minReadySeconds: 3_600 }, progressDeadlineSeconds: 7_200 };
      await site.lab.client.apply(driver.ref, {
        app: { ...app, spec: { ...app.spec, ...slow } },
        baseDir: site.lab.folder,
      });
      await site.until('its release', ({ status }) => status.release !== null);
      await jump();
      await site.hold(2).lift();
      const ready = async () => (await site.replicas('candidate')).some((one) => one.ready);
      await waitFor(ready, { timeoutMs: 60_000, what: 'a ready candidate' });
      await jump();
      await sleep(SOME_LOOKS_MS);
      const { status } = await site.view();
      assert.deepEqual([status.release?.id, status.stableRevisionNumber], ['r2', 1]);
      assert.equal((await site.replicas('stable')).length, 1);
    });
  });
}

/** Version 1 runs and has users, who lose nothing. */
async function withScene(
  t: Cleanup,
  jumpMs: number,
  strategy: unknown,
  spec: Record<string, unknown>,
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  await withLab(t, async (lab) => {
    const daemon = createFaultyDaemon(lab);
    await daemon.start();
    const site = await openSite(lab, { name: 'timely', strategy, replicas: 1, spec });
    const driver = createDriver(site, daemon);
    let offsetMs = 0;
    const jump = async () => {
      offsetMs += jumpMs;
      await daemon.set({ wallOffsetMs: offsetMs });
    };
    try {
      await lab.explaining(site.name, async () => {
        await driver.apply(1);
        await driver.toTheEndOf('r1');
        site.begin();
        await site.load.more(5);
        await body({ daemon, site, driver, jump });
        await site.load.more(5);
      });
    } finally {
      await site.end();
    }
    assertServed(site);
  });
}

/** Looked at for a while, for nothing is to happen. */
async function assertStays(site: Site, before: AppView): Promise<void> {
  await sleep(SOME_LOOKS_MS);
  const { phase, release } = (await site.view()).status;
  assert.deepEqual([phase, release?.id], [before.status.phase, before.status.release?.id]);
}
