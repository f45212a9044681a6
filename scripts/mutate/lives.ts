/** Simulated lives of known seeds, each a test of its own: what `tests/simulation/simulation.test.ts` lives in one. */
import { test } from 'node:test';
import { explore } from '../../tests/simulation/exhaustive/explore.ts';
import { SCENARIOS } from '../../tests/simulation/exhaustive/scenarios.ts';
import { oneLife } from '../../tests/simulation/life/one-life.ts';

const LIVES = 60;

for (let seed = 1; seed <= LIVES; seed++) {
  const profile = (['hostile', 'rough', 'hostile', 'calm'] as const)[seed % 4] ?? 'hostile';
  test(`life ${seed}, ${profile}`, async () => {
    await oneLife(seed, profile);
  });
}

for (const scenario of SCENARIOS) {
  test(`every order: ${scenario.name}`, () => {
    explore(scenario, 1);
  });
}
