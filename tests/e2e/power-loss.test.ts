/**
 * The power goes while the daemon is at a commit or an action, in the middle of a release: what was written and not
 * synced is gone, and so is everything that ran. In the next boot the state is one that was committed, nothing that was
 * acknowledged is lost, and the release goes on or is undone.
 */
import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { canonicalJson } from '../../src/core/revision.ts';
import { createSqliteStore } from '../../src/store/sqlite/index.ts';
import { freePort } from '../support/free-port.ts';
import { isFullTest } from '../support/full.ts';
import { compileRecorder, type Disk, losePower, openDisk } from '../support/power-loss/power-loss.ts';
import { STRATEGIES, type StrategyName } from './harness/app-files.ts';
import { recovered } from './harness/crashes.ts';
import { POINTS, type Point } from './harness/faults.ts';
import { createFaultyDaemon, type FaultyDaemon } from './harness/faulty-daemon.ts';
import { assertNothingOrphaned, halfMadeFiles } from './harness/inventory.ts';
import { type Lab, withLab } from './harness/lab.ts';
import { randomFrom, seedOfTest } from './harness/matrix.ts';
import { killHard, rolesUnder } from './harness/processes.ts';
import { assertServed, type Site } from './harness/site.ts';
import { goOneWay, openSubject, WAYS } from './harness/subject.ts';

const STRATEGIES_HERE: readonly StrategyName[] = isFullTest() ? STRATEGIES : ['rolling', 'canary'];
const NAMES = Object.values(POINTS)
  .flatMap((names) => Object.values(names))
  .filter((name) => !['removeApp', 'unroute', 'probe', 'drain', 'forget'].includes(name));
const ALL_POINTS = NAMES.flatMap((name): Point[] => [`${name} before`, `${name} after`]);
/** Cuts for each strategy in a sample. */
const SAMPLE = 5;

let cuts = 0;

test('the power goes in mid-release, and nothing that was acknowledged is lost', {
  concurrency: 2,
}, async (t) => {
  const library = await compileRecorder(t);
  if (library === undefined) return;
  await Promise.all(
    STRATEGIES_HERE.map((strategy, index) =>
      t.test(strategy, (part) => cutAgainAndAgain(part, strategy, library, index)),
    ),
  );
  console.log(`the power went ${cuts} times (CROSSFADE_TEST_SEED=${seedOfTest()})`);
  assert.ok(cuts >= STRATEGIES_HERE.length * 2, `the power went only ${cuts} times`);
});

async function cutAgainAndAgain(
  t: TestContext,
  strategy: StrategyName,
  library: string,
  index: number,
): Promise<void> {
  const listen = await freePort();
  const body = async (lab: Lab) => {
    const disk = await openDisk(library, await realpath(lab.stateDir), path.join(lab.folder, 'disk'));
    const { daemon, site: use } = withPower(lab, disk);
    await daemon.start();
    const subject = await openSubject(lab, daemon, strategy, listen);
    const { site } = subject;
    await lab.explaining(site.name, async () => {
      await goOneWay(subject, 'promote', () => daemon.disarm());
      await goOneWay(subject, 'promote', () => daemon.disarm());
      site.begin();
      use(site);
      try {
        await site.load.more(10);
        const random = randomFrom(seedOfTest() + index);
        const all = WAYS.flatMap((way) =>
          ALL_POINTS.flatMap((point) => [1, 2, 3].map((nth) => ({ way, point, nth }))),
        );
        const cells = isFullTest() ? all : Array.from({ length: SAMPLE }, () => random.pick(all)).flat();
        for (const { way, point, nth } of cells) {
          await goOneWay(subject, way, () => daemon.arm(point, nth), { mayBeUndone: true }).catch(
            (error: Error) => {
              throw new Error(`the power went at ${way}: ${point} ${nth}: ${error.message}`, {
                cause: error,
              });
            },
          );
          await daemon.disarm();
          await subject.driver.view();
          await recovered(site);
          await assertNothingOrphaned(lab, [site.name]);
        }
      } finally {
        await site.end();
      }
      assertServed(
        site,
        strategy === 'recreate' ? ({ failure }) => failure === 'http_503_router' : undefined,
      );
    });
    await subject.driver.remove();
    await assertNothingOrphaned(lab, []);
    assert.deepEqual(await halfMadeFiles(lab.stateDir), []);
  };
  await withLab(t, body, { ports: [listen] });
}

/** A daemon that never dies alone: with it goes the power, and it comes up in the next boot of the machine. */
function withPower(lab: Lab, disk: Disk): { daemon: FaultyDaemon; site(site: Site): void } {
  const daemon = createFaultyDaemon(lab, disk.env);
  let users: Site | undefined;
  let boots = 0;
  const start = async () => {
    if (daemon.deaths() > boots) {
      boots = daemon.deaths();
      await cutPower(lab, disk, users);
      await daemon.set({ bootId: `boot ${boots}` });
    }
    await daemon.start();
  };
  return {
    daemon: { ...daemon, start },
    site: (site) => {
      users = site;
    },
  };
}

async function cutPower(lab: Lab, disk: Disk, users: Site | undefined): Promise<void> {
  users?.excuses.push({ why: 'power', from: Date.now(), until: Number.POSITIVE_INFINITY });
  const { parents, workers, replicas } = await rolesUnder(lab.stateDir);
  await killHard([...parents, ...workers, ...replicas.map(({ pid }) => pid)]);
  await losePower(disk);
  cuts += 1;
  await assertCommitted(lab);
}

/** The state of every App is one that was begun to be committed, and not older than the last that was reported. */
async function assertCommitted(lab: Lab): Promise<void> {
  const copy = path.join(lab.folder, `copy-${cuts}`);
  await mkdir(copy);
  for (const name of ['crossfade.db', 'crossfade.db-wal'])
    await copyFile(path.join(lab.stateDir, name), path.join(copy, name)).catch((error) => {
      // The log need not be there.
      if (error.code !== 'ENOENT' || name === 'crossfade.db') throw error;
    });
  const log = (await readFile(path.join(lab.folder, 'faults.json.commits'), 'utf8')).split('\n');
  const store = await createSqliteStore({ file: path.join(copy, 'crossfade.db'), reserveBytes: 0 });
  try {
    for (const app of await store.apps()) {
      const state = (await store.load(app))?.state;
      assert.ok(state);
      const reported = log
        .filter((line) => line.startsWith(`done ${app} `))
        .map((line) => Number(line.split(' ')[2]));
      const last = Math.max(0, ...reported);
      assert.ok(state.version >= last, `${app} has version ${state.version}, ${last} was reported as stored`);
      const begun = `begin ${app} ${state.version} ${canonicalJson(state)}`;
      assert.ok(log.includes(begun), `${app} has a version ${state.version} that nobody has committed`);
    }
  } finally {
    await store.close();
  }
}
