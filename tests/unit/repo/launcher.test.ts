import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { ROOT } from '../../../scripts/testing/files.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** Tells what it was started with, ends with 5 on SIGTERM, else with 3. */
const PROGRAM = `
  if (process.argv.includes('wait')) {
    process.once('SIGTERM', () => process.exit(5));
    setInterval(() => {}, 1000);
  } else process.exitCode = 3;
  console.log(JSON.stringify({ pid: process.pid, args: process.argv.slice(2), target: process.env.CROSSFADE_TARGET }));`;

interface Installation {
  root: string;
  launcher: string;
  /** Holds nothing but what a shell needs. */
  emptyPath: string;
}

async function install(t: TestContext, files: Record<string, string>): Promise<Installation> {
  const folder = await tempDir(t);
  const root = path.join(folder, 'a folder');
  const launcher = path.join(root, 'bin', 'crossfade');
  await mkdir(path.dirname(launcher), { recursive: true });
  await copyFile(path.join(ROOT, 'bin', 'crossfade'), launcher);
  for (const [name, text] of Object.entries({ 'package.json': '{ "type": "module" }', ...files })) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), text);
  }
  const emptyPath = path.join(folder, 'path');
  await mkdir(emptyPath);
  for (const name of ['readlink', 'dirname']) {
    const found = spawnSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
    await symlink(found, path.join(emptyPath, name));
  }
  return { root, launcher, emptyPath };
}

async function checkout(t: TestContext): Promise<Installation> {
  const made = await install(t, { 'src/main.ts': `const program: string = 'typed';${PROGRAM}` });
  const bundled = path.join(made.root, 'node_modules', 'node-of-this-machine', 'bin');
  await mkdir(bundled, { recursive: true });
  await symlink(process.execPath, path.join(bundled, 'node'));
  return made;
}

async function fakeNode(folder: string, version: string): Promise<void> {
  const file = path.join(folder, 'node');
  await writeFile(file, `#!/bin/sh\necho ${version}\n`);
  await chmod(file, 0o755);
}

function launch(launcher: string, args: string[], PATH: string) {
  return spawnSync(launcher, args, { encoding: 'utf8', env: { PATH }, timeout: 20_000 });
}

test('in a checkout it runs the source on the Node that the checkout brings', async (t) => {
  const { launcher, emptyPath } = await checkout(t);
  await fakeNode(emptyPath, 'v20.0.0');
  const { stdout, stderr, status } = launch(launcher, ['get', 'a b', '', '--x=$HOME'], emptyPath);
  assert.equal(stderr, '');
  assert.equal(status, 3);
  assert.deepEqual(JSON.parse(stdout).args, ['get', 'a b', '', '--x=$HOME']);
});

test('it works through links to links, as npm makes them', async (t) => {
  const { root, launcher, emptyPath } = await checkout(t);
  const first = path.join(root, 'first');
  await symlink('bin/crossfade', first);
  const second = path.join(emptyPath, 'xf');
  await symlink(first, second);
  assert.equal(launch(second, [], emptyPath).status, 3);
  assert.equal(launch(launcher, [], emptyPath).status, 3);
});

test('a signal reaches the program itself, because the launcher has become it', async (t) => {
  const { launcher, emptyPath } = await checkout(t);
  const child = spawn(launcher, ['wait'], { env: { PATH: emptyPath }, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  assert.equal(JSON.parse(line).pid, child.pid);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [5, null]);
});

test('a checkout without its dependencies says what to run', async (t) => {
  const { root, launcher, emptyPath } = await install(t, { 'src/main.ts': PROGRAM });
  const { stderr, status } = launch(launcher, [], emptyPath);
  assert.equal(status, 1);
  assert.match(stderr, /dependencies of this checkout are not installed/);
  assert.ok(stderr.includes(`Run \`npm ci\` in ${root}`), stderr);
});

test('the package runs its JavaScript on the Node in PATH', async (t) => {
  const { launcher, emptyPath } = await install(t, { 'dist/main.js': PROGRAM });
  await symlink(process.execPath, path.join(emptyPath, 'node'));
  const { stdout, stderr, status } = launch(launcher, ['version'], emptyPath);
  assert.deepEqual([stderr, status, JSON.parse(stdout).args], ['', 3, ['version']]);
});

test('the package says what to do on an older Node, and runs nothing', async (t) => {
  const { launcher, emptyPath } = await install(t, { 'dist/main.js': PROGRAM });
  await fakeNode(emptyPath, 'v20.19.4');
  const { stdout, stderr, status } = launch(launcher, ['version'], emptyPath);
  assert.deepEqual([stdout, status], ['', 1]);
  assert.match(stderr, /needs Node\.js 26 or later, but `node` in PATH is v20\.19\.4 \(.*\/path\/node\)/);
  assert.match(stderr, /Install Node\.js 26 .* and put it first in PATH/);
});

test('the package says what to do where there is no Node, or a broken one', async (t) => {
  const { launcher, emptyPath } = await install(t, { 'dist/main.js': PROGRAM });
  const none = launch(launcher, [], emptyPath);
  assert.equal(none.status, 1);
  assert.match(none.stderr, /there is no `node` in PATH/);
  await fakeNode(emptyPath, 'cannot start');
  const broken = launch(launcher, [], emptyPath);
  assert.equal(broken.status, 1);
  assert.match(broken.stderr, /needs Node\.js 26 or later, but `node` in PATH is cannot start/);
});

test('as kubectl-crossfade it means the cluster that kubectl would talk to', async (t) => {
  const { root, launcher, emptyPath } = await checkout(t);
  const plugin = path.join(root, 'kubectl-crossfade');
  await symlink(launcher, plugin);
  assert.equal(JSON.parse(launch(plugin, ['get', 'apps'], emptyPath).stdout).target, 'kubernetes');
  assert.equal(JSON.parse(launch(launcher, ['get', 'apps'], emptyPath).stdout).target, undefined);
});
