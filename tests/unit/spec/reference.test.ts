import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { allFields } from '../../../src/spec/fields.ts';
import { parseAppFile } from '../../../src/spec/parse.ts';
import { assertGolden } from './golden.ts';
import { fillTables } from './reference.ts';

const FILE = path.join(import.meta.dirname, '../../../docs/reference/app-file.md');
const SOURCES = path.join(import.meta.dirname, '../../../src/spec');
const markdown = readFileSync(FILE, 'utf8');

test('the tables of the reference say what the schema says', () => {
  assertGolden(FILE, fillTables(markdown));
});

test('every field is in the reference', () => {
  const missing = allFields().filter(
    (field) => !readFileSync(FILE, 'utf8').includes(`| \`${field.path}\` |`),
  );
  assert.deepEqual(
    missing.map((field) => field.path),
    [],
  );
});

test('every error code is in the reference, and no other', () => {
  const codes = readFileSync(path.join(SOURCES, 'problem.ts'), 'utf8').match(/E_[A-Z_]+/g) ?? [];
  const listed = markdown.match(/(?<=^\| `)E_[A-Z_]+/gm) ?? [];
  assert.ok(codes.length >= 15);
  assert.deepEqual([...new Set(listed)].sort(), [...new Set(codes)].sort());
});

test('every example in the reference is an App that is read without an error', () => {
  const examples = [...markdown.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
  const whole = examples.filter((text) => text.startsWith('apiVersion'));
  assert.ok(whole.length > 0);
  for (const text of whole) assert.deepEqual(parseAppFile(text, { file: 'x', baseDir: '/srv' }).errors, []);
  const parts = examples.filter((text) => !text.startsWith('apiVersion'));
  assert.ok(parts.length > 0);
  for (const text of parts) {
    const head = 'apiVersion: crossfade.dev/v1\nkind: App\nmetadata: { name: shop }\nspec:\n';
    const has = (field: string) => text.includes(`\n${field}:`) || text.startsWith(`${field}:`);
    const rest = ['source: .', 'run: { command: [server] }', 'port: 8080', 'route: { listen: 8000 }'].filter(
      (line) => !has(line.split(':')[0] ?? '') && !(has('image') && line.startsWith('source')),
    );
    const app = head + [...rest, ...text.trimEnd().split('\n')].map((line) => `  ${line}\n`).join('');
    assert.deepEqual(parseAppFile(app, { file: 'x', baseDir: '/srv' }).errors, [], text);
  }
});
