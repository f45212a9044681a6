import assert from 'node:assert/strict';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import { scanSource } from '../../../src/engines/process/prepare/scan.ts';
import { removeFolder, temporaryFolder, writeFiles } from './support.ts';

async function kept(
  t: TestContext,
  files: Record<string, string | null>,
  useGitignore: boolean,
  below = '',
): Promise<string[]> {
  const folder = temporaryFolder();
  t.after(() => removeFolder(folder));
  writeFiles(folder, files);
  const entries = await scanSource(path.join(folder, below), {
    useGitignore,
    limitBytes: 1e9,
    skipped: () => undefined,
  });
  return entries
    .flatMap(({ kind, path: name }) => (kind === 'file' && !name.endsWith('ignore') ? [name] : []))
    .sort();
}

it('.git is never part of a snapshot, neither as a folder nor as the file of a worktree or submodule', async (t) => {
  assert.deepEqual(await kept(t, { '.git/HEAD': '', a: '', 'sub/.git': 'gitdir: x', 'sub/b': '' }, false), [
    'a',
    'sub/b',
  ]);
});

it('.crossfadeignore has the syntax of .gitignore: patterns, folders, negation, comments, anchors', async (t) => {
  const files = {
    '.crossfadeignore': '# logs\n*.log\n!keep.log\n/build/\ncache/\n',
    'a.log': '',
    'keep.log': '',
    'x/b.log': '',
    'build/out': '',
    'x/build/out': '',
    'x/cache/c': '',
    'main.js': '',
  };
  assert.deepEqual(await kept(t, files, false), ['keep.log', 'main.js', 'x/build/out']);
});

it('a .crossfadeignore in a folder concerns what is below it and wins over those above', async (t) => {
  const files = {
    '.crossfadeignore': '*.tmp\n',
    'x/.crossfadeignore': '!a.tmp\nonly-here\n',
    'x/a.tmp': '',
    'x/b.tmp': '',
    'x/only-here': '',
    'only-here': '',
  };
  assert.deepEqual(await kept(t, files, false), ['only-here', 'x/a.tmp']);
});

it('.gitignore counts only when a build makes again what it names', async (t) => {
  const files = { '.gitignore': 'node_modules/\n', 'node_modules/m/index.js': '', 'a.js': '' };
  assert.deepEqual(await kept(t, files, false), ['a.js', 'node_modules/m/index.js']);
  assert.deepEqual(await kept(t, files, true), ['a.js']);
});

it('a source inside a repository is subject to the .gitignore files above it, up to the repository', async (t) => {
  const files = {
    '.gitignore': 'nothing-of-this\n',
    'repo/.git/HEAD': '',
    'repo/.gitignore': 'dist/\n/apps/web/local\n',
    'repo/apps/.gitignore': '*.map\n',
    'repo/apps/web/dist/x': '',
    'repo/apps/web/local': '',
    'repo/apps/web/a.map': '',
    'repo/apps/web/a.js': '',
    'repo/apps/web/nothing-of-this': '',
  };
  assert.deepEqual(await kept(t, files, true, 'repo/apps/web'), ['a.js', 'nothing-of-this']);
});
