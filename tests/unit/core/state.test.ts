import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyState, nextVersion } from '../../../src/core/decide/state.ts';

test('the first version of an App is a moment, and those after it follow one by one', () => {
  assert.equal(nextVersion(emptyState(), 1_700_000_000_123.7), 1_700_000_000_123);
  assert.equal(nextVersion(emptyState(), 0), 1);
  assert.equal(nextVersion({ ...emptyState(), version: 5 }, 1_700_000_000_000), 6);
});
