import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oneLife, type ProfileName } from './simulate.ts';

/** Every seed that ever found something, with what it was (docs/reliability.md). They stay. */
const FOUND: readonly [seed: number, profile: ProfileName][] = [
  [343553182, 'hostile'], // a gate that was promoted before its turn left a hole in the list
  [795031455, 'hostile'], // an abort that never ended because the App was scaled to nothing meanwhile
  [1258408516, 'hostile'], // a router that came back empty was refused the route it had before
  [409624971, 'hostile'], // an abort that waited for a stable version that never got whole
  [1543980053, 'hostile'], // a replica stopped while the table in force still named it
  [59038031, 'hostile'], // replicas on their way out were counted as if they stayed
  [277104599, 'hostile'], // the one chosen to leave was by then the only ready one
  [2037492313, 'hostile'], // an abort that went forward again when stable lost a replica
  [2089057552, 'hostile'], // a stage taken for routed although its table could not be made
  [360374717, 'rough'], // a roll with one replica and no surge that could neither go on nor back
  [1022993855, 'hostile'], // a given-up first release that kept its route after a crash
  [248701757, 'hostile'], // capacity of a pool judged by the replicas of another
];

test('seeds that once found a defect find none', async () => {
  for (const [seed, profile] of FOUND) await oneLife(seed, profile);
});

test('the same seed gives the same transcript', async () => {
  const [a, b] = [await oneLife(42, 'hostile'), await oneLife(42, 'hostile')];
  assert.ok(a.log.length > 50, 'something happened');
  assert.deepEqual(a.log, b.log);
});

test('fresh seeds break no invariant and every life comes to rest', async (t) => {
  const first = Math.floor(Math.random() * 2 ** 31);
  const lives = process.env.CROSSFADE_TEST_FULL ? 400 : 60;
  t.diagnostic(`seeds ${first}..${first + lives - 1}`);
  let releases = 0;
  for (let n = 0; n < lives; n++) {
    const profile = (['hostile', 'rough', 'calm'] as const)[n % 3] ?? 'hostile';
    releases += (await oneLife(first + n, profile)).releases;
  }
  assert.ok(releases > lives, `${releases} releases in ${lives} lives: too quiet to say anything`);
});
