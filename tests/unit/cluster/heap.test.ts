import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { HEAP_GROWTH } from '../../../src/cluster/heap.ts';

test('V8 knows the option: one that it does not know is passed over with a line on stderr', () => {
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  assert.match(HEAP_GROWTH, /^--[a-z-]+=\d+$/);
  assert.ok(known.includes(`\n  ${HEAP_GROWTH.split('=')[0]} (`), HEAP_GROWTH);
});
