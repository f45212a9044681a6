import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { ROOT } from '../../../scripts/testing/files.ts';
import { filesUnder } from '../../support/processes.ts';
import { tempDir } from '../../support/temp-dir.ts';

const bundledNode = `node-${process.platform}-${process.arch}`;
const LOCK = {
  packages: {
    '': {},
    'node_modules/hono': { version: '4.0.0' },
    'node_modules/for-another-system': { version: '1.0.0', optional: true, os: ['plan9'] },
    [`node_modules/${bundledNode}`]: { version: '26.0.0', optional: true },
  },
};
const INSTALLED = {
  packages: { ...LOCK.packages, 'node_modules/for-another-system': undefined, '': undefined },
};

/** Installs like npm ci does, in the order that it does: what it installed is written down last. */
const FAKE_NPM = `#!/bin/sh
echo "$@" >> "$LOG"
[ -z "$NPM_FAILS" ] || { echo 'npm error no network' >&2; exit 1; }
rm -rf node_modules
mkdir -p node_modules/.bin node_modules/${bundledNode}/bin
[ -n "$WITHOUT_NODE" ] || ln -s "$REAL_NODE" node_modules/${bundledNode}/bin/node
sleep 0.3
cp "$INSTALLED" node_modules/.package-lock.json
`;

interface Checkout {
  root: string;
  /** Arguments of every npm that ran. */
  npmRuns(): Promise<string[]>;
  setup(env?: Record<string, string>): Promise<{ code: number; stdout: string; stderr: string }>;
}

async function checkout(t: TestContext): Promise<Checkout> {
  const folder = await tempDir(t);
  const root = path.join(folder, 'checkout');
  const commands = path.join(folder, 'bin');
  const log = path.join(folder, 'npm.log');
  await mkdir(path.join(root, 'scripts'), { recursive: true });
  await mkdir(commands);
  await copyFile(path.join(ROOT, 'scripts', 'setup.mjs'), path.join(root, 'scripts', 'setup.mjs'));
  await writeFile(path.join(root, 'package-lock.json'), JSON.stringify(LOCK));
  await writeFile(path.join(folder, 'installed.json'), JSON.stringify(INSTALLED));
  await writeFile(path.join(commands, 'npm'), FAKE_NPM);
  await chmod(path.join(commands, 'npm'), 0o755);
  const fixed = { PATH: `${commands}:/usr/bin:/bin`, LOG: log, REAL_NODE: process.execPath };
  const env = { ...fixed, INSTALLED: path.join(folder, 'installed.json') };
  return {
    root,
    npmRuns: async () =>
      (await readFile(log, 'utf8').catch(() => '')).split('\n').filter((line) => line !== ''),
    setup: (more = {}) =>
      new Promise((resolve) => {
        const script = path.join(root, 'scripts', 'setup.mjs');
        execFile(process.execPath, [script], { env: { ...env, ...more } }, (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
        );
      }),
  };
}

test('the first run installs, and a second one is silent', async (t) => {
  const { root, setup, npmRuns } = await checkout(t);
  const first = await setup();
  assert.equal(first.code, 0, first.stderr);
  assert.match(
    first.stdout,
    /^setup: installing dependencies \(npm ci\) \.\.\.\nsetup: installed in \d+ s\n$/,
  );
  assert.match((await npmRuns()).join(), /^ci --ignore-scripts --include=dev --include=optional /);
  const node = path.join(root, 'node_modules', '.bin', 'node');
  assert.equal(await readlink(node), `../${bundledNode}/bin/node`, 'npm 10 does not leave this link');
  assert.deepEqual(await setup(), { code: 0, stdout: '', stderr: '' });
  assert.equal((await npmRuns()).length, 1);
});

test('it installs again when a version, or a package, is another one than before', async (t) => {
  const { root, setup, npmRuns } = await checkout(t);
  await setup();
  const installed = path.join(root, 'node_modules', '.package-lock.json');
  const changes = [
    { ...INSTALLED.packages, 'node_modules/hono': { version: '3.9.0' } },
    { ...INSTALLED.packages, 'node_modules/hono': undefined },
    { ...INSTALLED.packages, 'node_modules/leftover': { version: '1.0.0' } },
    { ...INSTALLED.packages, [`node_modules/${bundledNode}`]: undefined },
  ];
  for (const packages of changes) {
    await writeFile(installed, JSON.stringify({ packages }));
    await setup();
  }
  assert.equal((await npmRuns()).length, 1 + changes.length);
});

test('it installs again after an installation that was interrupted', async (t) => {
  const { root, setup, npmRuns } = await checkout(t);
  await setup();
  await rm(path.join(root, 'node_modules', '.package-lock.json'));
  await mkdir(path.join(root, '.cache'), { recursive: true });
  // The lock of a process that is no more.
  await writeFile(path.join(root, '.cache', 'setup.lock'), '999999999');
  assert.equal((await setup()).code, 0);
  assert.equal((await npmRuns()).length, 2);
  assert.deepEqual(await filesUnder(path.join(root, '.cache')), []);
});

test('of many at once one installs, the others wait for it', async (t) => {
  const { setup, npmRuns } = await checkout(t);
  const all = await Promise.all(Array.from({ length: 6 }, () => setup()));
  assert.deepEqual(
    all.map(({ code, stderr }) => [code, stderr]),
    all.map(() => [0, '']),
  );
  assert.equal((await npmRuns()).length, 1);
});

test('when npm fails, it says what npm said and fails', async (t) => {
  const { setup } = await checkout(t);
  const { code, stderr } = await setup({ NPM_FAILS: '1' });
  assert.equal(code, 1);
  assert.match(stderr, /^setup: npm ci failed:\nnpm error no network\n/);
});

test('without a Node that is new enough it says what was found and what to do', async (t) => {
  const { root, setup } = await checkout(t);
  const old = path.join(root, 'old');
  await mkdir(old);
  await writeFile(path.join(old, 'node'), '#!/bin/sh\necho v20.1.0\n');
  await chmod(path.join(old, 'node'), 0o755);
  const npm = path.join(root, '..', 'bin');
  const { code, stderr } = await setup({ WITHOUT_NODE: '1', PATH: `${old}:${npm}:/usr/bin:/bin` });
  assert.equal(code, 1);
  assert.match(
    stderr,
    /needs Node 26 or later\. Found:\n.*\/\.bin\/node: does not run\n {2}node: v20\.1\.0\n/,
  );
  assert.match(stderr, /The package node-\S+ should have brought it: run `npm ci --include=optional`/);
});

test('on a system that no package brings Node for, the Node of the machine is enough', async (t) => {
  const { root, setup } = await checkout(t);
  await writeFile(path.join(root, 'package-lock.json'), JSON.stringify({ packages: { '': {} } }));
  await mkdir(path.join(root, 'node_modules'));
  await writeFile(path.join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: {} }));
  const commands = path.join(root, 'commands');
  await mkdir(commands);
  await symlink(process.execPath, path.join(commands, 'node'));
  assert.deepEqual(await setup({ PATH: commands }), { code: 0, stdout: '', stderr: '' });
  await rm(path.join(commands, 'node'));
  const { code, stderr } = await setup({ PATH: commands });
  assert.equal(code, 1);
  assert.match(stderr, /No package brings Node for \S+: install Node 26 .* and put it first in PATH/);
});
