/**
 * kill -9 of everything that can be killed, at each stage of a release, with users. Then the release stands where it
 * stood, goes on or is undone by itself, and nothing is left over.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFullTest } from '../support/full.ts';
import type { Cleanup } from '../support/temp-dir.ts';
import { strategyOf } from './harness/app-files.ts';
import { type Crash, crash, recovered } from './harness/crashes.ts';
import { createFaultyDaemon } from './harness/faulty-daemon.ts';
import { assertNothingOrphaned, filesOf, halfMadeFiles } from './harness/inventory.ts';
import { type Lab, withLab } from './harness/lab.ts';
import { seedOfTest } from './harness/matrix.ts';
import {
  hasEnded,
  isOwnRefusal,
  MOMENT_NAMES,
  MOMENTS,
  type MomentName,
  standing,
} from './harness/moments.ts';
import { assertServed, openSite, type Site } from './harness/site.ts';

interface Stage {
  moment: MomentName;
  site: Site;
}

/** What leaves every release where it is. */
const IN_PLACE = [
  'daemon',
  'worker',
  'parent',
  'router',
  'stable replica',
] as const satisfies readonly Crash[];

/** By then a release that does not end is a failure. */
const MOST_KILLS = 6;

/** One after the other, in one order; in a full test every one of them is the first once, and has each neighbour. */
const rotations = IN_PLACE.map((_, first) => [...IN_PLACE.slice(first), ...IN_PLACE.slice(0, first)]);
const orders = isFullTest()
  ? rotations.flatMap((order) => [order, order.toReversed()])
  : [rotations[seedOfTest() % rotations.length] ?? []];

for (const order of orders) {
  test(`whatever is killed, every release stands where it stood, and goes on: ${order.join(', ')}`, async (t) => {
    await withStages(t, MOMENT_NAMES, byCommands, async (lab, stages, startAgain) => {
      for (const what of order) {
        await crashInPlace(lab, stages, what, startAgain);
        t.diagnostic(`${what}: every release stands where it stood`);
      }
      await onEach(stages, endIt);
      await finish(lab, stages);
    });
  });
}

for (const [index, what] of (['candidate', 'all'] as const satisfies readonly Crash[]).entries()) {
  test(`what has lost its ready candidate (${what}) is undone by itself, the rest goes on`, async (t) => {
    const moments = someMoments(index);
    await withStages(t, moments, byCommands, async (lab, stages, startAgain) => {
      const doomed = stages.filter(({ moment }) => MOMENTS[moment].whenCandidateDies === 'aborted');
      const others = stages.filter((stage) => !doomed.includes(stage));
      const stable = new Map<Site, string | null>();
      await onEach(doomed, async ({ site }) => {
        stable.set(site, (await site.view()).status.stableRevision);
      });
      await crashInPlace(lab, stages, what, startAgain, doomed);
      await onEach(doomed, async ({ site }) => {
        const { status } = await site.until('its end', hasEnded);
        assert.equal(status.lastRelease?.verdict, 'aborted');
        // Whichever is seen first: that it ended, or that nobody answers its probe any more.
        assert.match(String(status.lastRelease?.reason?.code), /^E_CANDIDATE_(CRASHED|UNREADY)$/);
        assert.equal(status.stableRevision, stable.get(site));
        assert.deepEqual(
          status.route.map(({ revision, weightPercent }) => [revision, weightPercent]),
          [[status.stableRevision, 100]],
        );
        await recovered(site);
      });
      await onEach(others, endIt);
      await finish(lab, stages);
    });
  });
}

test('after a reboot every release stands where it stood, and goes on', async (t) => {
  await withStages(t, someMoments(2), byBoots, async (lab, stages, startAgain) => {
    await crashInPlace(lab, stages, 'reboot', startAgain);
    await onEach(stages, endIt);
    await finish(lab, stages);
  });
});

test('a daemon that is killed again and again while releases move costs no request and loses none of them', async (t) => {
  await withLab(t, async (lab) => {
    const strategies = ['rolling', 'canary', 'blueGreen', 'recreate-hold'] as const;
    const sites: Site[] = [];
    for (const strategy of strategies)
      sites.push(
        await openSite(lab, { name: strategy.toLowerCase(), strategy: strategyOf(strategy), replicas: 2 }),
      );
    try {
      await Promise.all(sites.map((site) => site.apply(1)));
      for (const site of sites) site.begin();
      await Promise.all(sites.map((site) => site.apply(2, [])));
      const ended = async () => (await Promise.all(sites.map((site) => site.view()))).every(hasEnded);
      for (let kills = 0; kills < MOST_KILLS && !(await ended()); kills += 1) {
        // Another moment of the releases each time, the same for the same seed.
        await sleep(((kills + seedOfTest()) * 137) % 900);
        await crash(lab, sites, 'daemon', await byCommands(lab));
      }
      for (const site of sites) {
        const { status } = await lab.explaining(site.name, () => site.until('its end', hasEnded));
        assert.equal(status.lastRelease?.verdict, 'promoted', JSON.stringify(status.lastRelease?.reason));
        assert.equal(status.lastRelease?.id, 'r2');
        await site.load.more(5);
        await site.end();
        assertServed(site);
      }
      await assertNothingOrphaned(
        lab,
        sites.map(({ name }) => name),
      );
    } finally {
      await Promise.all(sites.map((site) => site.end()));
    }
  });
});

