/** One decision in the making: what is asked for once, later or not at all, and what is seen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Draft, since } from '../../../src/core/decide/draft.ts';
import { specOf } from '../../simulation/world.ts';
import { CANARY, draftOf, halfway, started } from './support.ts';

const PROBE = { kind: 'probe' as const, requests: 1, generation: 1 };

test('an action is asked for once, under the version that it is committed with', () => {
  const world = started();
  const draft = draftOf(world);
  draft.act('probe:1', PROBE);
  draft.act('probe:1', { ...PROBE, requests: 2 });
  const whole = { ...PROBE, key: 'probe:1', stateVersion: world.state.version + 1 };
  assert.deepEqual(draft.actions, [whole]);
  assert.deepEqual(draft.state.pending, { 'probe:1': whole });
});

test('what failed is not asked for again before its time, which is waited for', () => {
  const world = started();
  const draft = draftOf(world);
  draft.state.backoff['probe:1'] = { failures: 1, until: world.now + 1 };
  draft.act('probe:1', PROBE);
  assert.deepEqual([draft.actions, draft.wakeAt], [[], world.now + 1]);
  draft.state.backoff['probe:1'] = { failures: 1, until: world.now };
  draft.act('probe:1', PROBE);
  assert.equal(draft.actions.length, 1);
});

test('what is taken back is as if it had not been asked for', () => {
  const draft = draftOf(started());
  draft.act('probe:1', PROBE);
  draft.act('unroute', { kind: 'unroute' });
  draft.takeBack((key) => key === 'probe:1');
  assert.deepEqual(
    draft.actions.map(({ key }) => key),
    ['unroute'],
  );
  assert.deepEqual(Object.keys(draft.state.pending), ['unroute']);
});

test('the next look is the earliest of all that were asked for', () => {
  const draft = draftOf(started());
  for (const at of [30, 10, 20]) draft.wake(at);
  assert.equal(draft.wakeAt, 10);
});

test('who is stopping or leaving, or belongs to another pool, does not count', () => {
  const world = halfway();
  const ids = (draft: Draft) => draft.standing('1-1').map(({ id }) => id);
  assert.deepEqual(ids(draftOf(world)), ['1-1-1', '1-1-2', '1-1-3']);
  Object.assign(world.replicas[0] ?? {}, { phase: 'stopping' });
  const draft = draftOf(world);
  draft.state.leaving['1-1-2'] = { pool: '1-1', generation: 1, stopped: false };
  assert.deepEqual(ids(draft), ['1-1-3']);
});

test('available is who has been ready for minReadySeconds; the next one is waited for', () => {
  const world = started();
  world.object = { ...world.object, spec: specOf(CANARY, { health: { minReadySeconds: 5 } }) };
  const readySince = [world.now - 5000, world.now - 4999, world.now - 1000];
  for (const [n, replica] of world.replicas.entries()) Object.assign(replica, { readySince: readySince[n] });
  const draft = draftOf(world);
  assert.deepEqual(
    draft.available('1-1').map(({ id }) => id),
    ['1-1-1'],
  );
  assert.equal(draft.wakeAt, world.now + 1);
  for (const replica of world.replicas) replica.ready = false;
  const none = draftOf(world);
  assert.deepEqual([none.available('1-1'), none.wakeAt], [[], undefined]);
});

test('who does not say since when it is ready is ready from now on', () => {
  const world = started();
  world.object = { ...world.object, spec: specOf(CANARY, { health: { minReadySeconds: 5 } }) };
  for (const replica of world.replicas) delete replica.readySince;
  const draft = draftOf(world);
  assert.deepEqual([draft.available('1-1'), draft.wakeAt], [[], world.now + 5000]);
});

test('a route is acknowledged when every worker serves the one that is wanted now, and nothing is wrong with it', () => {
  const world = started();
  const { router } = world.observed();
  assert.ok(router.kind === 'known');
  const acked = (change: object, current = true) => {
    const draft = draftOf(world, { router: { ...router, value: { ...router.value, ...change } } });
    draft.tableIsCurrent = current;
    return draft.acked;
  };
  const generation = world.state.routeGeneration;
  assert.equal(acked({}), true);
  assert.equal(acked({ ackedGeneration: generation + 1 }), true);
  assert.equal(acked({ ackedGeneration: generation - 1 }), false);
  assert.equal(acked({}, false), false);
  assert.equal(draftOf(world).acked, false, 'before the route was decided nothing is');
  assert.equal(acked({ trouble: { code: 'E_ROUTE_REFUSED', message: 'no' } }), false);
  const unseen = draftOf(world, { router: { kind: 'unknown', since: 0, why: 'gone' } });
  unseen.tableIsCurrent = true;
  assert.equal(unseen.acked, false);
  delete world.object.spec.spec.route;
  assert.equal(acked({}, false), true, 'a worker has no route to wait for');
});

test('an event names its release, the ended one too, and who caused it', () => {
  const world = halfway();
  const draft = draftOf(world);
  draft.event('Normal', 'Stage', 'x', 'me');
  draft.event('Warning', 'Stage', 'y');
  assert.deepEqual(draft.events, [
    { at: world.now, type: 'Normal', reason: 'Stage', message: 'x', release: 'r2', actor: 'me' },
    { at: world.now, type: 'Warning', reason: 'Stage', message: 'y', release: 'r2' },
  ]);
  const rest = draftOf(started());
  rest.event('Normal', 'Stage', 'z');
  assert.deepEqual(Object.keys(rest.events[0] ?? {}), ['at', 'type', 'reason', 'message']);
});

test('a decision changes nothing of the state that it began from', () => {
  const world = halfway();
  world.state.leaving['1-1-1'] = { pool: '1-1', generation: -1, stopped: false };
  const before = structuredClone(world.state);
  const { state } = draftOf(world);
  const change = (value: unknown): void => {
    if (Array.isArray(value)) value.push('x');
    else Object.assign(value as object, { x: 'x' });
  };
  // The last table and its counts are replaced as a whole.
  const whole: unknown[] = [state.table, state.routed];
  for (const value of Object.values(state))
    if (typeof value === 'object' && !whole.includes(value)) change(value);
  const { release } = state;
  for (const value of [
    release?.gates,
    release?.record,
    release?.arms,
    release?.phase,
    state.leaving['1-1-1'],
  ])
    change(value);
  assert.deepEqual(world.state, before);
});

test('what cannot be seen is nobody and nothing', () => {
  const unknown = { kind: 'unknown' as const, since: 0, why: 'gone' };
  const draft = draftOf(started(), { replicas: unknown, router: unknown, measured: unknown });
  assert.deepEqual([draft.replicas, draft.router, draft.measured], [[], undefined, undefined]);
});

test('what is missing in the state is a broken state, and not guessed', () => {
  const draft = draftOf(halfway());
  assert.throws(() => draft.pool('third'), { message: 'release has no arm third' });
  assert.throws(() => draftOf(started()).pool('stable'), { message: 'release has no arm stable' });
  assert.throws(() => draft.poolOf('9-9'), { message: 'no pool 9-9' });
  delete draft.state.revisions[draft.poolOf('2-2').revision];
  assert.throws(() => draft.revisionOf('2-2'), { message: 'no revision of pool 2-2' });
});

test('counts since a base are what came after it', () => {
  const base = { requests: 1, ok: 2, failed: 3, split: 4, probes: 5, probesOk: 6, probesFailed: 7 };
  const now = { requests: 10, ok: 20, failed: 30, split: 40, probes: 50, probesOk: 60, probesFailed: 70 };
  const delta = { requests: 9, ok: 18, failed: 27, split: 36, probes: 45, probesOk: 54, probesFailed: 63 };
  assert.deepEqual(since(now, base), delta);
  assert.deepEqual(since(now, undefined), now);
  const none = { requests: 0, ok: 0, failed: 0, split: 0, probes: 0, probesOk: 0, probesFailed: 0 };
  assert.deepEqual(since(undefined, undefined), none);
});
