/**
 * A release on a disk that fills up, and on one that becomes read-only: `full-disk.ts FOLDER`, in a mount namespace of
 * its own, where the folder becomes a small file system with everything on it.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { AppView } from '../../../src/api/types.ts';
import type { Cleanup } from '../../support/temp-dir.ts';
import { createDriver, type Driver } from './driver.ts';
import { type Lab, withLab } from './lab.ts';
import { killHard, mainProcesses, rolesUnder } from './processes.ts';
import { assertServed, openSite, type Site } from './site.ts';

const [folder = ''] = process.argv.slice(2);
const STRATEGY = { canary: { steps: [{ setWeight: 50 }, { pause: {} }], scaleDownDelaySeconds: 0 } };
const isPaused = ({ status }: AppView): boolean => status.phase === 'Paused';

execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=0711', 'crossfade-test', folder]);
process.env.TMPDIR = folder;

const filler = path.join(folder, 'filler');
function fillDisk(): void {
  const fd = openSync(filler, 'w');
  for (const size of [64 * 1024, 4096, 1]) {
    try {
      for (;;) writeSync(fd, Buffer.alloc(size, 1));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
  closeSync(fd);
}

const cleanups: (() => unknown)[] = [];
const cleanup: Cleanup = { after: (run) => void cleanups.push(run as () => unknown) };

async function scenario(name: string, body: (lab: Lab, site: Site, driver: Driver) => Promise<void>) {
  await withLab(cleanup, async (lab) => {
    await lab.crossfade(['get', 'apps']);
    const site = await openSite(lab, { name, strategy: STRATEGY, replicas: 1 });
    const driver = createDriver(site);
    try {
      await lab.explaining(name, async () => {
        await driver.apply(1);
        await driver.toTheEndOf('r1');
        site.begin();
        await driver.apply(2);
        await site.until('the pause', isPaused);
        await body(lab, site, driver);
        await site.load.more(10);
      });
    } finally {
      rmSync(filler, { force: true });
      await site.end();
    }
    assertServed(site);
  });
  console.log(`ok ${name}`);
}

await scenario('full', async (lab, site, driver) => {
  const before = await site.view();
  fillDisk();
  await assert.rejects(driver.apply(3), { code: 'E_DISK_FULL' });
  await site.load.more(20);
  // The next daemon has to start on it, too.
  await killHard((await rolesUnder(lab.stateDir)).daemons);
  await lab.crossfade(['get', 'apps']);
  const again = await site.until('the pause', isPaused);
  assert.equal(again.status.release?.id, before.status.release?.id);
  // Room is kept for the way back to stable.
  assert.equal((await driver.command('abort')).result, 'done');
  const { verdict } = await driver.toTheEndOf('r2');
  assert.equal(verdict, 'aborted');
  await site.load.more(20);
  rmSync(filler);
  await driver.apply(3);
  assert.equal((await driver.toTheEndOf('r3')).verdict, 'promoted');
});

await scenario('full-and-crashed', async (lab, site, driver) => {
  fillDisk();
  const [candidate] = await site.replicas('candidate');
  assert.ok(candidate);
  const from = Date.now();
  const victims = mainProcesses(await rolesUnder(lab.stateDir), site.name, candidate.id);
  await killHard(victims.map(({ pid }) => pid));
  const { verdict } = await driver.toTheEndOf('r2');
  // Half of the users had nobody else until then.
  site.excuses.push({ why: 'the candidate is dead', from, until: Date.now() });
  assert.equal(verdict, 'aborted');
  const answer = await fetch(`http://127.0.0.1:${site.listen}/`);
  assert.equal(await answer.text(), '1');
});

await scenario('read-only', async (lab, site, driver) => {
  // Over itself: what is open for writing keeps the file system from becoming read-only.
  execFileSync('mount', ['--bind', lab.stateDir, lab.stateDir]);
  execFileSync('mount', ['-o', 'remount,bind,ro', lab.stateDir]);
  try {
    await assert.rejects(driver.apply(3), { code: 'E_STATE_READ_ONLY' });
    await site.load.more(20);
    await killHard((await rolesUnder(lab.stateDir)).daemons);
    const { stderr } = await lab.crossfade(['get', 'apps'], 1);
    assert.ok(stderr.includes(`the state dir ${lab.stateDir} cannot be written`), stderr);
    await site.load.more(20);
  } finally {
    execFileSync('umount', [lab.stateDir]);
  }
  await lab.crossfade(['get', 'apps']);
  await site.until('the pause', isPaused);
  assert.equal((await driver.command('promote')).result, 'done');
  assert.equal((await driver.toTheEndOf('r2')).verdict, 'promoted');
});

for (const run of cleanups) await run();
