/**
 * The daemon is killed before and after every commit and every action of every strategy, at exactly that point, while
 * users are served. Then the release ends as if nothing had happened, once, and nothing is left over.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { freePort } from '../support/free-port.ts';
import { isFullTest } from '../support/full.ts';
import { STRATEGIES, type StrategyName } from './harness/app-files.ts';
import { POINTS, type Point } from './harness/faults.ts';
import { createFaultyDaemon } from './harness/faulty-daemon.ts';
import { assertNothingOrphaned, filesOf, halfMadeFiles } from './harness/inventory.ts';
import { type Lab, withLab } from './harness/lab.ts';
import type { Seen } from './harness/load.ts';
import { type Random, randomFrom, seedOfTest } from './harness/matrix.ts';
import { assertServed } from './harness/site.ts';
import { goOneWay, openSubject, type Subject, WAYS, type Way } from './harness/subject.ts';

/** Crossfades at a time: each has a daemon, a router and its users. */
const CONCURRENCY = isFullTest() ? 2 : 3;
const DELETING = ['removeApp', 'unroute'];
const sides = (name: string): Point[] => [`${name} before`, `${name} after`];
const ALL_POINTS = Object.values(POINTS)
  .flatMap((names) => Object.values(names))
  .filter((name) => !DELETING.includes(name))
  .flatMap(sides);
/** Not on every way, or not in time: where requests are under way, after the end of a release, beside everything else. */
const BY_CHANCE = ['drain', 'forget', 'probe'];
/** Where it is killed while an App is deleted: another one for each strategy. */
const DELETE_POINTS = [...DELETING, 'forget'].flatMap(sides);

interface Cell {
  way: Way;
  point: Point;
  /** Passed so many times on this way. */
  nth: number;
}

const killed = { reached: 0, missed: 0, points: new Set<string>() };

test('killed at every commit and at every action, in every strategy', {
  concurrency: CONCURRENCY,
}, async (t) => {
  await Promise.all(
    STRATEGIES.map((strategy, index) => t.test(strategy, (part) => killEverywhere(part, strategy, index))),
  );
  console.log(
    `killed ${killed.reached} times, ${killed.missed} points were not reached again (CROSSFADE_TEST_SEED=${seedOfTest()})`,
  );
  assert.ok(killed.reached > killed.missed, `${killed.missed} points were not reached again`);
  const never = ALL_POINTS.filter((point) => !killed.points.has(point));
  if (never.length > 0) console.log(`never killed at ${never.join(', ')}`);
  assert.deepEqual(
    never.filter((point) => !BY_CHANCE.some((name) => point.startsWith(name))),
    [],
    'the daemon was never killed there',
  );
});

async function killEverywhere(t: TestContext, strategy: StrategyName, index: number): Promise<void> {
  const listen = await freePort();
  const body = async (lab: Lab) => {
    const daemon = createFaultyDaemon(lab);
    await daemon.start();
    const subject = await openSubject(lab, daemon, strategy, listen);
    const { site, driver } = subject;
    await lab.explaining(site.name, async () => {
      await goOneWay(subject, 'promote', () => daemon.disarm());
      site.begin();
      try {
        const cells = await cellsOf(subject, index, randomFrom(seedOfTest() + index));
        for (const cell of cells)
          if (!(await killAt(subject, cell)) && cell.nth > 1) await killAt(subject, { ...cell, nth: 1 });
        await site.load.more(10);
      } finally {
        await site.end();
      }
      assertServed(site, strategy === 'recreate' ? isDeclared : undefined);
    });
    await daemon.arm(DELETE_POINTS[index] ?? assert.fail('no point'), 1);
    const deaths = daemon.deaths();
    await driver.remove();
    assert.equal(daemon.deaths(), deaths + 1, `was not killed at ${DELETE_POINTS[index]}`);
    await assertNothingOrphaned(lab, []);
    assert.deepEqual(await filesOf(lab.stateDir, site.name), []);
    assert.deepEqual(await halfMadeFiles(lab.stateDir), []);
  };
  await withLab(t, body, { ports: [listen] });
}

const isDeclared = ({ failure, detail }: Seen): boolean =>
  failure === 'http_503_router' && detail.startsWith('503 E_NOT_ADMITTED ');

/** Every way is gone once as it is; what the daemon passes on it is where it is killed next. */
async function cellsOf(subject: Subject, index: number, random: Random): Promise<Cell[]> {
  const all: Cell[] = [];
  for (const way of WAYS) {
    let since = 0;
    await goOneWay(subject, way, async () => {
      since = await subject.daemon.disarm();
    });
    const nths = new Map<Point, number>();
    for (const point of await subject.daemon.passed(since)) {
      const nth = (nths.get(point) ?? 0) + 1;
      nths.set(point, nth);
      all.push({ way, point, nth });
    }
  }
  if (isFullTest()) return all;
  // Every point in every third strategy, and anywhere on any way in it.
  const own = ALL_POINTS.filter((_, at) => (at + seedOfTest()) % 3 === index % 3);
  return own.flatMap((point) => random.pick(all.filter((cell) => cell.point === point)));
}

/** @returns whether it came to that: another run may pass a point less often */
async function killAt(subject: Subject, { way, point, nth }: Cell): Promise<boolean> {
  const { daemon, driver, site } = subject;
  const before = daemon.deaths();
  await goOneWay(subject, way, () => daemon.arm(point, nth)).catch((error: Error) => {
    throw new Error(`killed at ${way}: ${point} ${nth}: ${error.message}`, { cause: error });
  });
  await daemon.disarm();
  // It may have died of its very last step.
  await driver.view();
  await assertNothingOrphaned(site.lab, [site.name]);
  const wasKilled = daemon.deaths() > before;
  if (wasKilled) killed.points.add(point);
  killed[wasKilled ? 'reached' : 'missed'] += 1;
  return wasKilled;
}
