/** When a measured split agrees with the one asked for, and how many requests it takes to say so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { binomialPValue } from '../../../src/core/binomial.ts';
import type { PoolId, Route } from '../../../src/core/model.ts';
import { verifyGate, weighted } from '../../../src/core/strategies/parts.ts';
import { judgeSplit, splitCount } from '../../../src/core/verify.ts';
import type { CanaryStep } from '../../../src/spec/app.ts';
import { specOf, World } from '../../simulation/world.ts';

function verdictOf(weightBp: number, counts: Record<PoolId, number>, workers = 1, stray = 0): string {
  const to = [
    { key: 'stable', weight: 10_000 - weightBp },
    { key: 'candidate', weight: weightBp },
  ];
  const route: Route<PoolId> = {
    split: { kind: 'weights', to: to.filter(({ weight }) => weight > 0) },
    matches: [],
    admit: { kind: 'open' },
  };
  return judgeSplit({ route, members: {}, counts, slack: workers, stray }).kind;
}

const ROUTE: Route<PoolId> = {
  split: {
    kind: 'weights',
    to: [
      { key: 'stable', weight: 8_000 },
      { key: 'candidate', weight: 2_000 },
    ],
  },
  matches: [],
  admit: { kind: 'open' },
};

test('counted splits agree to one request for each worker of the router', () => {
  assert.equal(verdictOf(800, { stable: 92, candidate: 8 }), 'agrees');
  assert.equal(verdictOf(800, { stable: 91, candidate: 9 }), 'agrees');
  assert.equal(verdictOf(700, { stable: 94, candidate: 6 }), 'agrees');
  assert.equal(verdictOf(800, { stable: 90, candidate: 10 }), 'disagrees');
  assert.equal(verdictOf(800, { stable: 94, candidate: 6 }), 'disagrees');
  assert.equal(verdictOf(800, { stable: 90, candidate: 10 }, 2), 'agrees');
  assert.equal(verdictOf(800, { stable: 89, candidate: 11 }, 2), 'disagrees');
  assert.equal(verdictOf(800, { stable: 9_198, candidate: 802 }), 'disagrees');
});

test('where one has everything, a single answer of the other is too many', () => {
  assert.equal(verdictOf(10_000, { candidate: 10_000 }), 'agrees');
  assert.equal(verdictOf(10_000, { stable: 1, candidate: 9_999 }), 'disagrees');
  assert.equal(verdictOf(0, { stable: 100 }), 'agrees');
  assert.equal(verdictOf(0, { stable: 99, candidate: 1 }), 'disagrees');
  assert.equal(verdictOf(2_000, { stable: 80, candidate: 20, gone: 1 }), 'disagrees');
});

test('users and marked requests are split alike: they count together', () => {
  assert.equal(splitCount({ requests: 9, ok: 9, failed: 0, split: 3, probes: 2 }), 5);
});

test('stray answers of several that have no share add up', () => {
  const counts = { gone: 1, stable: 1, candidate: 9_998 };
  assert.equal(verdictOf(10_000, counts, 2, 1), 'disagrees');
});

test('what was asked for and what was measured are told as parts of one', () => {
  const counts = { stable: 75, candidate: 25 };
  const { total, asked, measured } = judgeSplit({ route: ROUTE, members: {}, counts, slack: 1, stray: 0 });
  assert.equal(total, 100);
  assert.deepEqual(asked, { stable: 0.8, candidate: 0.2 });
  assert.deepEqual(measured, { stable: 0.75, candidate: 0.25 });
  const none = judgeSplit({ route: ROUTE, members: {}, counts: { stable: 0 }, slack: 1, stray: 0 });
  assert.deepEqual(none.measured, { stable: 0 }, 'of nothing, nobody answered any part');
});

test('a router that cannot do the weights exactly is held to what it was asked for in the end', () => {
  const shares = { stable: 0.75, candidate: 0.25 };
  const counts = { stable: 75, candidate: 25 };
  const verdict = judgeSplit({ route: ROUTE, members: {}, counts, slack: 1, stray: 0, shares });
  assert.equal(verdict.kind, 'agrees');
  assert.deepEqual(verdict.asked, shares);
});

test('a roll asks for as much of a version as it has of the replicas', () => {
  const split = { kind: 'perReadyReplica' as const, to: ['stable', 'candidate', 'none'] };
  const asked = (members: Record<PoolId, string[]>) =>
    judgeSplit({ route: { ...ROUTE, split }, members, counts: {}, slack: 1, stray: 0 }).asked;
  const members = { stable: ['a', 'b', 'c'], candidate: ['d'] };
  assert.deepEqual(asked(members), { stable: 0.75, candidate: 0.25, none: 0 });
  assert.deepEqual(asked({}), { stable: 0, candidate: 0, none: 0 }, 'nobody is there');
});

test('a router that counts answers may count one that was on its way before the switch', () => {
  assert.equal(verdictOf(10_000, { stable: 1, candidate: 9_999 }, 1, 1), 'agrees');
  assert.equal(verdictOf(10_000, { stable: 2, candidate: 9_998 }, 1, 1), 'disagrees');
});

test('where users are assigned by chance, a version that nobody has reached yet takes more requests, not a pass', () => {
  const sticky = { by: { kind: 'header' as const, name: 'x-user' }, salt: 's' };
  const says = (counts: Record<PoolId, number>, route: Route<PoolId> = { ...ROUTE, sticky }) =>
    judgeSplit({ route, members: {}, counts, slack: 1, stray: 0 }).kind;
  assert.equal(
    says({ stable: 25 }),
    'too few',
    'chance would allow it, and so does a route that is not followed',
  );
  assert.equal(says({ stable: 24 }), 'agrees', 'fewer than five were to be expected');
  assert.equal(says({ stable: 24, candidate: 1 }), 'agrees');
  assert.equal(says({ stable: 100 }), 'disagrees');
  assert.equal(says({ candidate: 7 }), 'too few', 'stable is one of them');
  assert.equal(says({ stable: 25 }, ROUTE), 'disagrees', 'counted splits are exact');
});

const NEEDED: [weightBp: number, requests: number][] = [
  [5_000, 100],
  [100, 100],
  [99, 102],
  [1, 10_000],
  [9_999, 10_000],
  [0, 100],
  [10_000, 100],
];
for (const [weightBp, requests] of NEEDED) {
  test(`${weightBp / 100}% needs ${requests} requests`, () => {
    const gate = verifyGate(weighted(weightBp), { onNoTraffic: 'probe' });
    assert.deepEqual(gate, { kind: 'verify', minRequests: requests, onNoTraffic: 'probe' });
  });
}

test('minRequests asks for more or fewer, but never fewer than the smallest share takes to show', () => {
  const needs = (weightBp: number, ofApp: number | undefined, ofStep?: number) => {
    const verify = ofApp === undefined ? {} : { minRequests: ofApp };
    const gate = verifyGate(weighted(weightBp), { onNoTraffic: 'hold', ...verify }, ofStep);
    return gate.kind === 'verify' && gate.minRequests;
  };
  assert.equal(needs(2_000, 500), 500);
  assert.equal(needs(2_000, 40), 40);
  assert.equal(needs(2_000, 500, 1_000), 1_000);
  assert.equal(needs(2_000, 1), 5);
  assert.equal(needs(1, 1_000), 10_000);
});

const NOBODY_YET: [string, CanaryStep[]][] = [
  ['setWeight: 0', [{ kind: 'setWeight', weightBp: 0 }]],
  [
    'a header route that is verified',
    [
      {
        kind: 'setHeaderRoute',
        name: 'staff',
        match: [{ headers: [{ name: 'x-staff', value: { kind: 'present' } }], cookies: [] }],
      },
      { kind: 'verify' },
    ],
  ],
];
for (const [name, steps] of NOBODY_YET) {
  test(`${name}: nobody is sent to the candidate, so nobody waits for its answers`, () => {
    const world = new World(specOf({ kind: 'canary', steps: [...steps, { kind: 'pause' }], warmMs: 5_000 }));
    world.runUntil((w) => w.state.stable !== undefined && !w.state.release);
    world.apply('v2');
    world.runUntil((w) => w.state.release?.gates[1]?.kind === 'waiting', 20_000);
    assert.equal(world.state.release?.gates[0]?.kind, 'passed');
  });
}

const near = (actual: number, wanted: number) =>
  assert.ok(Math.abs(actual / wanted - 1) < 1e-9, `${actual} instead of ${wanted}`);

test('the binomial test is exact', () => {
  near(binomialPValue(0, 10, 0.5), 2 / 1024);
  near(binomialPValue(9, 10, 0.5), 22 / 1024);
  near(binomialPValue(0, 10_000, 0.0001), 2 * 0.9999 ** 10_000);
  near(binomialPValue(100, 100, 0.999), 1);
  for (const total of [1, 7, 40, 300]) {
    for (const share of [0.01, 0.3, 0.5, 0.92]) {
      const chances = coins(total, share);
      for (let count = 0; count <= total; count++) {
        const below = chances.slice(0, count + 1).reduce((sum, p) => sum + p, 0);
        const above = chances.slice(count).reduce((sum, p) => sum + p, 0);
        const wanted = Math.min(1, 2 * (count > total * share ? above : below));
        if (wanted > 1e-280) near(binomialPValue(count, total, share), wanted);
      }
    }
  }
});

/** The distribution, one coin after the other. */
function coins(total: number, share: number): number[] {
  let chances = [1];
  for (let n = 0; n < total; n++)
    chances = [...chances, 0].map((p, k) => p * (1 - share) + (chances[k - 1] ?? 0) * share);
  return chances;
}