/** Three parts, another for each index; in a full test all of them. */
const someMoments = (index: number): MomentName[] =>
  MOMENT_NAMES.filter((_, at) => isFullTest() || (at + seedOfTest()) % 3 === index);

/** Starts the daemon after it was killed. */
type Starter = () => Promise<unknown>;

/** Any command starts a daemon where none runs. */
async function byCommands(lab: Lab): Promise<Starter> {
  const start = () => lab.crossfade(['get', 'apps']);
  await start();
  return start;
}

/** In another boot of the machine, as far as Crossfade can tell. */
async function byBoots(lab: Lab): Promise<Starter> {
  const daemon = createFaultyDaemon(lab);
  let boots = 0;
  const start = async () => {
    boots += 1;
    await daemon.set({ bootId: `boot ${boots}` });
    await daemon.start();
  };
  await start();
  return start;
}

async function endIt({ moment, site }: Stage): Promise<void> {
  await MOMENTS[moment].goOn(site);
  const { status } = await site.until('its end', hasEnded);
  assert.equal(status.lastRelease?.verdict, MOMENTS[moment].ends, JSON.stringify(status.lastRelease?.reason));
}

/** @param doomed those that it does not leave where they are */
async function crashInPlace(
  lab: Lab,
  stages: readonly Stage[],
  what: Crash,
  startAgain: Starter,
  doomed: readonly Stage[] = [],
): Promise<void> {
  const stood = new Map<Site, string>();
  await onEach(stages, async ({ site }) => {
    stood.set(site, standing(await site.view()));
  });
  await crash(
    lab,
    stages.map(({ site }) => site),
    what,
    startAgain,
  );
  await onEach(
    stages.filter((stage) => !doomed.includes(stage)),
    async ({ site }) => {
      const before = stood.get(site);
      await site.until(`what it was before (${what}): ${before}`, (app) => standing(app) === before);
      await recovered(site);
      await site.load.more(5);
    },
  );
  if (doomed.length === 0) await assertNothingOrphaned(lab, namesOf(stages));
}

/** Releases that stand still, each at its moment, with users. */
async function withStages(
  t: Cleanup,
  moments: readonly MomentName[],
  start: (lab: Lab) => Promise<Starter>,
  body: (lab: Lab, stages: readonly Stage[], startAgain: Starter) => Promise<void>,
): Promise<void> {
  await withLab(t, async (lab) => {
    const startAgain = await start(lab);
    const stages: Stage[] = [];
    for (const moment of moments) {
      const name = moment.toLowerCase().replaceAll(' ', '-');
      stages.push({ moment, site: await openSite(lab, { name, ...MOMENTS[moment].options }) });
    }
    try {
      await onEach(stages, ({ moment, site }) => MOMENTS[moment].enter(site));
      await body(lab, stages, startAgain);
    } finally {
      await Promise.all(stages.map(({ site }) => site.end()));
    }
  });
}

/** At the same time; the first failure is told once all have ended. */
async function onEach(stages: readonly Stage[], body: (stage: Stage) => Promise<unknown>): Promise<void> {
  const all = stages.map((stage) => stage.site.lab.explaining(stage.site.name, () => body(stage)));
  for (const ended of await Promise.allSettled(all)) if (ended.status === 'rejected') throw ended.reason;
}

/** Nobody has lost a request without an excuse, and once everything is deleted nothing of it is left. */
async function finish(lab: Lab, stages: readonly Stage[]): Promise<void> {
  await onEach(stages, async ({ moment, site }) => {
    await site.load.more(5);
    await site.end();
    assertServed(site, 'isOutage' in MOMENTS[moment] ? isOwnRefusal : undefined);
  });
  await assertNothingOrphaned(lab, namesOf(stages));
  await lab.crossfade(['delete', ...namesOf(stages), '--wait']);
  await assertNothingOrphaned(lab, []);
  for (const name of namesOf(stages)) assert.deepEqual(await filesOf(lab.stateDir, name), []);
  assert.deepEqual(await halfMadeFiles(lab.stateDir), []);
}

const namesOf = (stages: readonly Stage[]) => stages.map(({ site }) => site.name);
