/** When a measured split agrees with the one asked for, and how many requests it takes to say so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PoolId, Route } from '../../../src/core/model.ts';
import { verifyGate, weighted } from '../../../src/core/strategies/parts.ts';
import { judgeSplit } from '../../../src/core/verify.ts';
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

test('a router that counts answers may count one that was on its way before the switch', () => {
  assert.equal(verdictOf(10_000, { stable: 1, candidate: 9_999 }, 1, 1), 'agrees');
  assert.equal(verdictOf(10_000, { stable: 2, candidate: 9_998 }, 1, 1), 'disagrees');
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
