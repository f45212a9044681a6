/** The checker is checked: bugs in gates, in what operators say, and in the loop. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tempDir } from '../../support/temp-dir.ts';
import { BUGS, RULES } from './bugs.ts';
import { findAll, hunt } from './find.ts';

findAll(RULES);

test('without a bug the same lives find nothing', async (t) => {
  assert.ok(BUGS.length >= 50, `${BUGS.length} bugs are planted`);
  const { lives, what } = await hunt('none', 30, await tempDir(t));
  assert.equal(what, undefined);
  assert.equal(lives, 30);
});
