import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type CheckResult,
  checkLines,
  countTotals,
  fileLines,
  hasPassed,
  summaryLines,
} from '../../../scripts/testing/report.ts';
import type { FileResult } from '../../../scripts/testing/run-file.ts';

const file = (part: Partial<FileResult> = {}): FileResult => ({
  file: 'tests/unit/a.test.ts',
  passed: 2,
  failures: [],
  skipped: [],
  told: [],
  durationMs: 1234,
  output: '',
  ...part,
});
const check = (ok: boolean): CheckResult => ({
  name: 'types',
  ok,
  looked: '3 files',
  durationMs: 50,
  output: 'why',
});
const failures = [{ name: 'adds up', detail: '1 !== 2' }];
const skipped = [{ name: 'on the moon', reason: 'there is no moon' }];
const last = (lines: string[]) => lines.at(-1);

test('the last line counts tests and checks', () => {
  const files = [file(), file({ passed: 1, failures, skipped })];
  assert.equal(
    last(summaryLines(files, [check(true), check(false)], false)),
    '4 passed, 2 failed, 1 skipped',
  );
});

test('every skipped test is listed with its reason', () => {
  const text = summaryLines([file({ skipped })], [], false).join('\n');
  assert.match(text, /SKIPPED: 1\n {2}tests\/unit\/a\.test\.ts: on the moon\n {4}reason: there is no moon\n/);
  assert.ok(hasPassed(countTotals([file({ skipped })], [], false)));
});

test('in CI a skip that is not allowed is a failure', () => {
  const files = [file({ skipped })];
  assert.equal(last(summaryLines(files, [], true)), '2 passed, 1 failed, 0 skipped');
  assert.match(summaryLines(files, [], true).join('\n'), /not allowed in CI/);
  assert.equal(hasPassed(countTotals(files, [], true)), false);
});

test('a run that executed nothing fails, also when everything was skipped', () => {
  assert.equal(hasPassed(countTotals([], [], false)), false);
  assert.equal(hasPassed(countTotals([file({ passed: 0, skipped })], [], false)), false);
  assert.match(summaryLines([], [], false).join('\n'), /No test was executed/);
});

test('what a test has to say of itself is shown, also when it passed', () => {
  const lines = fileLines(file({ told: ['seeds 1 to 20'] }), { verbose: false });
  assert.deepEqual(lines.slice(1), ['  seeds 1 to 20']);
});

test('a failing file is told with its details and what it printed; a passing one in a line', () => {
  assert.deepEqual(fileLines(file({ output: 'noise' }), { verbose: false }), [
    'ok   tests/unit/a.test.ts (2 passed, 1.2 s)',
  ]);
  assert.deepEqual(fileLines(file({ failures, output: 'noise\n' }), { verbose: false }), [
    'FAIL tests/unit/a.test.ts (2 passed, 1 FAILED, 1.2 s)',
    '  not ok: adds up',
    '      1 !== 2',
    '  output:',
    '      noise',
  ]);
});

test('failures are named again at the end', () => {
  const text = summaryLines([file({ failures })], [check(false)], false).join('\n');
  assert.match(text, /FAILED: 2\n {2}types\n {2}tests\/unit\/a\.test\.ts: adds up\n/);
});

test('a check says how much it looked at', () => {
  assert.deepEqual(checkLines(check(true)), ['ok   types (3 files, 0.1 s)']);
  assert.deepEqual(checkLines(check(false)), ['FAIL types (3 files, 0.1 s)', '    why']);
});
