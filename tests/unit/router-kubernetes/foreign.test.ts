import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ForeignWriters } from '../../../src/kubernetes/routing/foreign.ts';

const WHY = { code: 'E_ROUTE_OVERWRITTEN', message: 'changed by argocd' } as const;
const NOW = { code: 'E_ROUTE_OVERWRITTEN', message: 'changed by kubectl' } as const;
const APP = 'default/shop';

test('a write of somebody else that was put right a moment later is told for a while', () => {
  let now = 1000;
  const foreign = new ForeignWriters(() => now);
  assert.equal(foreign.of(APP, undefined), undefined);
  foreign.note(APP, WHY);
  foreign.note(APP, undefined);
  assert.deepEqual(foreign.of(APP, undefined), WHY);
  assert.equal(foreign.of('default/other', undefined), undefined);
  now += 9_999;
  assert.deepEqual(foreign.of(APP, undefined), WHY);
  now += 1;
  assert.equal(foreign.of(APP, undefined), undefined);
});

test('what is there now is told for as long as it is there, before what was', () => {
  let now = 0;
  const foreign = new ForeignWriters(() => now);
  foreign.note(APP, WHY);
  assert.deepEqual(foreign.of(APP, NOW), NOW);
  now = 60_000;
  assert.deepEqual(foreign.of(APP, NOW), NOW);
});

test('a writer who comes again and again is told all the time, and an App that is gone is forgotten', () => {
  let now = 0;
  const foreign = new ForeignWriters(() => now);
  for (; now < 60_000; now += 5_000) {
    foreign.note(APP, WHY);
    assert.deepEqual(foreign.of(APP, undefined), WHY);
  }
  foreign.forget(APP);
  assert.equal(foreign.of(APP, undefined), undefined);
});
