import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { parseAppFile } from '../../../src/spec/parse.ts';
import { formatSpecErrors, type SpecError } from '../../../src/spec/spec-error.ts';

const errorsOf = (text: string) => parseAppFile(text, { file: 'shop.yaml', baseDir: '/srv' }).errors;

test('an error is its place, its field, what is wrong, the line with a caret, and what to write instead', () => {
  const text =
    'apiVersion: crossfade.dev/v1\nkind: App\nmetadata: { name: Shop }\nspec: { run: { command: [node] } }\n';
  assert.equal(
    formatSpecErrors(errorsOf(text), { color: false }),
    [
      'shop.yaml:3:19: metadata.name: expected a name of lower-case letters, digits and -, beginning with a letter, ending with a letter or digit, at most 58 long, found "Shop"',
      '    metadata: { name: Shop }',
      '                      ^^^^',
      '  help: write shop',
    ].join('\n'),
  );
});

test('an error carries in fields what it says in words', () => {
  const [error] = errorsOf(
    'apiVersion: crossfade.dev/v1\nkind: App\nmetadata: { name: Shop }\nspec: { run: { command: [node] } }\n',
  );
  assert.ok(error);
  const { file, line, column, path, code, found, suggestion, source } = error;
  assert.deepEqual(
    { file, line, column, path, code, found, suggestion, source },
    {
      file: 'shop.yaml',
      line: 3,
      column: 19,
      path: 'metadata.name',
      code: 'E_SPEC_VALUE',
      found: '"Shop"',
      suggestion: 'write shop',
      source: { line: 'metadata: { name: Shop }', length: 4 },
    },
  );
});

test('colours only add to the text', () => {
  const errors = errorsOf('kind: App\nspec: 1\n');
  const coloured = formatSpecErrors(errors, { color: true });
  const plain = formatSpecErrors(errors, { color: false });
  assert.notEqual(coloured, plain);
  assert.equal(stripVTControlCharacters(coloured), plain);
  assert.ok(!plain.includes('\u001b'));
});

test('an error without a place is its field and what is wrong', () => {
  const error: SpecError = {
    path: 'spec.replicas',
    code: 'E_SPEC_VALUE',
    message: 'expected a number, found "x"',
  };
  assert.equal(formatSpecErrors([error], { color: false }), 'spec.replicas: expected a number, found "x"');
});

test('no file can send commands to the terminal that shows its errors', () => {
  const clear = '\u001b[2J';
  const errors: SpecError[] = [
    {
      file: `a${clear}.yaml`,
      line: 1,
      column: 1,
      path: `spec["${clear}"]`,
      code: 'E_SPEC_VALUE',
      message: `found ${clear}\u009b2J`,
      suggestion: `write ${clear}`,
      source: { line: `a: ${clear}`, length: 3 },
    },
  ];
  assert.doesNotMatch(formatSpecErrors(errors, { color: false }).replaceAll('\n', ''), /\p{Cc}/u);
});

test('of a long line only the part around the place is shown, and the caret is below it', () => {
  const line = `${'x'.repeat(300)}HERE${'y'.repeat(300)}`;
  const error: SpecError = {
    path: '',
    code: 'E_SPEC_VALUE',
    message: 'm',
    line: 1,
    column: 301,
    source: { line, length: 4 },
  };
  const [, shown = '', caret = ''] = formatSpecErrors([error], { color: false }).split('\n');
  assert.ok(shown.length <= 104);
  assert.equal(shown.slice(caret.indexOf('^'), caret.lastIndexOf('^') + 1), 'HERE');
});
