import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { layoutOf } from '../../../src/engines/process/layout.ts';
import {
  type ContentHashes,
  hashFiles,
  snapshotDigest,
} from '../../../src/engines/process/prepare/digest.ts';
import { type Entry, scanSource } from '../../../src/engines/process/prepare/scan.ts';
import { storeSnapshot } from '../../../src/engines/process/prepare/store-snapshot.ts';
import { createTrees } from '../../../src/engines/process/tree.ts';
import { appSpec, lab, QUIETLY, removeFolder, temporaryFolder, writeFiles } from './support.ts';

const fileName = fc.stringMatching(/^[a-z]{1,6}(\/[a-z]{1,6})?$/);
const files = fc.uniqueArray(
  fc.record({ path: fileName, hash: fc.stringMatching(/^[0-9a-f]{8}$/), executable: fc.boolean() }),
  {
    selector: ({ path: name }) => name,
    minLength: 1,
    maxLength: 8,
  },
);

function digestOf(content: readonly { path: string; hash: string; executable: boolean }[]): string {
  const entries: Entry[] = content.map(({ path: name, executable }) => ({
    kind: 'file',
    path: name,
    executable,
    bytes: 1,
  }));
  return snapshotDigest(entries, new Map(content.map(({ path: name, hash }) => [name, hash])));
}

it('the digest of a folder does not depend on the order in which it was read', () => {
  fc.assert(
    fc.property(files, fc.infiniteStream(fc.nat()), (content, order) => {
      const shuffled = content.toSorted(() => ((order.next().value ?? 0) % 3) - 1);
      assert.equal(digestOf(shuffled), digestOf(content));
    }),
  );
});

it('the digest changes with every name, content and executable bit', () => {
  fc.assert(
    fc.property(files, (content) => {
      const [first, ...rest] = content;
      assert.ok(first);
      const others = [
        { ...first, path: `${first.path}-renamed` },
        { ...first, hash: `${first.hash}0` },
        { ...first, executable: !first.executable },
      ].map((changed) => digestOf([changed, ...rest]));
      assert.equal(new Set([digestOf(content), digestOf(rest), ...others]).size, 5);
    }),
  );
});

it('names and contents cannot be mistaken for each other', () => {
  const one = digestOf([
    { path: 'a', hash: 'b', executable: false },
    { path: 'c', hash: 'd', executable: false },
  ]);
  const other = digestOf([{ path: 'a"],["file","c', hash: 'b', executable: false }]);
  assert.notEqual(one, other);
});

async function scanned(
  source: string,
): Promise<{ entries: Entry[]; hashes: ContentHashes; skipped: string[] }> {
  const skipped: string[] = [];
  const entries = await scanSource(source, {
    useGitignore: false,
    limitBytes: 1e9,
    skipped: (name) => skipped.push(name),
  });
  return { entries, hashes: await hashFiles(source, entries), skipped };
}

function folderFor(t: TestContext, content: Record<string, string | null>): string {
  const folder = temporaryFolder();
  t.after(() => removeFolder(folder));
  writeFiles(folder, content);
  return folder;
}

it('links that stay within the folder are kept, those that leave it are left out and named', async (t) => {
  const source = folderFor(t, { 'lib/a.js': 'a', 'bin/x': 'x' });
  symlinkSync('../lib/a.js', path.join(source, 'bin/inside'));
  symlinkSync(path.join(source, 'lib'), path.join(source, 'absolute'));
  symlinkSync('/etc/passwd', path.join(source, 'outside'));
  symlinkSync('../../..', path.join(source, 'lib/up'));
  symlinkSync('absolute/../../../x', path.join(source, 'through'));
  symlinkSync('not-there', path.join(source, 'dangling'));
  symlinkSync('loop', path.join(source, 'loop'));
  const { entries, skipped } = await scanned(source);
  const links = Object.fromEntries(
    entries.flatMap((entry) => (entry.kind === 'link' ? [[entry.path, entry.target]] : [])),
  );
  assert.deepEqual(links, {
    'bin/inside': '../lib/a.js',
    absolute: 'lib',
    dangling: 'not-there',
    loop: 'loop',
  });
  assert.deepEqual(skipped.sort(), ['lib/up', 'outside', 'through']);
});

