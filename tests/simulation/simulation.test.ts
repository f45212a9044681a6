import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProfileName } from './life/profiles.ts';
import { oneLife } from './simulate.ts';

/**
 * Seeds that found something, with what it was. They stay, though what a seed stands for changes with the world: what it
 * found has a test of its own too (tests/unit/core/found.test.ts).
 */
const FOUND: readonly [seed: number, profile: ProfileName][] = [
  [42, 'calm'], // what became of marked requests was told to a list that nobody read any more
  [70, 'calm'], // users were sent to replicas that were not ready yet after a reboot
  [107, 'calm'], // somebody else's table under our generation: a replica in it would have been stopped
  [3, 'hostile'], // a first release that had users already was superseded, and its route taken away
  [14, 'hostile'], // a leader's action outlived it, and was waited for ever after
  [16, 'hostile'], // an abort ended while somebody else's table still gave the candidate users
  [44, 'hostile'], // a store that was put back from a copy was refused as stale for ever
  [56, 'hostile'], // a roll was judged by the strategy that the App had got since, and frozen
  [156, 'hostile'], // a store that was put back gave a new pool the name of one that still ran
  [1235, 'hostile'], // the first route and the withdrawal of the one before were sent side by side
];

test('seeds that once found a defect find none', async () => {
  for (const [seed, profile] of FOUND) await oneLife(seed, profile);
});

test('the same seed gives the same transcript', async () => {
  const [a, b] = [await oneLife(42, 'hostile'), await oneLife(42, 'hostile')];
  assert.ok(a.log.length > 50, 'something happened');
  assert.deepEqual(a.log, b.log);
});

/** At least half of all is hostile. */
const PROFILE_OF_TURN: readonly ProfileName[] = ['hostile', 'rough', 'hostile', 'calm'];

test('fresh seeds break no invariant and every life comes to rest', async (t) => {
  const first = Math.floor(Math.random() * 2 ** 31);
  const lives = process.env.CROSSFADE_TEST_FULL ? 400 : 24;
  t.diagnostic(`seeds ${first}..${first + lives - 1}`);
  let releases = 0;
  for (let n = 0; n < lives; n++) {
    releases += (await oneLife(first + n, PROFILE_OF_TURN[n % 4] ?? 'hostile')).releases;
  }
  assert.ok(releases > lives, `${releases} releases in ${lives} lives: too quiet to say anything`);
});
