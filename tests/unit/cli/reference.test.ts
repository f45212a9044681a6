import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { buildProgram } from '../../../src/cli/program.ts';
import { fakeContext } from './fake-context.ts';
import { referencePage } from './reference-page.ts';

const PAGE = path.join(import.meta.dirname, '../../../docs/reference/cli.md');

test('docs/reference/cli.md says what the program says', () => {
  const wanted = referencePage(buildProgram(fakeContext().ctx));
  if (process.env.UPDATE_GOLDEN) writeFileSync(PAGE, wanted);
  assert.equal(readFileSync(PAGE, 'utf8'), wanted, 'out of date: run UPDATE_GOLDEN=1 npm test');
});

test('every command and every flag is described', () => {
  const unsaid: string[] = [];
  const visit = (command: ReturnType<typeof buildProgram>, name: string): void => {
    if (command.description() === '') unsaid.push(name);
    for (const option of command.options)
      if (option.description === '') unsaid.push(`${name} ${option.flags}`);
    for (const child of command.commands) visit(child, `${name} ${child.name()}`);
  };
  visit(buildProgram(fakeContext().ctx), 'crossfade');
  assert.deepEqual(unsaid, []);
});
