/** Which pool an answer counts for: by who runs at its address, not by what a table says is there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AnsweredAt, attribute } from '../../../src/core/measure.ts';
import type { Counts, Replica } from '../../../src/core/model.ts';

const replica = (id: string, pool: string, address?: string): Replica => ({
  id,
  pool,
  ...(address === undefined ? {} : { address }),
  phase: 'running',
  ready: true,
  wasReady: true,
  startedAt: 0,
  restarts: 0,
});
const counts = (n: number, more: Partial<Counts> = {}): Counts => ({
  requests: n,
  ok: n * 2,
  failed: n * 3,
  split: n * 4,
  probes: n * 5,
  ...more,
});
const at = (
  id: string,
  pool: string,
  address: string,
  n: number,
  more: Partial<Counts> = {},
): AnsweredAt => ({
  replica: id,
  pool,
  address,
  counts: counts(n, more),
});

const REPLICAS = [replica('a-1', 'a', 'h:1'), replica('a-2', 'a', 'h:2'), replica('b-1', 'b', 'h:3')];

test('all addresses of a pool count together', () => {
  const answered = [at('a-1', 'a', 'h:1', 1), at('a-2', 'a', 'h:2', 10), at('b-1', 'b', 'h:3', 100)];
  assert.deepEqual(attribute(answered, REPLICAS), { a: counts(11), b: counts(100) });
});

test('a table that gives the share of one to the addresses of another shows as what it does', () => {
  assert.deepEqual(attribute([at('b-1', 'b', 'h:1', 1)], REPLICAS), { a: counts(1) });
});

test('an address that nobody is known at counts for whom the table names', () => {
  assert.deepEqual(attribute([at('a-1', 'a', 'h:9', 1)], REPLICAS), { a: counts(1) });
  assert.deepEqual(attribute([at('w-1', 'w', 'undefined', 1)], [replica('w-1', 'w')]), { w: counts(1) });
});

test('a replica that is gone had its address to itself: who is there now did not answer', () => {
  assert.deepEqual(attribute([at('old-1', 'old', 'h:1', 1)], REPLICAS), { old: counts(1) });
});

test('what marked requests were answered is added up where it is told, and stays untold where it is not', () => {
  const told = [
    at('a-1', 'a', 'h:1', 1, { probesOk: 1 }),
    at('a-2', 'a', 'h:2', 1, { probesOk: 2, probesFailed: 4 }),
    at('b-1', 'b', 'h:3', 1),
  ];
  assert.deepEqual(attribute(told, REPLICAS), {
    a: counts(2, { probesOk: 3, probesFailed: 4 }),
    b: counts(1),
  });
  assert.deepEqual(attribute(told.slice(0, 1), REPLICAS), { a: counts(1, { probesOk: 1 }) });
  const half = [at('a-1', 'a', 'h:1', 1, { probesOk: 1 }), at('a-2', 'a', 'h:2', 1)];
  assert.deepEqual(attribute(half, REPLICAS), { a: counts(2, { probesOk: 1 }) }, 'told by one of two');
});
