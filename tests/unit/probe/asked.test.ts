import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAskedLedger } from '../../../src/probe/asked.ts';
import type { RequestRecord } from '../../../src/probe/types.ts';

const answer = (at: number, revision: string | null): RequestRecord => ({
  number: 1,
  intendedAt: at,
  startedAt: at,
  endedAt: at + 1,
  status: 200,
  revision,
  failure: null,
  detail: '',
  connection: 'kept',
});

test('only requests that certainly ran under the asked shares are compared with them', () => {
  const asked = createAskedLedger();
  const shares = { old: 80, new: 20 };
  asked.add(answer(50, 'old')); // before anything is known
  asked.saw(shares, 100, 101);
  asked.add(answer(150, 'old')); // the router may not have followed yet
  asked.saw(shares, 200, 201);
  for (let n = 0; n < 100; n += 1) asked.add(answer(210 + n / 10, n % 5 === 0 ? 'new' : 'old'));
  asked.saw(shares, 300, 301);
  asked.add(answer(310, 'new')); // the next look sees another route: nobody knows which one this met
  asked.saw({ old: 50, new: 50 }, 400, 401);
  assert.deepEqual(asked.periods(), [
    {
      requests: 100,
      shares: [
        { revision: 'old', askedPercent: 80, measuredPercent: 80, requests: 80, deviation: 0 },
        { revision: 'new', askedPercent: 20, measuredPercent: 20, requests: 20, deviation: 0 },
      ],
    },
  ]);
});

test('a revision that nobody asked for shows as a deviation', () => {
  const asked = createAskedLedger();
  asked.saw({ old: 100 }, 0, 1);
  asked.saw({ old: 100 }, 2, 3);
  for (let at = 10; at < 13; at += 1) asked.add(answer(at, 'old'));
  asked.add(answer(20, 'stray'));
  asked.add(answer(21, null));
  asked.saw({ old: 100 }, 100, 101);
  const [period] = asked.periods();
  assert.equal(period?.requests, 4);
  assert.deepEqual(
    period?.shares.map((share) => [share.revision, share.deviation]),
    [
      ['old', -25],
      ['stray', 25],
    ],
  );
});

test('while the route asks for no shares there is nothing to compare', () => {
  const asked = createAskedLedger();
  asked.saw(null, 0, 1);
  asked.add(answer(10, 'old'));
  asked.saw(null, 20, 21);
  assert.deepEqual(asked.periods(), []);
});
