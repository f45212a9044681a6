/** What is excused in the score of the core's tests is still in the core: a change leaves no excuse behind. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { EXCUSED, type Excuse } from '../../../scripts/mutate/excused.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');

const flat = (text: string) => text.replace(/\s+/g, ' ');

function isThere({ file, from, line }: Excuse): boolean {
  const source = readFileSync(path.join(ROOT, file), 'utf8');
  if (line === undefined) return flat(source).includes(flat(from));
  return source.split('\n').some((one) => one.includes(line) && one.includes(from));
}

test('every change that is excused can still be made', () => {
  assert.ok(EXCUSED.length > 100);
  const gone = EXCUSED.filter((excuse) => !isThere(excuse));
  assert.deepEqual(gone, []);
});
