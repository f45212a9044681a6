import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Folder of the files that hold what is expected. `UPDATE_GOLDEN=1` writes them anew: read the difference before you commit it. */
export const GOLDEN = path.join(import.meta.dirname, 'golden');

export function assertGolden(file: string, actual: string): void {
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, actual);
  assert.equal(actual, readFileSync(file, 'utf8'), `${path.relative(GOLDEN, file)} says something else`);
}
