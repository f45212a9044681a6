/** Lives that nobody has lived before (docs/reliability.md). */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { addYield, emptyYield, liveMany } from './life/soak.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const SOURCES = ['src/{clock,controller,core,store}/**/*.ts', 'tests/simulation/**/*.ts'];
/** The quick loop has no minutes to give. */
const MINUTES = process.env.CI === 'true' || process.env.CROSSFADE_TEST_FULL ? 3 : 0.1;
const LIVES_PER_LOT = 20;

/**
 * Others with every change of what is lived, the same ones as long as nothing changes: so a failure is the change's, and
 * is there again when the tests are run again.
 */
function firstSeed(): number {
  const hash = createHash('sha256');
  const files = globSync(SOURCES, { cwd: ROOT }).sort();
  assert.ok(files.length > 50, `${files.length} sources: what is lived is somewhere else now`);
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(path.join(ROOT, file)));
  return hash.digest().readUInt32BE();
}

test('lives from fresh seeds', async (t) => {
  const first = firstSeed();
  const total = emptyYield();
  const until = performance.now() + MINUTES * 60_000;
  let next = first;
  for (; performance.now() < until && total.failures.length === 0; next += LIVES_PER_LOT)
    addYield(total, await liveMany({ first: next, lives: LIVES_PER_LOT, profile: undefined }));
  t.diagnostic(
    `seeds ${first} to ${next - 1}: ${total.releases} releases, ${total.hostileReleases} of them hostile`,
  );
  const [failure] = total.failures;
  if (failure) assert.fail(`--seed ${failure.seed} --profile ${failure.profile}: ${failure.message}`);
  assert.ok(total.releases > total.lives, `${total.releases} releases: too quiet to say anything`);
});
