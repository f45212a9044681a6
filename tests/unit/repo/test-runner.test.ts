import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { findGroups } from '../../../scripts/testing/files.ts';
import { type FileResult, runFile } from '../../../scripts/testing/run-file.ts';
import { freePort, isPortFree } from '../../support/free-port.ts';
import { tempDir } from '../../support/temp-dir.ts';

const HEAD = `import { test, suite } from 'node:test'; import assert from 'node:assert/strict';\n`;

/** Runs a test file with this content the way that `npm test` would. */
async function run(t: TestContext, code: string, timeoutMs = 30_000): Promise<FileResult> {
  const file = path.join(await tempDir(t), 'planted.test.ts');
  await writeFile(file, HEAD + code);
  return await runFile(file, { timeoutMs, env: {} });
}

const details = (result: FileResult) =>
  result.failures.map(({ name, detail }) => `${name}: ${detail}`).join('\n');

test('tests that pass are counted, subtests too, and suites are not', async (t) => {
  const code = `
    test('one', async (t) => { await t.test('inner', () => {}); });
    suite('group', () => { test('two', () => {}); });`;
  const result = await run(t, code);
  assert.deepEqual([result.passed, result.failures, result.skipped], [3, [], []], result.output);
});

test('a failing test is told once, with the names around it and what was expected', async (t) => {
  const code = `suite('group', () => { test('outer', async (t) => {
    await t.test('inner', () => assert.equal(1 + 1, 3));
  }); });`;
  const result = await run(t, code);
  assert.equal(result.failures.length, 1, details(result));
  assert.equal(result.failures[0]?.name, 'group > outer > inner');
  assert.match(details(result), /2 !== 3/);
});

test('a hook that fails is a failure', async (t) => {
  const result = await run(
    t,
    `test('one', (t) => { t.after(() => { throw new Error('after failed'); }); });`,
  );
  assert.match(details(result), /after failed/);
});

test('a skipped test and a skipped suite are told with their reasons', async (t) => {
  const code = `
    test('needs a moon', { skip: 'there is no moon' }, () => {});
    test('says nothing', (t) => t.skip());
    suite('of many', { skip: 'all of them' }, () => { test('one', () => {}); });`;
  const result = await run(t, code);
  assert.deepEqual(
    result.skipped.map(({ name, reason }) => [name, reason]),
    [
      ['needs a moon', 'there is no moon'],
      ['says nothing', ''],
      ['of many', 'all of them'],
    ],
  );
  assert.deepEqual([result.passed, result.failures], [0, []]);
});

test('a to-do test fails: nobody would notice that it does', async (t) => {
  const result = await run(t, `test('later', { todo: true }, () => {});`);
  assert.match(details(result), /later: to-do tests are not allowed/);
});

test('a file without tests fails', async (t) => {
  assert.match(details(await run(t, 'assert.ok(true);')), /has no test/);
});

test('a file that cannot be loaded fails, with what it printed', async (t) => {
  const result = await run(t, `import './no-such-file.ts';`);
  assert.equal(result.failures.length, 1);
  assert.match(result.output, /no-such-file/);
});

test('a file that ends badly after its tests passed fails', async (t) => {
  const result = await run(t, `test('one', () => { process.on('exit', () => { process.exitCode = 7; }); });`);
  assert.match(details(result), /exit code 7/);
});

test('a file that hangs is ended, with the name of the test that hung', async (t) => {
  const code = `test('fine', () => {}); test('hangs', () => new Promise(() => setInterval(() => {}, 1000)));`;
  const result = await run(t, code, 3_000);
  assert.match(details(result), /did not end within 3 s; the last test that began: hangs/);
  assert.equal(result.passed, 1);
});

test('a process that a file leaves behind is killed and fails the file', async (t) => {
  const port = await freePort();
  const code = `
    import { spawn } from 'node:child_process';
    test('leaves a server', async () => {
      const program = "require('net').createServer().listen(+process.argv[1], '127.0.0.1')";
      const child = spawn(process.execPath, ['-e', program, '${port}'], { detached: true, stdio: 'ignore' });
      child.unref();
    });`;
  const result = await run(t, code);
  assert.equal(result.passed, 1);
  assert.match(details(result), /processes are left: killed now:\n {2}\d+ .*createServer/);
  assert.ok(await isPortFree(port), 'the process is still there');
});

test('a process without our environment is found by its working folder', async (t) => {
  const code = `
    import { spawn } from 'node:child_process'; import os from 'node:os';
    test('leaves a process', () => {
      spawn('/bin/sleep', ['3599'], { detached: true, stdio: 'ignore', env: {}, cwd: os.tmpdir() }).unref();
    });`;
  assert.match(details(await run(t, code)), /processes are left: killed now:\n {2}\d+ \/bin\/sleep 3599/);
});

test('a file that is left in the temporary folder fails the file', async (t) => {
  const code = `
    import { writeFileSync } from 'node:fs'; import os from 'node:os';
    test('forgets a file', () => writeFileSync(os.tmpdir() + '/forgotten', ''));`;
  assert.match(details(await run(t, code)), /files are left: 1 in its temporary folder:\n {2}forgotten/);
});

test('test files are grouped by folder and chosen by a part of their path', async (t) => {
  const root = await tempDir(t);
  const e2e = ['e2e/c.test.ts', 'e2e/clock.test.ts'];
  for (const file of ['unit/core/a.test.ts', 'unit/spec/b.test.ts', ...e2e, 'unit/core/helper.ts']) {
    await mkdir(path.dirname(path.join(root, 'tests', file)), { recursive: true });
    await writeFile(path.join(root, 'tests', file), '');
  }
  const found = (patterns: string[], groups: string[] = []) =>
    findGroups({ patterns, groups, full: false }, root).map(({ name, files }) => [name, files]);
  assert.deepEqual(found([]), [
    ['unit', ['tests/unit/core/a.test.ts', 'tests/unit/spec/b.test.ts']],
    ['e2e', ['tests/e2e/c.test.ts']],
    ['e2e, unhurried', ['tests/e2e/clock.test.ts']],
  ]);
  assert.deepEqual(found(['spec', 'e2e/c'], ['unit']), [['unit', ['tests/unit/spec/b.test.ts']]]);
  assert.deepEqual(found(['nothing like it']), []);
});

test('a test file that no group would run is an error', async (t) => {
  const root = await tempDir(t);
  await mkdir(path.join(root, 'tests', 'units'), { recursive: true });
  await writeFile(path.join(root, 'tests', 'units', 'a.test.ts'), '');
  assert.throws(
    () => findGroups({ patterns: [], groups: [], full: false }, root),
    /no group runs tests\/units/,
  );
});
