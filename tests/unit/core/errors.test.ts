import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatingError } from '../../../src/core/errors.ts';

test('an operating error has its code, what to do, what helps to find the place, and what it came from', () => {
  const cause = new Error('EACCES');
  const error = new OperatingError('E_X', 'no', { hint: 'try', details: { line: 3 }, cause });
  assert.deepEqual(
    [error.name, error.code, error.message, error.hint, error.details, error.cause],
    ['OperatingError', 'E_X', 'no', 'try', { line: 3 }, cause],
  );
});

test('an error that came from nothing has no cause', () => {
  const error = new OperatingError('E_X', 'no');
  assert.equal('cause' in error, false);
  assert.deepEqual([error.hint, error.details], [undefined, undefined]);
});
