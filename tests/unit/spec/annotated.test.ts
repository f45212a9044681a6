import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { allFields, fieldPath } from '../../../src/spec/fields.ts';
import { parseAppFile } from '../../../src/spec/parse.ts';
import { assertGolden, GOLDEN } from './golden.ts';

const FILE = path.join(import.meta.dirname, '../../../examples/annotated/app.yaml');
const text = readFileSync(FILE, 'utf8');

test('the annotated file is read without an error, as its golden file says', () => {
  const { apps, errors } = parseAppFile(text, { file: 'app.yaml', baseDir: '/srv/shop' });
  assert.deepEqual(errors, []);
  assertGolden(path.join(GOLDEN, 'annotated.json'), `${JSON.stringify(apps, null, 2)}\n`);
});

test('the annotated file shows every field of the format', () => {
  const shown = new Set<string>();
  for (const document of parseAllDocuments(text)) collect(document.toJS(), [], shown);
  const missing = allFields().filter((field) => !field.reserved && !shown.has(field.path));
  assert.deepEqual(
    missing.map((field) => field.path),
    [],
  );
});

test('the annotated file names every reserved field in a comment', () => {
  const reserved = allFields().filter((field) => field.reserved);
  assert.ok(reserved.length > 0);
  for (const { name } of reserved) assert.match(text, new RegExp(`# .*\\b${name}:.*# +reserved`), name);
});

test('the annotated file stays out of the width of a terminal', () => {
  for (const [index, line] of text.split('\n').entries()) assert.ok(line.length <= 120, `line ${index + 1}`);
});

function collect(value: unknown, at: PropertyKey[], into: Set<string>): void {
  if (at.length > 0) into.add(fieldPath(at));
  if (typeof value !== 'object' || value === null) return;
  const entries = Array.isArray(value) ? value.entries() : Object.entries(value);
  for (const [key, child] of entries) collect(child, [...at, key], into);
}
