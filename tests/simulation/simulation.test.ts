import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { oneLife } from './life/one-life.ts';
import { relive, type Script } from './life/shrink.ts';
import { liveMany } from './life/soak.ts';

/** Known ones, the same for every change; fresh.test.ts lives others. */
const SEEDS = { from: 1, to: process.env.CI || process.env.CROSSFADE_TEST_FULL ? 240 : 30 };

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

test('no life breaks an invariant or fails a request, and all come to rest', async (t) => {
  const lives = SEEDS.to - SEEDS.from + 1;
  const { releases, failures } = await liveMany({ first: SEEDS.from, lives, profile: undefined });
  const [failure] = failures;
  if (failure) assert.fail(`seed ${failure.seed}, ${failure.profile}: ${failure.message}`);
  t.diagnostic(`${releases} releases in ${lives} lives`);
  assert.ok(releases > lives, `${releases} releases in ${lives} lives: too quiet to say anything`);
});
