import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specOf, World } from '../../simulation/world.ts';

/** A second revision has all of the route; the three old replicas have these connections. */
function switching(connections: number, more: Parameters<typeof specOf>[1] = {}): World {
  const strategy = { kind: 'blueGreen', autoPromotion: true, warmMs: 0 } as const;
  const world = new World(specOf(strategy, { drainTimeoutMs: 10_000, ...more }));
  world.runUntil((w) => w.state.stable !== undefined && !w.state.release);
  world.perConnection = true;
  for (const { id } of world.replicas) world.inFlight[id] = connections;
  world.apply('v2');
  return world;
}

const told = (world: World, reason: string) =>
  world.events.filter((event) => event.reason === reason).map(({ message }) => message);
const isReleased = (world: World) => world.state.history.length === 2;

test('a switch is over when nobody has a connection to the old side any more', () => {
  const world = switching(2);
  world.runUntil((w) => told(w, 'OldReplicasServe').length > 0);
  world.run(5000);
  assert.equal(isReleased(world), false, 'the release waits');
  assert.equal(world.replicas.filter(({ pool }) => pool === '1-1').length, 3, 'the old ones go on');
  assert.match(
    told(world, 'OldReplicasServe').join(),
    /^3 replicas of revision 1 still have 6 open connections: .*waited for 10 s$/,
  );
  world.inFlight = {};
  world.runUntil(isReleased);
  assert.equal(told(world, 'OldReplicasQuiet').length, 1);
  world.runUntil((w) => w.replicas.every(({ pool }) => pool !== '1-1'));
  assert.deepEqual(told(world, 'ConnectionsCut'), []);
});

test('connections that stay end the waiting, not themselves: the release ends and says so, the replicas drain', () => {
  const world = switching(1, { drainLongTimeoutMs: 60_000 });
  world.runUntil(isReleased);
  assert.equal(world.state.history.at(-1)?.phase.kind, 'done');
  assert.match(
    told(world, 'OldReplicasServe').at(-1) ?? '',
    /The release ends all the same; they go on while they drain/,
  );
  world.run(60_000);
  assert.equal(world.replicas.filter(({ pool }) => pool === '1-1').length, 3, 'they are served still');
  world.runUntil((w) => w.replicas.every(({ pool }) => pool !== '1-1'));
  assert.equal(told(world, 'ConnectionsCut').length, 3);
});

test('an abort does not wait for connections', () => {
  const world = switching(1);
  world.runUntil((w) => told(w, 'OldReplicasServe').length > 0);
  world.command('abort');
  world.runUntil(isReleased);
  assert.equal(world.state.stable, '1-1');
});

test('a router that chooses for each request is not waited for', () => {
  const world = switching(1);
  world.perConnection = false;
  world.runUntil(isReleased);
  assert.deepEqual(told(world, 'OldReplicasServe'), []);
});
