/** Small releases, with everything that can happen to them, in every order. `npm run exhaustive` goes farther. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explore } from './explore.ts';
import { SCENARIOS } from './scenarios.ts';

/** Two surprises are thirty times as many states as one: here for some, on demand for all. */
const TWICE: readonly string[] = ['rolling, 1 replica', 'blue-green, 1 replica', 'canary, 1 replica'];

for (const scenario of SCENARIOS) {
  const surprises = TWICE.includes(scenario.name) ? 2 : 1;
  test(`${scenario.name}: whatever happens, at most ${surprises} times, at whatever moment`, (t) => {
    const { states, moves, deepest } = explore(scenario, surprises);
    t.diagnostic(`${states} states, ${moves} moves, the longest way ${deepest} moves`);
    assert.ok(states > 500, `only ${states} states: too few to say anything`);
  });
}
