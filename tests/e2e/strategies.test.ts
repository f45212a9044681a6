/**
 * Every strategy, forward and back, under continuous load: nothing is lost. Requests take up to 40 ms, so that some are
 * under way whenever something changes; a POST cannot be saved by a retry of the router.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../support/free-port.ts';
import { STRATEGIES, serviceApp, strategyOf, withEnv } from './harness/app-files.ts';
import { type Lab, WAIT, withLab } from './harness/lab.ts';
import {
  assertNoFailure,
  describeSeen,
  failuresOf,
  type Load,
  type Seen,
  startLoad,
} from './harness/load.ts';
import { allCells, type Cell, chosenCells, coveredBy, coveringSample, nameOf } from './harness/matrix.ts';
import { type Outage, outageOf } from './harness/outage.ts';

const MATRIX = {
  strategy: STRATEGIES,
  onTerm: ['atOnce', 'after2s'],
  connections: ['kept', 'fresh'],
  method: ['GET', 'POST'],
  replicas: ['1', '3'],
  /** Whether the old version still runs when it is gone back to. */
  undo: ['warm', 'cold'],
} as const;

type StrategyCell = Cell<typeof MATRIX>;

/** Only these keep the old version warm at all. */
const KEEPS_WARM: readonly string[] = ['blueGreen', 'canary', 'abTest'];
const CELLS = allCells(MATRIX).filter(
  ({ strategy, undo }) => undo === 'cold' || KEEPS_WARM.includes(strategy),
);

/** Apps at a time in one Crossfade. */
const CONCURRENCY = 4;

test('the sample has every pair of values, is the same for the same seed and another for another', () => {
  const sample = coveringSample(CELLS, { strength: 2 }, 7);
  const pairs = (cells: readonly StrategyCell[]) => new Set(cells.flatMap((cell) => coveredBy(cell, 2)));
  assert.equal(CELLS.length, 144);
  assert.deepEqual([...pairs(sample)].sort(), [...pairs(CELLS)].sort());
  assert.ok(sample.length < 20, `${sample.length} cells`);
  assert.deepEqual(coveringSample(CELLS, { strength: 2 }, 7), sample);
  assert.notDeepEqual(coveringSample(CELLS, { strength: 2 }, 8), sample);
});

test('no strategy loses a request, forward or back', { concurrency: CONCURRENCY }, async (t) => {
  const cells = chosenCells('strategies under load', CELLS);
  await withLab(t, async (lab) => {
    await lab.crossfade(['get', 'apps']);
    await Promise.all(
      cells.map((cell, index) => t.test(nameOf(cell), () => thereAndBack(lab, cell, `app-${index + 1}`))),
    );
  });
});

async function thereAndBack(lab: Lab, cell: StrategyCell, name: string): Promise<void> {
  const listen = await freePort();
  const app = serviceApp({
    name,
    listen,
    strategy: strategyOf(cell.strategy, { warm: cell.undo === 'warm' }),
    replicas: Number(cell.replicas),
    env: { ON_TERM: cell.onTerm },
  });
  await lab.explaining(name, async () => {
    await lab.apply(app);
    const { connections, method } = cell;
    const load = startLoad(`http://127.0.0.1:${listen}/`, { connections, method });
    await load.more(20);
    try {
      const forward = await release(lab, cell, name, async () => {
        await lab.apply(withEnv(app, { VERSION: '2' }), cell.strategy === 'abTest' ? [] : WAIT);
        if (cell.strategy === 'abTest') await decide(lab, name);
      });
      await load.more(20);
      const back = await release(lab, cell, name, async () => {
        await lab.crossfade(['rollout', 'undo', name, ...WAIT]);
      });
      await load.more(20);
      assert.notEqual(forward.revision, back.revision);
      await load.stop();
      assertNothingLost(load, forward, back);
    } finally {
      await load.stop();
    }
  });
  await lab.crossfade(['delete', name, '--wait']);
}

/** An A/B test ends when a person says so. */
async function decide(lab: Lab, name: string): Promise<void> {
  await lab.until(name, 'the experiment waits for a person', ({ status }) => status.phase === 'Paused');
  await lab.crossfade(['rollout', 'promote', name, ...WAIT]);
}

interface Released {
  /** Stable from here on. */
  revision: string;
  endedAt: number;
  outage: Outage | undefined;
}

async function release(
  lab: Lab,
  cell: StrategyCell,
  name: string,
  run: () => Promise<void>,
): Promise<Released> {
  await run();
  const endedAt = Date.now();
  const { status } = await lab.app(name);
  const last = status.lastRelease;
  assert.equal(last?.verdict, 'promoted', JSON.stringify(last));
  assert.ok(last && status.stableRevision !== null && status.stableRevision === last.revision);
  const outage = cell.strategy === 'recreate' ? outageOf(await lab.events(name), last.id) : undefined;
  return { revision: last.revision, endedAt, outage };
}

function assertNothingLost({ seen }: Load, forward: Released, back: Released): void {
  const outages = [forward.outage, back.outage].filter((outage) => outage !== undefined);
  if (outages.length > 0) assertOnlyDeclaredOutages(seen, outages);
  else assertNoFailure(seen);
  const last = seen.filter(({ sentAt }) => sentAt > back.endedAt);
  assert.ok(last.length > 0, 'no request was sent after the way back');
  assert.deepEqual([...new Set(last.map(({ revision }) => revision))], [back.revision]);
  const answered = seen.some(({ revision }) => revision === forward.revision);
  assert.ok(answered, 'the new version answered nobody');
}

/** Every failure is the router's own 503 within a declared outage, and nobody got through a closed door. */
function assertOnlyDeclaredOutages(seen: readonly Seen[], outages: readonly Outage[]): void {
  const declared = ({ failure, detail, sentAt, answeredAt }: Seen) =>
    failure === 'http_503_router' &&
    detail.startsWith('503 E_NOT_ADMITTED ') &&
    outages.some(({ askedToCloseAt, openAt }) => answeredAt >= askedToCloseAt && sentAt <= openAt);
  const undeclared = failuresOf(seen).filter((one) => !declared(one));
  assert.deepEqual(undeclared.slice(0, 5).map(describeSeen), [], 'failed outside of the declared outage');
  for (const { closedAt, askedToOpenAt } of outages) {
    const inside = seen.filter(({ sentAt, answeredAt }) => sentAt > closedAt && answeredAt < askedToOpenAt);
    const answered = inside.filter(({ failure }) => failure === null);
    assert.deepEqual(answered.slice(0, 5).map(describeSeen), [], 'answered while the router refused');
    assert.ok(inside.length > 0, 'no request met the outage');
  }
}