test('what is certain is not a matter of chance', () => {
  assert.equal(binomialPValue(0, 50, 0), 1);
  assert.equal(binomialPValue(1, 50, 0), 0);
  assert.equal(binomialPValue(50, 50, 1), 1);
  assert.equal(binomialPValue(49, 50, 1), 0);
  assert.equal(binomialPValue(0, 0, 0.2), 1);
});

test('sticky users who are split otherwise than asked are found out', () => {
  const sticky = (candidate: number, total: number) =>
    judgeSplit({
      route: { ...ROUTE, sticky: { by: { kind: 'header', name: 'x-user' }, salt: 's' } },
      members: {},
      counts: { stable: total - candidate, candidate },
      slack: 1,
      stray: 0,
    }).kind;
  const verdicts = {
    agrees: [
      [20, 100],
      [34, 100],
      [8, 100],
      [130, 500],
    ],
    // What a working router would show once in a thousand times, and a wrong one often: more requests are asked for.
    'too few': [
      [35, 100],
      [41, 100],
      [7, 100],
      [3, 100],
      [131, 500],
      [145, 500],
    ],
    disagrees: [
      [42, 100],
      [0, 100],
      [150, 500],
    ],
  };
  for (const [kind, samples] of Object.entries(verdicts))
    for (const [candidate = 0, total = 0] of samples)
      assert.equal(sticky(candidate, total), kind, `${candidate} of ${total}`);
});
