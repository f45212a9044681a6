import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Release } from '../../../src/core/model.ts';
import { logText, stateText } from '../../../src/store/app-status/fit.ts';
import { sampleEvent, stateAt } from '../../conformance/store/samples.ts';

const event = (id: number, message: string) => ({ ...sampleEvent(message), id, app: 'default/shop' });
const release = (id: string): Release => ({ id, actor: 'x'.repeat(1_000) }) as Release;

test('the log keeps the newest events that fit, in their order', () => {
  const events = [1, 2, 3].map((id) => event(id, `${id}`.repeat(100)));
  const ids = (text: string) => JSON.parse(text).map((one: { id: number }) => one.id);
  assert.deepEqual(ids(logText(events, 10)), [1, 2, 3]);
  assert.deepEqual(ids(logText(events, 2)), [2, 3]);
  assert.deepEqual(ids(logText(events, 10, 400)), [2, 3]);
  assert.deepEqual(ids(logText(events, 10, 10)), []);
  assert.doesNotMatch(logText(events, 10), /default\/shop/);
});

test('a state that is too large gives up its oldest ended releases first', () => {
  const state = stateAt(1, { history: ['r1', 'r2', 'r3', 'r4'].map(release) });
  const kept = JSON.parse(stateText('default/shop', state, 3_000)).history.map((one: Release) => one.id);
  assert.deepEqual(kept, ['r3', 'r4']);
  assert.equal(stateText('default/shop', state), JSON.stringify(state));
});

test('a state that is too large without them is refused, with what to do', () => {
  const state = stateAt(1, { release: release('r9'), history: [release('r1')] });
  assert.throws(() => stateText('default/shop', state, 500), {
    code: 'E_STATE_TOO_LARGE',
    message: /default\/shop has \d+ bytes/,
  });
});
