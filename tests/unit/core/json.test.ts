import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyOf, isEqual } from '../../../src/core/json.ts';

test('two JSON values are equal when they say the same', () => {
  const same: [unknown, unknown][] = [
    [1, 1],
    [null, null],
    [
      { a: 1, b: [1, { c: 2 }] },
      { b: [1, { c: 2 }], a: 1 },
    ],
    [{ a: undefined }, {}],
    [{}, { a: undefined }],
    [[], []],
  ];
  const other: [unknown, unknown][] = [
    [1, 2],
    [1, '1'],
    [null, {}],
    [{}, null],
    [undefined, null],
    [[], {}],
    [{}, []],
    [[1], [1, 2]],
    [[1, 2], [1]],
    [
      [1, 2],
      [2, 1],
    ],
    [{ a: 1 }, {}],
    [{}, { a: 1 }],
    [{ a: { b: 1 } }, { a: { b: 2 } }],
    [{ a: null }, {}],
    [{}, { a: null }],
    ['x', { 0: 'x' }],
    [[], { length: 0 }],
    [{ length: 0 }, []],
  ];
  for (const [a, b] of same) assert.equal(isEqual(a, b), true, JSON.stringify([a, b]));
  for (const [a, b] of other) assert.equal(isEqual(a, b), false, JSON.stringify([a, b]));
});

test('a copy of a JSON value says the same, and may be changed', () => {
  const value = { a: [1, { b: null }], c: 'x', d: true };
  const copy = copyOf(value);
  assert.deepEqual(copy, value);
  assert.ok(Array.isArray(copy.a));
  assert.notEqual(copy, value);
  assert.notEqual(copy.a, value.a);
  assert.notEqual(copy.a[1], value.a[1]);
});
