/**
 * Whatever operators do in the middle of a release, at each stage of each strategy, again and at the same time: it is
 * done or refused with a reason, users lose nothing, and nothing is left over.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppView, CommandRequest } from '../../src/api/types.ts';
import { waitFor } from '../support/wait-for.ts';
import { createDriver, type Driver } from './harness/driver.ts';
import { assertNothingOrphaned, filesOf, halfMadeFiles } from './harness/inventory.ts';
import { type Lab, withLab } from './harness/lab.ts';
import { allCells, type Cell, chosenCells, nameOf } from './harness/matrix.ts';
import { isOwnRefusal, MOMENT_NAMES, MOMENTS, type Moment, standing } from './harness/moments.ts';
import { assertServed, openSite, type Site } from './harness/site.ts';

const MATRIX = {
  moment: MOMENT_NAMES,
  what: [
    'promote',
    'promote --full',
    'abort',
    'undo',
    'restart',
    'retry',
    'scale',
    'supersede',
    'queue',
    'reject',
    'delete',
  ],
} as const;
type What = Cell<typeof MATRIX>['what'];

/** Apps at a time. */
const CONCURRENCY = 4;

interface Scene {
  /** Number of the release that runs. */
  release: number;
  site: Site;
  driver: Driver;
  moment: Moment;
}

test('operators may do anything at any time', { concurrency: CONCURRENCY }, async (t) => {
  const cells = chosenCells('interventions', allCells(MATRIX), { strength: 1, times: 2 });
  await withLab(t, async (lab) => {
    await lab.crossfade(['get', 'apps']);
    await Promise.all(
      cells.map((cell, index) => t.test(nameOf(cell), () => play(lab, cell, `app-${index + 1}`))),
    );
    await assertNothingOrphaned(lab, []);
    assert.deepEqual(await halfMadeFiles(lab.stateDir), []);
  });
});

async function play(lab: Lab, cell: Cell<typeof MATRIX>, name: string): Promise<void> {
  const moment = MOMENTS[cell.moment] as Moment;
  const onNewRevision = ['queue', 'reject'].includes(cell.what) ? cell.what : 'supersede';
  const spec = { ...moment.options.spec, onNewRevision };
  const site = await openSite(lab, { ...moment.options, name, spec });
  const driver = createDriver(site);
  try {
    await lab.explaining(name, async () => {
      await moment.enter(site);
      await pressEverything(site, driver, moment);
      const release = Number((await site.view()).status.release?.id.slice(1));
      await INTERVENTIONS[cell.what]({ site, driver, moment, release });
      if (cell.what !== 'delete') await site.load.more(5);
    });
    await site.end();
    assertServed(site, moment.isOutage || cell.what === 'delete' ? isOwnRefusal : undefined);
  } finally {
    await site.end();
  }
  if (cell.what !== 'delete') await driver.remove();
  assert.deepEqual(await filesOf(lab.stateDir, name), []);
}

/** Every button that leaves the release where it is: more than once, at the same time, in contradiction. */
async function pressEverything(site: Site, driver: Driver, moment: Moment): Promise<void> {
  const before = standing(await site.view());
  const expectAll = async (
    verbs: readonly CommandRequest['verb'][],
    expected: string,
    ids: readonly string[],
  ): Promise<void> => {
    const asked = verbs.flatMap((verb) => ids.map((id) => driver.command(verb, { id: `${verb}-${id}` })));
    const answers = (await Promise.all(asked)).map(({ result, reason }) => reason?.code ?? result);
    assert.deepEqual([...new Set(answers)], [expected], `${verbs}: ${answers}`);
  };
  const goesBack = moment.stands === 'goesBack';
  await expectAll(['undo', 'restart', 'retry'], 'E_RELEASE_RUNNING', ['a', 'a', 'b']);
  await expectAll(['resume'], goesBack ? 'E_NO_RELEASE' : 'E_NOT_PAUSED', ['a', 'b', 'a']);
  await expectAll(['pause'], goesBack ? 'E_NO_RELEASE' : 'done', ['a', 'a', 'b', 'c']);
  await expectAll(['resume'], goesBack ? 'E_NO_RELEASE' : 'done', ['c', 'c']);
  // Whichever comes last; afterwards it is certainly not paused.
  await Promise.all([driver.command('pause'), driver.command('resume'), driver.command('pause')]);
  await driver.command('resume');
  const after = await site.until('what it was before', (app) => standing(app) === before);
  assert.equal(after.status.release?.paused, false);
}

type Intervention = (scene: Scene) => Promise<void>;

/** Refused while a release runs, which then ends as it would have. */
const refusedWhileRunning =
  (verb: CommandRequest['verb']): Intervention =>
  async (scene) => {
    const { result, reason } = await scene.driver.command(verb);
    assert.deepEqual([result, reason?.code], ['refused', 'E_RELEASE_RUNNING']);
    await endAsExpected(scene);
  };