it('an App file is no part of its own source: a change of replicas alone makes no new revision', async (t) => {
  const app = (replicas: number) =>
    `# ours\napiVersion: crossfade.dev/v1\nkind: App # web\nmetadata: { name: shop }\nspec: { replicas: ${replicas} }\n`;
  const deployment = 'apiVersion: apps/v1\nkind: Deployment\n';
  const others = {
    'server.js': 'listen',
    'config.yaml': 'apiVersion: crossfade.dev/v1\nkind: AppList\n',
    'deployment.yaml': `${deployment}# see crossfade.dev/v1, kind: App\n`,
    'nested.yaml': 'template:\n  apiVersion: crossfade.dev/v1\n  kind: App\n',
    'package.json': '{"apiVersion": 1, "kind": "App", "home": "https://crossfade.dev/"}',
    'README.md': app(1),
  };
  const made = await lab(t, {
    files: {
      ...others,
      'shop.yaml': app(1),
      'deploy/both.yml': `${deployment}---\n${app(1)}`,
      'deploy/shop.json': JSON.stringify({ apiVersion: 'crossfade.dev/v1', kind: 'App', spec: {} }),
    },
  });
  const left: string[] = [];
  const entries = await scanSource(made.source, {
    useGitignore: false,
    limitBytes: 1e6,
    skipped: (name, why) => left.push(`${name}: ${why}`),
  });
  const files = entries.filter(({ kind }) => kind === 'file').map((entry) => entry.path);
  assert.deepEqual(files.sort(), Object.keys(others).sort());
  assert.deepEqual(
    left.sort(),
    ['deploy/both.yml', 'deploy/shop.json', 'shop.yaml'].map((name) => `${name}: it is an App file`),
  );
  const before = await made.engine.prepare(appSpec({ source: made.source }), QUIETLY);
  writeFileSync(path.join(made.source, 'shop.yaml'), app(5));
  assert.deepEqual(await made.engine.prepare(appSpec({ source: made.source }), QUIETLY), before);
  writeFileSync(path.join(made.source, 'server.js'), 'listen again');
  assert.notDeepEqual(await made.engine.prepare(appSpec({ source: made.source }), QUIETLY), before);
});

it('what is stored is the content, with executables, links and empty folders, and read-only', async (t) => {
  const source = folderFor(t, { 'a.txt': 'a', 'run.sh': '#!/bin/sh\n', empty: null, 'd/e/f.txt': 'f' });
  chmodSync(path.join(source, 'run.sh'), 0o750);
  symlinkSync('a.txt', path.join(source, 'link'));
  const target = path.join(folderFor(t, {}), 'stored');
  const content = await scanned(source);
  await storeSnapshot(target, { folder: source, ...content }, async () => undefined);
  assert.deepEqual(readdirSync(target, { recursive: true }).sort(), [
    'a.txt',
    'd',
    'd/e',
    'd/e/f.txt',
    'empty',
    'link',
    'run.sh',
  ]);
  assert.equal(readlinkSync(path.join(target, 'link')), 'a.txt');
  const mode = (name: string) => (statSync(path.join(target, name)).mode & 0o777).toString(8);
  assert.deepEqual(['a.txt', 'run.sh', 'd', '.'].map(mode), ['444', '555', '555', '555']);
  const again = await scanned(target);
  assert.equal(snapshotDigest(again.entries, again.hashes), snapshotDigest(content.entries, content.hashes));
});

it('a source that changes while it is copied is not stored under a digest that is not its own', async (t) => {
  const source = folderFor(t, { 'a.txt': 'a', 'b.txt': 'b' });
  const target = path.join(folderFor(t, {}), 'stored');
  const content = await scanned(source);
  writeFileSync(path.join(source, 'b.txt'), 'changed');
  await assert.rejects(
    storeSnapshot(target, { folder: source, ...content }, async () => undefined),
    {
      code: 'E_SOURCE_CHANGED',
      message: `${source}/b.txt changed while it was copied`,
    },
  );
  rmSync(path.join(source, 'b.txt'));
  await assert.rejects(
    storeSnapshot(target, { folder: source, ...content }, async () => undefined),
    {
      code: 'E_SOURCE_CHANGED',
      message: `${source}/b.txt vanished while it was copied`,
    },
  );
  assert.deepEqual(readdirSync(path.dirname(target)), []);
});

