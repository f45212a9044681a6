import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findOversized, MAX_FILE_LINES, MAX_FUNCTION_LINES } from '../../../scripts/sizes.ts';
import { parseSource, readSources } from '../../../scripts/source-tree.ts';
import { ROOT } from '../../../scripts/testing/files.ts';

const body = (lines: number) => 'x();\n'.repeat(lines);

test('every file and function of the source is short enough to have one name', () => {
  const sources = readSources(ROOT, 'src/**/*.ts');
  assert.ok(sources.length > 100, `only ${sources.length} files were read`);
  assert.deepEqual(findOversized(sources), []);
});

test('a file is too long from one line more than the limit', () => {
  assert.deepEqual(findOversized([parseSource('src/a.ts', body(MAX_FILE_LINES))]), []);
  const found = findOversized([parseSource('src/a.ts', body(MAX_FILE_LINES + 1))]);
  assert.deepEqual(found, ['src/a.ts: 401 lines, at most 400']);
});

test('a function is too long from one line more than the limit, however it is written', () => {
  for (const [head, tail] of [
    ['function f() {', '}'],
    ['const f = async () => {', '};'],
    ['class C { m() {', '} }'],
    ['const o = { get g() {', '} };'],
  ]) {
    const fits = `// a comment\n${head}\n${body(MAX_FUNCTION_LINES - 2)}${tail}`;
    assert.deepEqual(findOversized([parseSource('src/a.ts', fits)]), []);
    const tooLong = `// a comment\n${head}\n${body(MAX_FUNCTION_LINES - 1)}${tail}`;
    assert.deepEqual(findOversized([parseSource('src/a.ts', tooLong)]), [
      'src/a.ts:2: a function of 71 lines, at most 70',
    ]);
  }
});