const INTERVENTIONS: Record<What, Intervention> = {
  undo: refusedWhileRunning('undo'),
  restart: refusedWhileRunning('restart'),
  retry: refusedWhileRunning('retry'),

  async promote(scene) {
    const { result, reason } = await scene.driver.command('promote');
    const expected = { waits: 'done', moves: 'E_NOTHING_TO_PROMOTE', goesBack: 'E_NO_RELEASE' };
    assert.equal(reason?.code ?? result, expected[scene.moment.stands]);
    if (scene.moment.stands === 'waits') await untilEnded(scene, 'promoted');
    else await endAsExpected(scene);
  },

  async 'promote --full'(scene) {
    const id = 'full';
    const answers = await Promise.all(
      [1, 2, 3].map(() => scene.driver.command('promote', { id, full: true })),
    );
    const expected = scene.moment.stands === 'goesBack' ? 'E_NO_RELEASE' : 'done';
    for (const { result, reason } of answers) assert.equal(reason?.code ?? result, expected);
    await liftHolds(scene);
    await untilEnded(scene, scene.moment.ends);
  },

  async abort(scene) {
    const stable = (await scene.site.view()).status.stableRevision;
    const ids = ['a', 'b', 'a'];
    const answers = await Promise.all(ids.map((id) => scene.driver.command('abort', { id: `abort-${id}` })));
    const told = answers.map(({ result, reason }) => reason?.code ?? result);
    // One id has one answer. The other id may come when the release has ended already: a first one does so at once.
    assert.equal(told[0], told[2]);
    assert.ok(told.includes('done'), told.join());
    for (const answer of told) assert.match(answer, /^done$|^E_NO_RELEASE$/);
    await liftHolds(scene);
    const { status } = await untilEnded(scene, 'aborted');
    assert.equal(status.stableRevision, stable);
    assert.equal(status.lastRelease?.reason?.code, 'E_ABORTED');
  },

  async scale(scene) {
    const { site, driver } = scene;
    for (const replicas of [4, 1, 3]) await site.lab.client.scale(driver.ref, { replicas });
    await endAsExpected(scene);
    if ((await site.view()).status.stableRevision === null) return;
    // What is kept warm is counted by itself.
    const ready = async () => (await site.replicas('stable')).filter((one) => one.ready).length === 3;
    await waitFor(ready, { timeoutMs: 60_000, what: 'as many replicas as were asked for' });
  },

  async supersede(scene) {
    const before = scene.moment.stands === 'goesBack' ? 'aborted' : 'superseded';
    await assertThird(scene, [before, 'promoted'], 3);
  },

  async queue(scene) {
    await assertThird(scene, [scene.moment.ends, 'promoted'], 3);
  },

  /** A release that goes back makes room anyway. */
  async reject(scene) {
    const { moment, driver, site } = scene;
    if (moment.stands === 'goesBack') return assertThird(scene, ['aborted', 'promoted'], 3);
    const { generation } = (await site.view()).metadata;
    await assert.rejects(driver.apply(3), { code: 'E_RELEASE_RUNNING' });
    assert.equal((await site.view()).metadata.generation, generation, 'something of it was stored');
    await liftHolds(scene);
    await untilVerdicts(scene, ['promoted'], 2);
    // Once there is room it is taken.
    await driver.apply(3);
    await untilVerdicts(scene, ['promoted', 'promoted'], 3);
  },

  async delete({ driver }) {
    await Promise.all([driver.remove(), driver.remove()]);
    const { result, reason } = await driver.command('abort').catch(({ code }) => ({
      result: 'refused',
      reason: { code },
    }));
    assert.deepEqual([result, reason?.code], ['refused', 'E_APP_NOT_FOUND']);
  },
};

async function assertThird(scene: Scene, verdicts: readonly string[], version: number): Promise<void> {
  await scene.driver.apply(3);
  await liftHolds(scene);
  await untilVerdicts(scene, verdicts, version);
}

/** This release and those after it ended so, and this version is what users get. */
async function untilVerdicts(
  { site, driver, release }: Scene,
  verdicts: readonly string[],
  version: number,
): Promise<void> {
  await driver.toTheEndOf(`r${release + verdicts.length - 1}`);
  const all = await site.lab.client.releases(driver.ref);
  assert.deepEqual(
    all.slice(release - 1).map(({ verdict }) => verdict),
    verdicts,
  );
  const answer = await fetch(`http://127.0.0.1:${site.listen}/`);
  assert.equal(await answer.text(), String(version));
}

async function endAsExpected(scene: Scene): Promise<void> {
  await liftHolds(scene);
  await untilEnded(scene, scene.moment.ends);
}

async function liftHolds({ site }: Scene): Promise<void> {
  await Promise.all([1, 2].map((version) => site.hold(version).lift()));
}

async function untilEnded({ driver }: Scene, verdict: string): Promise<AppView> {
  const view = await driver.until(
    'its end',
    ({ status }) => status.release === null && status.lastRelease !== null,
  );
  assert.equal(view.status.lastRelease?.verdict, verdict, JSON.stringify(view.status.lastRelease?.reason));
  return view;
}
