import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { ROOT } from '../../scripts/testing/files.ts';
import { cliOk } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { filesUnder } from '../support/processes.ts';
import { tempDir } from '../support/temp-dir.ts';

const run = promisify(execFile);
const shop = path.join('examples', 'shop', 'shop-v1.yaml');

/** This environment with this Node first in PATH, without what `npm test` has put there for its own children. */
function environment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_'));
  const PATH = `${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH}`;
  return { ...Object.fromEntries(own), PATH, NODE_TEST_CONTEXT: undefined };
}

suite('the published package, packed and installed with npm', () => {
  let folder = '';
  let installed = '';

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'p-'));
    await run('npm', ['pack', '--pack-destination', folder, '--loglevel=error'], {
      cwd: ROOT,
      env: environment(),
    });
    const [tarball = ''] = (await filesUnder(folder)).filter((name) => name.endsWith('.tgz'));
    const flags = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    const args = ['install', '--global', '--prefix', folder, ...flags, path.join(folder, tarball)];
    await run('npm', args, { cwd: folder, env: environment() });
    installed = path.join(folder, 'lib', 'node_modules', '@crossfade', 'cli');
  });

  after(() => rm(folder, { recursive: true, force: true }));

  const command = (name: string, args: string[]) =>
    run(path.join(folder, 'bin', name), args, { cwd: installed, env: environment() });

  for (const name of ['crossfade', 'xf']) {
    test(`${name} version tells the version of the package`, async () => {
      const { version } = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8'));
      const { stdout, stderr } = await command(name, ['version']);
      assert.ok(stdout.includes(version), stdout);
      assert.equal(stderr, '');
    });
  }

  test('crossfade plan works without a daemon, on the examples that the package carries', async () => {
    const { stdout, stderr } = await command('crossfade', ['plan', '-f', shop]);
    assert.match(stdout, /shop/);
    assert.equal(stderr, '');
  });

  test('it starts its daemon and router, runs an App behind them, and stops all of it', async (t) => {
    const state = path.join(await tempDir(t), 'state');
    const port = await freePort();
    const server = `require('http').createServer((_, answer) => answer.end('hello')).listen(process.env.PORT)`;
    const app = {
      apiVersion: 'crossfade.dev/v1',
      kind: 'App',
      metadata: { name: 'hello' },
      spec: {
        replicas: 2,
        run: { command: [process.execPath, '-e', server] },
        port: 8080,
        health: { ready: { tcp: true } },
        route: { listen: port },
        strategy: { rolling: {} },
      },
    };
    const file = path.join(await tempDir(t), 'app.json');
    await writeFile(file, JSON.stringify(app));
    const withState = (args: string[]) => command('crossfade', ['--state-dir', state, ...args]);
    try {
      await withState(['apply', '-f', file, '--wait', '--timeout', '60s']);
      const answer = await fetch(`http://127.0.0.1:${port}/`);
      assert.equal(await answer.text(), 'hello');
    } finally {
      await withState(['daemon', 'stop', '--replicas']);
    }
  });

  test('it has no place where a test could make the daemon fail', async () => {
    const own = (await filesUnder(path.join(installed, 'dist'))).filter((file) => file.endsWith('.js'));
    assert.ok(own.length > 200, `${own.length} files`);
    const texts = await Promise.all(own.map((file) => readFile(path.join(installed, 'dist', file), 'utf8')));
    const planted = own.filter((_, index) =>
      /dieAt|wallOffset|withPoints|CROSSFADE_TEST/.test(texts[index] ?? ''),
    );
    assert.deepEqual(planted, []);
    const faults = await readFile(path.join(ROOT, 'tests', 'e2e', 'harness', 'faults.ts'), 'utf8');
    assert.match(faults, /dieAt.*withPoints/s, 'what is looked for is called something else by now');
  });

  test('it carries JavaScript only, no Node, and nothing that is for development', async () => {
    const files = await filesUnder(installed);
    const own = files.filter((file) => !file.startsWith('node_modules'));
    const wanted = ['LICENSE', 'README.md', 'bin/crossfade', 'dist/main.js', shop];
    assert.deepEqual(
      wanted.filter((file) => !own.includes(file)),
      [],
    );
    const unwanted = own.filter((file) => /\.ts$|^(tests|scripts|src|\.)/.test(file));
    assert.deepEqual(unwanted, []);
    const packages = files.filter((file) => /^node_modules\/(@[^/]+\/)?[^/@]+$/.test(file));
    assert.ok(packages.length > 5, 'its dependencies are not installed');
    assert.deepEqual(
      packages.filter((name) =>
        /^node_modules\/(node-linux-|typescript$|knip$|@biomejs|fast-check$)/.test(name),
      ),
      [],
    );
  });
});

test('bin/crossfade of the checkout works from another folder, by its own name and through a link', async (t) => {
  const folder = await tempDir(t);
  const plan = ['plan', '-f', path.join(ROOT, shop)];
  const direct = await cliOk(plan, { cwd: folder });
  assert.match(direct.stdout, /shop/);
  const link = path.join(folder, 'crossfade');
  await symlink(path.join(ROOT, 'bin', 'crossfade'), link);
  const { stdout } = await run(link, plan, { cwd: folder, env: environment() });
  assert.equal(stdout, direct.stdout);
});
