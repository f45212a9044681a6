/** The text that a revision is the hash of: one for equal values, and none for what JSON cannot say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson } from '../../../src/core/revision.ts';

test('equal values give one text, whatever the order of their fields, and absent ones are left out', () => {
  const text = '{"a":[1,null,"x",true],"b":{"c":2}}';
  assert.equal(canonicalJson({ b: { d: undefined, c: 2 }, a: [1, null, 'x', true] }), text);
  assert.equal(canonicalJson({ a: [1, null, 'x', true], b: { c: 2 } }), text);
});

test('what JSON cannot say exactly has no text', () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => canonicalJson({ a: value }), new TypeError(`canonical JSON has no ${value}`));
  assert.throws(() => canonicalJson([() => 1]), new TypeError('canonical JSON has no function'));
  assert.throws(() => canonicalJson(undefined), new TypeError('canonical JSON has no undefined'));
});
