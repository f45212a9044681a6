import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specOf, World } from '../../simulation/world.ts';

test('replicas of a pool that is forgotten are stopped, and it is forgotten once more', () => {
  const world = new World(specOf({ kind: 'recreate' }));
  world.runUntil((w) => w.state.stable !== undefined && w.state.release === undefined).run(1000);
  const [model] = world.replicas;
  assert.ok(model);
  // What a leader of before that acts late does.
  world.replicas.push({ ...model, id: '0-9-1', pool: '0-9', address: '127.0.0.1:1' });
  const own = world.replicas.filter(({ pool }) => pool !== '0-9').map(({ id }) => id);
  world.run(5000);
  assert.deepEqual(
    world.replicas.map(({ id }) => id),
    own,
  );
  assert.equal(world.state.pools['0-9'], undefined);
  assert.deepEqual(world.state.retiring, []);
  assert.equal(world.state.frozen, undefined);
  assert.equal(world.events.filter(({ reason }) => reason === 'UnknownReplicas').length, 1);
  assert.equal(world.users.failed, 0);
});
