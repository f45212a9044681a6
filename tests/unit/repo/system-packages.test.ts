import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { findProgram } from '../../../scripts/system-packages.ts';
import { ROOT } from '../../../scripts/testing/files.ts';
import { filesUnder } from '../../support/processes.ts';
import { systemPackages } from '../../support/system-packages.ts';
import { tempDir } from '../../support/temp-dir.ts';

const script = path.join(ROOT, 'scripts', 'system-packages.ts');

function unpack(names: string[], env: NodeJS.ProcessEnv) {
  const merged = { ...process.env, NODE_TEST_CONTEXT: undefined, ...env };
  return spawnSync(process.execPath, [script, ...names], { encoding: 'utf8', env: merged });
}

async function emptyLists(t: TestContext): Promise<string> {
  const folder = await tempDir(t);
  await mkdir(path.join(folder, 'lists', 'partial'), { recursive: true });
  const file = path.join(folder, 'apt.conf');
  await writeFile(file, `Dir::State::lists "${folder}/lists";\n`);
  return file;
}

test('an unpacked program runs, with libraries that the machine may lack', async (t) => {
  const packages = await systemPackages(t, ['wrk']);
  if (packages === undefined) return;
  const wrk = await findProgram(packages, 'wrk');
  assert.ok(wrk.startsWith(packages.root));
  const { stdout } = spawnSync(wrk, ['-v'], { encoding: 'utf8', env: packages.env });
  assert.match(stdout, /^wrk .*\d/);
  await assert.rejects(findProgram(packages, 'no-such-program'), /no program no-such-program in/);
});

test('a machine without package lists is served from lists of our own, and is left as it is', async (t) => {
  if ((await systemPackages(t, ['wrk'])) === undefined) return;
  const cache = await tempDir(t);
  const aptConfig = await emptyLists(t);
  const { stdout, stderr, status } = unpack(['wrk'], { APT_CONFIG: aptConfig, CROSSFADE_TEST_CACHE: cache });
  assert.equal(status, 0, stderr);
  assert.ok((await filesUnder(stdout.trim())).includes('usr/bin/wrk'));
  assert.deepEqual(await filesUnder(path.join(path.dirname(aptConfig), 'lists')), ['partial']);
});

test('a package that does not exist is told with what apt says', async (t) => {
  if ((await systemPackages(t, ['wrk'])) === undefined) return;
  const cache = await tempDir(t);
  const { stderr, status } = unpack(['no-such-package-at-all'], { CROSSFADE_TEST_CACHE: cache });
  assert.notEqual(status, 0);
  assert.match(stderr, /Unable to locate package no-such-package-at-all/);
  assert.deepEqual(
    (await filesUnder(cache)).filter((file) => file.includes('unpacking')),
    [],
  );
});

test('on a system that is not Debian it says so', async (t) => {
  const cache = await tempDir(t);
  const { stderr, status } = unpack(['wrk'], { PATH: '/nowhere', CROSSFADE_TEST_CACHE: cache });
  assert.notEqual(status, 0);
  assert.match(stderr, /SystemPackagesUnavailable/);
});
