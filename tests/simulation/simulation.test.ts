import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { oneLife } from './life/one-life.ts';
import { relive, type Script } from './life/shrink.ts';
import { emptyYield, liveMany, profileOf } from './life/soak.ts';

/** In CI and in the full run, fresh lives go on for this long; in the quick loop there are a few. */
const MINUTES = process.env.CI || process.env.CROSSFADE_TEST_FULL ? 3 : 0;
const FEWEST_LIVES = 15;

/** The shortest life of everything that was ever found, each named for what it was (docs/reliability.md). They stay. */
for (const file of globSync('found/*.json', { cwd: import.meta.dirname }).sort()) {
  test(`found once: ${path.basename(file, '.json')}`, async () => {
    const script = JSON.parse(readFileSync(path.join(import.meta.dirname, file), 'utf8')) as Script;
    assert.equal(await relive(script), undefined);
  });
}

test('the same seed gives the same transcript', async () => {
  const [a, b] = [await oneLife(42, 'hostile'), await oneLife(42, 'hostile')];
  assert.ok(a.log.length > 50, 'something happened');
  assert.deepEqual(a.log, b.log);
});

test('fresh seeds break no invariant, fail no request and come to rest', async (t) => {
  const first = randomInt(2 ** 31);
  const until = performance.now() + MINUTES * 60_000;
  const total = emptyYield();
  let seed = first;
  for (; seed < first + FEWEST_LIVES || performance.now() < until; seed++) {
    const { releases, failures } = await liveMany({ first: seed, lives: 1, profile: undefined });
    total.releases += releases;
    const [failure] = failures;
    if (failure) assert.fail(`seed ${failure.seed}, ${failure.profile}: ${failure.message}`);
  }
  t.diagnostic(`${total.releases} releases, seeds ${first}..${seed - 1}, from ${profileOf(first)} on`);
  assert.ok(total.releases > FEWEST_LIVES, `${total.releases} releases: too quiet to say anything`);
});
