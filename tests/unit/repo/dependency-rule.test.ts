import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { checkDependencyRule, findViolations } from '../../../scripts/dependency-rule.ts';
import { parseSource } from '../../../scripts/source-tree.ts';
import { ROOT } from '../../../scripts/testing/files.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** File, what is planted in it, and what must be said about it. */
const PLANTED: [file: string, code: string, says: RegExp][] = [
  ['src/core/a.ts', `import fs from 'node:fs';`, /core must not import node:fs/],
  [
    'src/core/a.ts',
    `import { randomUUID } from 'node:crypto';`,
    /core must not import node:crypto \(randomUUID\)/,
  ],
  ['src/core/a.ts', `import * as crypto from 'node:crypto';`, /core must not import node:crypto/],
  ['src/core/a.ts', `import 'node:crypto';`, /core must not import node:crypto/],
  ['src/core/a.ts', `import { parse } from 'yaml';`, /core must not import the package yaml/],
  ['src/core/a.ts', `const fs = await import('node:fs');`, /core must not import node:fs/],
  ['src/core/a.ts', `export { readFile } from 'node:fs/promises';`, /core must not import node:fs\/promises/],
  ['src/core/a.ts', `import type { Engine } from '../ports/engine.ts';`, /core must not import ports/],
  ['src/core/a.ts', `export type T = import('../ports/engine.ts').Engine;`, /core must not import ports/],
  ['src/core/a.ts', `export const at = () => Date.now();`, /given what Date\.now would tell/],
  ['src/core/a.ts', `export const at = () => new Date();`, /given what new Date\(\) would tell/],
  ['src/core/a.ts', `export const dice = () => Math.random();`, /given what Math\.random would tell/],
  ['src/core/a.ts', `setTimeout(() => {}, 1);`, /given what setTimeout would tell/],
  ['src/core/deep/er/a.ts', `export const home = process.env.HOME;`, /given what process would tell/],
  ['src/core/a.ts', `export const now = globalThis.Date;`, /given what globalThis would tell/],
  ['src/spec/a.ts', `import { connect } from 'node:net';`, /spec must not import node:net/],
  ['src/spec/a.ts', `import path from 'node:path';`, /spec must not import node:path \(default\)/],
  ['src/spec/a.ts', `import { Hono } from 'hono';`, /spec must not import the package hono/],
  ['src/analysis/a.ts', `import type { AppView } from '../api/types.ts';`, /analysis must not import api/],
  ['src/ports/a.ts', `import type { Socket } from 'node:net';`, /ports must not import node:net/],
  [
    'src/engines/process/a.ts',
    `import { x } from '../../routers/embedded/x.ts';`,
    /must not import routers\/embedded/,
  ],
  [
    'src/engines/process/a.ts',
    `import { x } from '../container/x.ts';`,
    /must not import engines\/container/,
  ],
  ['src/engines/x.ts', `import { x } from './process/x.ts';`, /engines must not import engines\/process/],
  ['src/routers/embedded/a.ts', `import type { T } from '../../api/types.ts';`, /must not import api/],
  [
    'src/store/sqlite/a.ts',
    `import { x } from '../memory/x.ts';`,
    /store\/sqlite must not import store\/memory/,
  ],
  ['src/store/sqlite/a.ts', `import { x } from '../../controller/loop.ts';`, /must not import controller/],
  [
    'src/controller/a.ts',
    `import { x } from '../engines/process/index.ts';`,
    /must not import engines\/process/,
  ],
  [
    'src/server/a.ts',
    `import { x } from '../store/sqlite/store.ts';`,
    /server must not import store\/sqlite/,
  ],
  ['src/cli/a.ts', `import { x } from '../server/server.ts';`, /cli must not import server/],
  ['src/cli/a.ts', `import type { Store } from '../ports/store.ts';`, /cli must not import ports/],
  ['src/probe/a.ts', `import { x } from '../cli/run.ts';`, /probe must not import cli/],
  ['src/cli/a.ts', `import { main } from '../main.ts';`, /cli must not import main/],
  ['src/cli/a.ts', `await import(process.argv[2] ?? '');`, /cannot be known before it runs/],
  ['src/cli/a.ts', `import { x } from '../../scripts/x.ts';`, /cli must not import scripts\/x\.ts/],
  ['src/surprise/a.ts', `export const a = 1;`, /no rule for surprise/],
  ['web/a.ts', `import type { AppState } from '../src/core/model.ts';`, /web must not import core/],
];

const ALLOWED: [file: string, code: string][] = [
  [
    'src/core/a.ts',
    `import { createHash } from 'node:crypto'; import type { AppSpec } from '../spec/app.ts';`,
  ],
  [
    'src/core/a.ts',
    `// import fs from 'node:fs'\nexport const text = "import fs from 'node:fs'; Date.now()";`,
  ],
  ['src/core/a.ts', `export const at = (now: number) => new Date(now).toISOString();`],
  ['src/core/a.ts', `export const view = (o: { process: number }) => ({ process: o.process });`],
  [
    'src/spec/a.ts',
    `import { posix } from 'node:path'; import { z } from 'zod'; import { parseDocument } from 'yaml';`,
  ],
  [
    'src/engines/process/a.ts',
    `import { spawn } from 'node:child_process'; import type { E } from '../../ports/engine.ts';`,
  ],
  [
    'src/store/sqlite/a.ts',
    `import { DatabaseSync } from 'node:sqlite'; import { rules } from '../rules.ts';`,
  ],
  [
    'src/cli/commands/a.ts',
    `import { Command } from 'commander'; import { probe } from '../../probe/probe.ts';`,
  ],
  ['src/main.ts', `import { x } from './engines/process/x.ts'; import { y } from './server/y.ts';`],
];

for (const [file, code, says] of PLANTED) {
  test(`a planted violation is caught: ${code} in ${file}`, () => {
    const violations = findViolations([parseSource(file, code)]);
    assert.equal(violations.length, 1, JSON.stringify(violations));
    assert.match(violations[0]?.what ?? '', says);
    assert.equal(violations[0]?.file, file);
  });
}

for (const [file, code] of ALLOWED) {
  test(`what the rule allows passes: ${JSON.stringify(code)} in ${file}`, () => {
    assert.deepEqual(findViolations([parseSource(file, code)]), []);
  });
}

test('a violation is told with the line it is on', () => {
  const [violation] = findViolations([parseSource('src/core/a.ts', `\n\nimport net from 'node:net';\n`)]);
  assert.equal(violation?.line, 3);
});

test('a file that cannot be parsed is an error, not a pass', () => {
  assert.throws(() => parseSource('src/core/a.ts', 'import { from;'), /src\/core\/a\.ts: /);
});

test('the source follows the rule, and all of it was read', async () => {
  const { looked, violations } = await checkDependencyRule(ROOT);
  assert.deepEqual(violations, []);
  assert.ok(looked > 100, `only ${looked} files were read`);
});

test('the rule is read from the files of a folder, and sees a violation there', async (t) => {
  const root = await tempDir(t);
  await mkdir(path.join(root, 'src', 'core'), { recursive: true });
  await writeFile(path.join(root, 'src', 'core', 'a.ts'), `import os from 'node:os';\n`);
  const { looked, violations } = await checkDependencyRule(root);
  assert.equal(looked, 1);
  assert.equal(violations.length, 1);
});

test('where there is no source the rule has looked at nothing, and says so', async (t) => {
  assert.deepEqual(await checkDependencyRule(await tempDir(t)), { looked: 0, violations: [] });
});
