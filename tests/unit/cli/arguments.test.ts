import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appNames, durationMs, oneAppName, wholeNumber } from '../../../src/cli/arguments.ts';
import { hostAndPort } from '../../../src/cli/commands/daemon.ts';
import { readChanges } from '../../../src/cli/commands/set.ts';
import { exitCodeOf } from '../../../src/cli/exit.ts';
import { socketPathOf, stateDirOf } from '../../../src/cli/globals.ts';
import {
  ageText,
  durationText,
  millisText,
  parseDurationMs,
  percentText,
} from '../../../src/cli/output/units.ts';
import { wrap } from '../../../src/cli/output/wrap.ts';
import { OperatingError } from '../../../src/core/errors.ts';

test('an App is named in each form that kubectl has', () => {
  assert.equal(oneAppName(['shop']), 'shop');
  assert.equal(oneAppName(['app/shop']), 'shop');
  assert.equal(oneAppName(['app', 'shop']), 'shop');
  assert.equal(oneAppName(['apps/shop']), 'shop');
  assert.equal(oneAppName(['app']), 'app');
  assert.deepEqual(appNames(['app', 'shop', 'cart']), ['shop', 'cart']);
  assert.deepEqual(appNames([]), []);
});

test('what is no App is refused by name', () => {
  assert.throws(() => oneAppName(['deployment/shop']), { code: 'E_USAGE', message: /names a deployment/ });
  assert.throws(() => oneAppName(['shop', 'cart']), { code: 'E_USAGE', message: /2 were named: shop, cart/ });
});

test('durations need their unit', () => {
  assert.equal(parseDurationMs('1h30m'), 5_400_000);
  assert.equal(parseDurationMs('500ms'), 500);
  assert.equal(parseDurationMs('1.5s'), 1_500);
  assert.equal(parseDurationMs('0'), 0);
  for (const wrong of ['5', '', 's', '5 s', '-5s', '5x', '1m5']) {
    assert.equal(parseDurationMs(wrong), undefined, wrong);
  }
  assert.throws(() => durationMs('5'), /with its unit/);
});

test('numbers, shares and ages read as kubectl writes them', () => {
  assert.equal(wholeNumber('3'), 3);
  for (const wrong of ['-1', '1.5', '', 'x', '9'.repeat(20)]) assert.throws(() => wholeNumber(wrong), wrong);
  assert.equal(percentText(8), '8%');
  assert.equal(percentText(0.01), '0.01%');
  assert.equal(percentText(33.3333), '33.33%');
  assert.equal(percentText(100), '100%');
  assert.equal(percentText(null), '-');
  assert.equal(millisText(1.98), '2ms');
  assert.equal(millisText(123.4), '123ms');
  assert.equal(durationText(0), '0s');
  assert.equal(durationText(999), '999ms');
  assert.equal(durationText(59_000), '59s');
  assert.equal(durationText(192_000), '3m12s');
  assert.equal(durationText(3_600_000), '1h');
  assert.equal(durationText(86_400_000 * 12 + 5), '12d');
  assert.equal(ageText('2026-01-01T00:00:00Z', Date.parse('2025-12-31T23:00:00Z')), '0s');
});

test('env changes are NAME=value and NAME-', () => {
  assert.deepEqual(readChanges(['A=1', 'B=', 'C=x=y', 'D-', 'E=a-']), {
    set: { A: '1', B: '', C: 'x=y', E: 'a-' },
    unset: ['D'],
  });
  for (const wrong of ['A', '=1', '1A=x', 'a b=c', '-'])
    assert.throws(() => readChanges([wrong]), { code: 'E_USAGE' });
  assert.throws(() => readChanges(['A=1', 'A-']), /both set and removed/);
});

test('--listen takes a port or a host with a port', () => {
  assert.deepEqual(hostAndPort('7070'), { host: '127.0.0.1', port: 7070 });
  assert.deepEqual(hostAndPort('0.0.0.0:7070'), { host: '0.0.0.0', port: 7070 });
  assert.deepEqual(hostAndPort('[::1]:7070'), { host: '::1', port: 7070 });
  for (const wrong of ['', 'x', '0', '70000', '::1:80', 'host:'])
    assert.throws(() => hostAndPort(wrong), wrong);
});

test('the state dir comes from the flag, the environment, XDG and the home folder, in that order', () => {
  const env = { CROSSFADE_STATE_DIR: 'here', XDG_STATE_HOME: '/xdg', HOME: '/home/a' };
  assert.equal(stateDirOf({ stateDir: 'flag' }, { env, cwd: '/w' }), '/w/flag');
  assert.equal(stateDirOf({}, { env, cwd: '/w' }), '/w/here');
  assert.equal(stateDirOf({}, { env: { ...env, CROSSFADE_STATE_DIR: '' }, cwd: '/w' }), '/xdg/crossfade');
  assert.equal(
    stateDirOf({}, { env: { XDG_STATE_HOME: 'relative', HOME: '/home/a' }, cwd: '/w' }),
    '/home/a/.local/state/crossfade',
  );
});

test('a state dir whose socket would not fit is refused before anything is tried', () => {
  assert.equal(socketPathOf('/s'), '/s/daemon.sock');
  assert.throws(() => socketPathOf(`/${'x'.repeat(100)}`), { code: 'E_STATE_DIR', hint: /at most 91 bytes/ });
});

test('errors end with the exit code of their kind', () => {
  const codes: [`E_${string}`, number][] = [
    ['E_USAGE', 2],
    ['E_APP_FILE', 3],
    ['E_APP_NOT_FOUND', 4],
    ['E_REVISION_NOT_FOUND', 4],
    ['E_CONFLICT', 5],
    ['E_REFUSED', 5],
    ['E_TIMEOUT', 7],
    ['E_DAEMON_GONE', 8],
    ['E_SOMETHING_ELSE', 1],
  ];
  for (const [code, exit] of codes) assert.equal(exitCodeOf(new OperatingError(code, 'x')), exit, code);
  assert.equal(exitCodeOf(new Error('a defect')), 1);
});

test('paragraphs are broken at spaces', () => {
  assert.deepEqual(wrap('one two three', 7), ['one two', 'three']);
  assert.deepEqual(wrap('a verylongword b', 5), ['a', 'verylongword', 'b']);
});
