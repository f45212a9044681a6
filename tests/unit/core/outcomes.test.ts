/** What becomes of an action that was carried out, failed, or may have been carried out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Draft } from '../../../src/core/decide/draft.ts';
import { absorbOutcomes } from '../../../src/core/decide/outcomes.ts';
import type { Action, AppState, Outcome } from '../../../src/core/model.ts';
import type { World } from '../../simulation/world.ts';
import { draftOf, halfway, started } from './support.ts';

/** The world with one action pending, and what became of it. */
function after(world: World, action: Action, outcomes: Outcome[]): Draft {
  const state = { ...world.state, pending: { ...world.state.pending, [action.key]: action } };
  const draft = draftOf(world, { outcomes }, state);
  absorbOutcomes(draft);
  return draft;
}

const GROW: Action = { key: 'grow:1-1:3', stateVersion: 1, kind: 'grow', pool: '1-1', replicas: 3 };

test('what failed is tried again later and later, and told once', () => {
  const world = started();
  const waits: number[] = [];
  for (let n = 1; n <= 8; n++) {
    const draft: Draft = after(world, GROW, [
      { key: GROW.key, result: 'failed', reason: { code: 'E_X', message: 'no' } },
    ]);
    assert.deepEqual(draft.state.pending, {});
    assert.deepEqual(draft.state.trouble, { code: 'E_X', message: 'no', at: world.now });
    assert.deepEqual(
      draft.events.map(({ type, reason, message }) => [type, reason, message]),
      n === 1 ? [['Warning', 'ActionFailed', 'no (tried again until it works)']] : [],
    );
    const again: AppState['backoff'][string] | undefined = draft.state.backoff[GROW.key];
    assert.equal(again?.failures, n);
    waits.push((again?.until ?? 0) - world.now);
    world.state = draft.state;
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  const draft = after(world, GROW, [{ key: GROW.key, result: 'ok' }]);
  assert.deepEqual([draft.state.backoff, draft.state.trouble], [{}, undefined]);
});

test('a failure without a reason is told as one', () => {
  const draft = after(started(), GROW, [{ key: GROW.key, result: 'failed' }]);
  assert.deepEqual(draft.state.trouble?.code, 'E_ACTION_FAILED');
  assert.equal(draft.state.trouble?.message, 'grow:1-1:3 failed');
});

test('trouble lasts while anything else still fails; of the route it lasts until the route is seen to be followed', () => {
  const world = started();
  world.state.trouble = { code: 'E_X', message: 'x', at: 0 };
  world.state.backoff.other = { failures: 1, until: 0 };
  const ok: Outcome[] = [{ key: GROW.key, result: 'ok' }];
  assert.ok(after(world, GROW, ok).state.trouble);
  world.state.backoff = {};
  assert.equal(after(world, GROW, ok).state.trouble, undefined);
  world.state.trouble.code = 'E_ROUTE_REFUSED';
  assert.ok(after(world, GROW, ok).state.trouble);
  const table = world.state.table ?? assert.fail('no table');
  const route: Action = { key: 'route:1', stateVersion: 1, kind: 'route', table };
  assert.equal(after(world, route, [{ key: 'route:1', result: 'ok' }]).state.trouble, undefined);
});

test('outcomes of what nobody waits for change nothing', () => {
  const draft = after(started(), GROW, [{ key: 'grow:9-9:1', result: 'failed' }]);
  assert.deepEqual(
    [Object.keys(draft.state.pending), draft.state.backoff, draft.events],
    [[GROW.key], {}, []],
  );
});

test('what was forgotten or unrouted is gone from the state; what may have been, and what failed, is not', () => {
  const world = halfway();
  world.state.retiring = ['2-2', '9-9'];
  const forget: Action = { key: 'forget:2-2', stateVersion: 1, kind: 'forget', pool: '2-2' };
  const unroute: Action = { key: 'unroute', stateVersion: 1, kind: 'unroute' };
  const says = (action: Action, result: Outcome['result']) => {
    const { state } = after(world, action, [{ key: action.key, result }]);
    return [Object.keys(state.pools), state.retiring, state.table !== undefined];
  };
  const all = [['1-1', '2-2'], ['2-2', '9-9'], true];
  assert.deepEqual(says(forget, 'ok'), [['1-1'], ['9-9'], true]);
  assert.deepEqual(says(unroute, 'ok'), [['1-1', '2-2'], ['2-2', '9-9'], false]);
  const both: Action[] = [forget, unroute];
  for (const result of ['unknown', 'failed'] as const)
    for (const action of both) assert.deepEqual(says(action, result), all);
  assert.deepEqual(says(GROW, 'ok'), all);
});
