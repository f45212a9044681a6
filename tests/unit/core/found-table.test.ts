/** A table that a store which was put back did not know of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Draft } from '../../../src/core/decide/draft.ts';
import { intentOf } from '../../../src/core/decide/intent.ts';
import { converge } from '../../../src/core/decide/table.ts';
import { draftOf, started } from './support.ts';

const kinds = (draft: Draft) => draft.actions.map(({ kind }) => kind);

/** Users are on another pool by a table that this state has only found. */
function withFound(foundBefore: number | undefined, ready: number): Draft {
  const world = started();
  const table = world.state.table ?? assert.fail('no table');
  const others = world.replicas.map((one) => ({ ...one, id: one.id.replace('1-1', '1-9'), pool: '1-9' }));
  const revision = world.state.pools['1-1']?.revision ?? '';
  world.state.pools['1-9'] = { id: '1-9', revision, incarnation: 9 };
  world.replicas = [...world.replicas.slice(0, ready), ...others];
  const members = others.map(({ id, address = '' }) => ({ replica: id, address }));
  const split = { kind: 'weights' as const, to: [{ key: '1-9', weight: 10_000 }] };
  world.state.table = { ...table, route: { ...table.route, split }, members: { '1-9': members } };
  if (foundBefore !== undefined) world.state.foundTable = table.generation - foundBefore;
  const draft = draftOf(world);
  converge(draft, intentOf(draft));
  return draft;
}

test('a table that was found stays until what this state wants carries as many users', () => {
  const waits = withFound(0, 1);
  assert.deepEqual([waits.actions, waits.tableIsCurrent], [[], false]);
  assert.deepEqual(kinds(withFound(0, 3)), ['route']);
  assert.deepEqual(kinds(withFound(undefined, 1)), ['route'], 'it was not found');
  assert.deepEqual(kinds(withFound(1, 1)), ['route'], 'another was made since');
});
