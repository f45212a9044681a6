import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createHistogram } from '../../../src/probe/histogram.ts';
import { createLedger, percentOf } from '../../../src/probe/ledger.ts';
import { revisionOf } from '../../../src/probe/revision.ts';
import type { RequestRecord, SwitchView } from '../../../src/probe/types.ts';

const record = (
  number: number,
  revision: string | null,
  more: Partial<RequestRecord> = {},
): RequestRecord => ({
  number,
  intendedAt: number * 10,
  startedAt: number * 10,
  endedAt: number * 10 + 1,
  status: 200,
  revision,
  failure: null,
  detail: '',
  connection: 'kept',
  ...more,
});

/** Answers in order, one every 10 ms. */
function play(revisions: string[]): { marks: string[]; views: SwitchView[] } {
  const ledger = createLedger();
  const marks: string[] = [];
  revisions.forEach((revision, index) => {
    const found = ledger.add(record(index + 1, revision));
    if (found !== undefined) marks.push(`${index + 1}: ${found.from} -> ${found.to}`);
  });
  return { marks, views: ledger.summary().switches };
}

const times = (n: number, revision: string) => Array<string>(n).fill(revision);

test('a percentile is within one per cent of the true one, and never below it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 60_000_000 }), { minLength: 1, maxLength: 200 }),
      fc.constantFrom(0.01, 0.5, 0.9, 0.99, 1),
      (us, share) => {
        const histogram = createHistogram();
        for (const value of us) histogram.add(value / 1000);
        const exact = [...us].sort((a, b) => a - b)[Math.ceil(share * us.length) - 1] ?? 0;
        const found = histogram.percentileMs(share) * 1000;
        assert.ok(found >= exact - 0.001 && found <= exact * 1.016 + 1, `${found} for ${exact}`);
      },
    ),
  );
});

test('the slowest is exact, and nothing at all is 0', () => {
  const histogram = createHistogram();
  assert.equal(histogram.percentileMs(0.99), 0);
  histogram.add(123_456.789);
  assert.equal(histogram.maxMs, 123_456.789);
});

test('a canary that answers beside stable is one switch, not one for each answer', () => {
  const mixed = Array.from({ length: 2000 }, (_, index) => (index % 100 === 50 ? 'new' : 'old'));
  assert.deepEqual(play([...times(300, 'old'), ...mixed]).marks, ['351: old -> new']);
});

test('after an undo the old revision coming back is a switch of its own', () => {
  const { marks, views } = play([...times(200, 'old'), ...times(200, 'new'), ...times(200, 'old')]);
  assert.deepEqual(marks, ['201: old -> new', '401: new -> old']);
  // The last old answer before the first switch stays what it was, though old answers again.
  assert.equal(views[0]?.lastOldAt, 2001);
  assert.equal(views[1]?.lastOldAt, 4001);
});

test('the overlap is how long both answered; a gap is negative', () => {
  assert.equal(play([...times(50, 'old'), ...times(50, 'new')]).views[0]?.overlapMs, -10);
  assert.equal(play([...times(50, 'old'), 'new', 'old', 'new']).views[0]?.overlapMs, 10);
});

test('slowest and failed around a switch count what was open within a second of it, before and after', () => {
  const ledger = createLedger();
  ledger.add(record(1, 'old', { endedAt: 50_000 })); // ended long before: not around it
  for (let n = 10_000; n < 10_010; n += 1) ledger.add(record(n, 'old', { endedAt: n * 10 + 5 }));
  ledger.add(record(10_010, 'new'));
  ledger.add(record(10_050, null, { failure: 'reset', status: null, endedAt: 100_570 }));
  ledger.add(record(10_300, 'new', { endedAt: 200_000 })); // began long after
  const [found] = ledger.summary().switches;
  assert.equal(found?.failed, 1);
  assert.equal(found?.slowestMs, 70);
});

test('the share of a revision is of what was answered; refused requests take part in no share and no latency', () => {
  const ledger = createLedger();
  ledger.add(record(1, 'a'));
  ledger.add(record(2, 'b'));
  ledger.add(record(3, null, { status: null, failure: 'refused', endedAt: 99_999 }));
  const summary = ledger.summary();
  assert.deepEqual(summary.byRevision, { a: { requests: 1, percent: 50 }, b: { requests: 1, percent: 50 } });
  assert.equal(summary.slowestMs, 1);
  assert.deepEqual(summary.failures, { refused: 1 });
});

test('a share of one in ten thousand is visible', () => {
  assert.equal(percentOf(1, 10_000), 0.01);
  assert.equal(percentOf(0, 0), 0);
});

test('the revision comes from the header of Crossfade, then of the application, then from the body', () => {
  const json = '{"version": "1.0.0", "errors": []}';
  assert.equal(revisionOf({ 'x-crossfade-revision': 'v1-a', 'x-app-version': '2' }, json), 'v1-a');
  assert.equal(revisionOf({ 'x-app-version': '2' }, json), '2');
  assert.equal(revisionOf({ 'content-type': 'application/json' }, json), '1.0.0');
  assert.equal(revisionOf({}, '<html>'), 'unknown');
  assert.equal(revisionOf({}, '{"version": 1, "cut o'), 'unknown');
  assert.equal(revisionOf({ 'content-type': 'application/json' }, 'null'), 'unknown');
});

test('a server that gives itself another name each time fills neither memory nor report', () => {
  const ledger = createLedger();
  for (let n = 1; n <= 5_000; n++) ledger.add(record(n, `v-${n}`));
  const { byRevision, switches, requests } = ledger.summary();
  assert.equal(requests, 5_000);
  assert.equal(Object.keys(byRevision).length, 101);
  assert.equal(byRevision.others?.requests, 4_900);
  assert.ok(switches.length <= 1000);
});