it('a source that is missing, not a folder or too large is refused by name', async (t) => {
  const made = await lab(t, {
    files: { 'a.txt': 'a', 'big/blob': 'x'.repeat(5000) },
    limits: { sourceBytes: 4000 },
  });
  const prepare = (source: string) => made.engine.prepare(appSpec({ source }), QUIETLY);
  await assert.rejects(prepare('/no/such/folder'), {
    code: 'E_SOURCE_MISSING',
    message: /\/no\/such\/folder does not exist/,
  });
  await assert.rejects(prepare(path.join(made.source, 'a.txt')), { code: 'E_SOURCE_NOT_A_FOLDER' });
  await assert.rejects(prepare(made.source), {
    code: 'E_SOURCE_TOO_LARGE',
    hint: /\.crossfadeignore; largest so far: big \(5000 bytes\)/,
  });
  assert.ok(
    !existsSync(path.join(made.stateDir, 'snapshots')) ||
      readdirSync(path.join(made.stateDir, 'snapshots')).length === 0,
  );
});

it('equal content is stored once, whoever applies it and from wherever', async (t) => {
  const made = await lab(t);
  const copy = folderFor(t, { 'server.pl': readFileSync(path.join(made.source, 'server.pl'), 'utf8') });
  await Promise.all([
    made.engine.prepare(appSpec({ source: made.source }), QUIETLY),
    made.engine.prepare(appSpec({ source: copy, name: 'other', run: { env: { A: 'b' } } }), QUIETLY),
  ]);
  assert.equal(readdirSync(path.join(made.stateDir, 'snapshots')).length, 1);
});

it('a dry run stores nothing', async (t) => {
  const made = await lab(t);
  const before = readdirSync(made.stateDir);
  const spec = appSpec({ source: made.source, run: { configFiles: { 'a.conf': { content: 'a' } } } });
  await made.engine.prepare(spec, { ...QUIETLY, dryRun: true });
  assert.deepEqual(readdirSync(made.stateDir), before);
});

it('a prepare that is cancelled leaves nothing half-made', async (t) => {
  const made = await lab(t);
  await assert.rejects(
    made.engine.prepare(appSpec({ source: made.source }), { ...QUIETLY, signal: AbortSignal.abort() }),
  );
  assert.ok(!existsSync(path.join(made.stateDir, 'snapshots')));
});

it('config files appear at their path in the working folder of a tree, also in place of a file of the source', async (t) => {
  const made = await lab(t, { files: { 'app/server.js': '1', 'app/conf/old.json': 'old' } });
  const configFiles = { 'conf/old.json': { content: 'new' }, 'deep/er/new.json': { content: '{}' } };
  const run = await made.engine.prepare(
    appSpec({ source: made.source, run: { configFiles, workingDir: 'app' } }),
    QUIETLY,
  );
  const tree = await createTrees(layoutOf(made.stateDir), 'boot-1').ensure('v1-test', run);
  const read = (name: string) => readFileSync(path.join(tree, 'app', name), 'utf8');
  assert.deepEqual(['server.js', 'conf/old.json', 'deep/er/new.json'].map(read), ['1', 'new', '{}']);
});

it('a replica that writes into its tree does not reach the snapshot', async (t) => {
  const made = await lab(t, { files: { 'data.txt': 'original' } });
  const run = await made.engine.prepare(appSpec({ source: made.source }), QUIETLY);
  const trees = createTrees(layoutOf(made.stateDir), 'boot-1');
  const file = path.join(await trees.ensure('v1-test', run), 'data.txt');
  chmodSync(file, 0o644);
  writeFileSync(file, 'changed');
  assert.equal(readFileSync(path.join(await trees.ensure('v1-other', run), 'data.txt'), 'utf8'), 'original');
  await trees.remove('v1-test');
  assert.ok(!existsSync(file));
});

it('config files may not leave the working folder', async (t) => {
  const made = await lab(t);
  for (const name of ['../x', '/etc/x', 'a/../../x', '.', 'a/..']) {
    const spec = appSpec({ source: made.source, run: { configFiles: { [name]: { content: '' } } } });
    await assert.rejects(made.engine.prepare(spec, QUIETLY), { code: 'E_CONFIG_FILE_PATH' }, name);
  }
  symlinkSync('..', path.join(made.source, 'away'));
  const spec = appSpec({ source: made.source, run: { configFiles: { 'server.pl/x': { content: '' } } } });
  await assert.rejects(made.engine.prepare(spec, QUIETLY), { code: 'E_CONFIG_FILE_PATH' });
});
