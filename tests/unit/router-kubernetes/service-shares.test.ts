import assert from 'node:assert/strict';
import { it } from 'node:test';
import { selectorOf, servingMembers, sharesOf } from '../../../src/routers/service/shares.ts';
import { tableOf } from './tables.ts';

it('one pool is selected by its name, several by a label that only their members have', () => {
  const alone = selectorOf('shop', tableOf({ '1-1': 10_000, '2-1': 0 }));
  assert.equal(alone['crossfade.dev/pool'], '1-1');
  const both = selectorOf('shop', tableOf({ '1-1': 8000, '2-1': 2000 }));
  assert.deepEqual([both['crossfade.dev/pool'], both['crossfade.dev/split']], [undefined, 'true']);
  for (const selector of [alone, both]) assert.equal(selector['crossfade.dev/in-route'], 'true');
});

it('shares are numbers of pods, whatever the weights are', () => {
  const table = tableOf({ '1-1': 8000, '2-1': 2000 });
  const more = ['a', 'b', 'c'].map((replica) => ({ replica, address: '' }));
  assert.deepEqual(sharesOf({ ...table, members: { ...table.members, '1-1': more } }), {
    '1-1': 0.75,
    '2-1': 0.25,
  });
  assert.deepEqual(sharesOf(tableOf({ '1-1': 10_000, '2-1': 0 })), { '1-1': 1 });
});

it('a table that refuses has nobody behind the Service', () => {
  const table = tableOf({ '1-1': 10_000 });
  assert.equal(servingMembers({ ...table, route: { ...table.route, admit: { kind: 'refuse' } } }).size, 0);
});
