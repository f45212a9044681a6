import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../../../scripts/testing/files.ts';

const read = (file: string) => readFile(path.join(ROOT, file), 'utf8');
const readJson = async (file: string) => JSON.parse(await read(file));

test('docs/dependencies.md has a line for every dependency, and for nothing else', async () => {
  const [own, node] = await Promise.all([readJson('package.json'), readJson('scripts/node/package.json')]);
  const groups = [own.dependencies, own.devDependencies, node.optionalDependencies];
  const wanted = groups.flatMap((group: Record<string, string>) => Object.keys(group));
  const firstCells = [...(await read('docs/dependencies.md')).matchAll(/^\| (`[^|]+) \|/gm)].map(
    ([, cell]) => cell,
  );
  const told = firstCells.flatMap((cell) =>
    [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ''),
  );
  assert.ok(told.length > 10, `only ${told.length} lines were read`);
  assert.deepEqual(told.sort(), wanted.sort());
});

test('the published package brings no Node of its own, and asks for the one that the checkout brings', async () => {
  const own = await readJson('package.json');
  assert.equal(own.optionalDependencies, undefined);
  const node = await readJson('scripts/node/package.json');
  const versions = Object.values(node.optionalDependencies as Record<string, string>);
  assert.equal(own.engines.node, '>=26');
  assert.ok(
    versions.every((version) => version.startsWith('^26.')),
    versions.join(),
  );
});

test('the lock file names no registry and has the packages of every platform', async () => {
  const { packages } = (await readJson('package-lock.json')) as {
    packages: Record<string, { resolved?: string; optionalDependencies?: Record<string, string> }>;
  };
  const addresses = Object.values(packages).filter(({ resolved }) => resolved?.includes('://'));
  assert.deepEqual(addresses, []);
  // npm 11 refuses to install from a lock file that lacks one.
  const optional = Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
  assert.ok(optional.length > 20);
  assert.deepEqual(
    optional.filter((name) => !(`node_modules/${name}` in packages)),
    [],
  );
});
