import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { imageArchive } from '../../../scripts/cluster/images/archive.ts';
import { tarOf } from '../../../scripts/cluster/images/tar.ts';
import { runtimePackages } from '../../../scripts/image/packages.ts';
import { ROOT } from '../../../scripts/testing/files.ts';
import { tempDir } from '../../support/temp-dir.ts';

const text = (content: string) => Buffer.from(content);

/** Unpacked by the tar of the machine, which is not ours. */
async function unpack(t: TestContext, archive: Uint8Array): Promise<string> {
  const folder = await tempDir(t);
  const into = path.join(folder, 'out');
  await mkdir(into);
  await writeFile(path.join(folder, 'a.tar'), archive);
  const { status, stderr } = spawnSync('tar', ['-xf', path.join(folder, 'a.tar'), '-C', into], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return into;
}

test('a tar archive of ours is unpacked by tar: files, folders, modes and links', async (t) => {
  const folder = await unpack(
    t,
    tarOf([
      { path: 'a/b/run.sh', content: text('echo hello\n'), executable: true },
      { path: 'a/empty', content: text('') },
      { path: 'a/block', content: Buffer.alloc(512, 'x') },
      { path: 'a/link', content: { linkTo: 'b/run.sh' } },
    ]),
  );
  assert.equal(await readFile(path.join(folder, 'a/b/run.sh'), 'utf8'), 'echo hello\n');
  assert.equal((await stat(path.join(folder, 'a/b/run.sh'))).mode & 0o777, 0o755);
  assert.equal((await stat(path.join(folder, 'a/empty'))).size, 0);
  assert.equal((await stat(path.join(folder, 'a/empty'))).mode & 0o777, 0o644);
  assert.equal(await readFile(path.join(folder, 'a/block'), 'utf8'), 'x'.repeat(512));
  assert.equal(await readlink(path.join(folder, 'a/link')), 'b/run.sh');
});

test('a path that is longer than the field for it is kept in two pieces', async (t) => {
  const long = `node_modules/${'a'.repeat(60)}/${'b'.repeat(60)}/${'c'.repeat(90)}.js`;
  const folder = await unpack(t, tarOf([{ path: long, content: text('here') }]));
  assert.equal(await readFile(path.join(folder, long), 'utf8'), 'here');
});

test('the same content gives the same archive, and a path that does not fit is refused', () => {
  const entries = [{ path: 'a', content: text('1') }];
  assert.deepEqual(tarOf(entries), tarOf(entries));
  assert.throws(() => tarOf([{ path: 'x'.repeat(101), content: text('') }]), /too long for an image: x+/);
});

test('images in one archive share their layers, and each has its command and environment', async (t) => {
  const base = tarOf([{ path: 'base', content: text('base') }]);
  const image = (version: string) => ({
    name: `localhost/app:${version}`,
    layers: [base, tarOf([{ path: 'app', content: text(version) }])],
    command: ['/app'],
    env: { VERSION: version },
  });
  const folder = await unpack(t, imageArchive([image('1'), image('2')]));
  const manifest = JSON.parse(await readFile(path.join(folder, 'manifest.json'), 'utf8'));
  assert.deepEqual(
    manifest.map(({ RepoTags }: { RepoTags: string[] }) => RepoTags),
    [['localhost/app:1'], ['localhost/app:2']],
  );
  const [first, second] = manifest as { Layers: string[]; Config: string }[];
  assert.ok(first !== undefined && second !== undefined);
  assert.equal(first.Layers[0], second.Layers[0]);
  assert.notEqual(first.Layers[1], second.Layers[1]);
  const { config, rootfs } = JSON.parse(await readFile(path.join(folder, second.Config), 'utf8'));
  assert.deepEqual([config.Cmd, config.Env.includes('VERSION=2')], [['/app'], true]);
  assert.equal(rootfs.diff_ids.length, 2);
});

const WRONG = [
  { args: [], says: /usage: npm run cluster/ },
  { args: ['start'], says: /no command start/ },
  { args: ['up', '--name', 'Not/A/Name'], says: /--name Not\/A\/Name: expected up to 20 lower-case letters/ },
  { args: ['up', '--nodes', 'many'], says: /--nodes many: expected 1 to 4/ },
  { args: ['up', '--fast'], says: /Unknown option '--fast'/ },
  { args: ['status', 'now'], says: /now was not expected/ },
  {
    args: ['shell', '--name', 'none'],
    says: /The cluster none is not up: npm run cluster -- up --name none/,
  },
];

for (const { args, says } of WRONG) {
  test(`\`npm run cluster -- ${args.join(' ')}\` says what is wrong`, async (t) => {
    const script = path.join(ROOT, 'scripts', 'cluster', 'main.ts');
    const env = { ...process.env, CROSSFADE_TEST_CACHE: await tempDir(t) };
    const { status, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', env });
    assert.match(stderr, says);
    assert.equal(status, 1);
    assert.doesNotMatch(stderr, /\n\s+at /);
  });
}

test('the packages of the image are those that the program needs, and what they need in turn', async (t) => {
  const root = await tempDir(t);
  const install = async (folder: string, manifest: object) => {
    await mkdir(path.join(root, folder), { recursive: true });
    await writeFile(path.join(root, folder, 'package.json'), JSON.stringify(manifest));
  };
  await install('', { dependencies: { a: '1' }, devDependencies: { tool: '1' } });
  await install('node_modules/a', {
    dependencies: { b: '1' },
    optionalDependencies: { absent: '1' },
    peerDependencies: { peer: '1', extra: '1' },
    peerDependenciesMeta: { extra: { optional: true } },
  });
  await install('node_modules/a/node_modules/b', {});
  await install('node_modules/b', {});
  for (const name of ['peer', 'extra', 'tool']) await install(`node_modules/${name}`, {});
  const packages = ['node_modules/a', 'node_modules/a/node_modules/b', 'node_modules/peer'];
  assert.deepEqual(runtimePackages(root), packages);
  await install('node_modules/peer', { dependencies: { missing: '1' } });
  assert.throws(() => runtimePackages(root), /missing, which .*peer needs, is not installed/);
});
