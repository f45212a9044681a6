import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { Command } from 'commander';
import { shopFolder } from '../../../src/cli/demo-shop.ts';
import { buildProgram } from '../../../src/cli/program.ts';

const EXAMPLES = path.dirname(shopFolder());

const program = buildProgram({
  stdout: new PassThrough(),
  stderr: new PassThrough(),
  stdin: new PassThrough(),
  env: {},
  cwd: EXAMPLES,
  isTTY: false,
  entry: [],
  runDaemon: () => Promise.reject(new Error('no daemon here')),
  runController: async () => undefined,
  openCluster: () => Promise.reject(new Error('no cluster here')),
});

const pages = globSync('**/README.md', { cwd: EXAMPLES });

/** The commands of a page, with the folder they are typed in. */
const typed = pages.flatMap((page) => {
  const text = readFileSync(path.join(EXAMPLES, page), 'utf8');
  const lines = [...text.matchAll(/^\$ crossfade (.*?)(?:\s+#.*)?$/gm)];
  return lines.map(([, line = '']) => ({
    page,
    folder: path.join(EXAMPLES, path.dirname(page)),
    words: line.split(/\s+/),
  }));
});

function find(words: readonly string[]): { command: Command; rest: string[] } {
  let command: Command = program;
  const rest = [...words];
  for (;;) {
    const next = command.commands.find(
      (child) => child.name() === rest[0] || child.aliases().includes(rest[0] ?? ''),
    );
    if (next === undefined) return { command, rest };
    command = next;
    rest.shift();
  }
}

test('every command that a page tells to type exists, with its flags and its files', () => {
  assert.ok(typed.length >= 40, `only ${typed.length} commands were found`);
  for (const { page, folder, words } of typed) {
    const line = `${page}: crossfade ${words.join(' ')}`;
    const { command, rest } = find(words);
    assert.notEqual(command, program, line);
    assert.deepEqual(command.parseOptions(rest).unknown, [], line);
    for (const word of words.filter((one) => one.endsWith('.yaml'))) {
      assert.ok(existsSync(path.join(folder, word)), line);
    }
  }
});

test('every example has a page, and every page is in the list', () => {
  const list = readFileSync(path.join(EXAMPLES, 'README.md'), 'utf8');
  const folders = globSync('*/*.yaml', { cwd: EXAMPLES }).map((file) => path.dirname(file));
  const own = new Set(folders.filter((folder) => folder !== 'annotated'));
  assert.ok(own.size >= 9);
  for (const folder of own) {
    assert.ok(pages.includes(`${folder}/README.md`), folder);
    assert.ok(list.includes(`(${folder}/README.md)`), folder);
  }
});
