import assert from 'node:assert/strict';
import { test } from 'node:test';
import { catchUp, type Remembered } from '../../../src/core/decide/catch-up.ts';
import type { AppState } from '../../../src/core/model.ts';
import type { AppSpec } from '../../../src/spec/app.ts';
import { objectOf, specOf, World } from '../../simulation/world.ts';

const CANARY: AppSpec['spec']['strategy'] = {
  kind: 'canary',
  steps: [{ kind: 'setWeight', weightBp: 2000 }, { kind: 'pause' }],
  warmMs: 0,
};

function settled(world: World): World {
  return world.runUntil((w) => w.state.stable !== undefined && !w.state.release);
}

function released(world: World, version: string): World {
  world.apply(version);
  world.runUntil((w) => w.state.release !== undefined);
  world.command('promote', { full: true });
  return settled(world).run(5000);
}

/** What an engine and a router would say of this world. */
function rememberedBy(world: World): Remembered {
  const pools = [...new Set(world.replicas.map((replica) => replica.pool))].map((pool) => ({
    pool,
    revision:
      world.state.revisions[world.state.pools[pool]?.revision ?? ''] ?? assert.fail(`no pool ${pool}`),
    replicas: world.replicas.filter((replica) => replica.pool === pool).length,
  }));
  return {
    stateVersion: world.state.version,
    pools,
    ...(world.table ? { serving: world.table } : {}),
  };
}

/** The database is put back to `backup`, and the daemon is started on it. */
function restored(world: World, backup: { state: AppState; object: World['object'] }): World {
  const caught =
    catchUp(backup.state, rememberedBy(world), world.now) ?? assert.fail('the state is not behind');
  world.object = backup.object;
  world.state = caught.next;
  world.events.push(caught.event);
  return world;
}

function stableVersion(world: World): string | undefined {
  const revision = world.state.pools[world.state.stable ?? '']?.revision;
  return world.state.revisions[revision ?? '']?.run.command[0];
}

function stageOf({ state: { release } }: World): string | undefined {
  return release?.phase.kind === 'advancing' ? release.stages[release.phase.stage]?.name : undefined;
}

test('a state that is as new as the world is left as it is', () => {
  const world = released(settled(new World(specOf(CANARY))), 'v2');
  assert.equal(catchUp(world.state, rememberedBy(world), world.now), undefined);
});

test('a backup from before a release: users stay where they are, and no name is given out twice', () => {
  const world = settled(new World(specOf(CANARY)));
  const backup = { state: world.state, object: world.object };
  released(released(world, 'v2'), 'v3');
  const [names, before] = [new Set(Object.keys(world.state.pools)), world.state.version];
  const replicas = world.replicas.map(({ id }) => id).sort();

  restored(world, backup).run(5000);
  assert.ok(world.state.version > before);
  assert.equal(world.state.frozen, undefined);
  assert.equal(stableVersion(world), 'v3');
  assert.deepEqual(
    world.replicas.map(({ id }) => id).sort(),
    replicas,
    'replicas that serve users were touched',
  );
  assert.ok(world.events.some((event) => event.reason === 'StateBehind'));

  world.object = objectOf(world.object.spec, 'v4', world.object.generation + 1);
  world.runUntil((w) => w.state.release !== undefined);
  assert.ok(!names.has(world.state.release?.arms.candidate ?? ''), 'a pool name was given out twice');
  world.command('promote', { full: true });
  settled(world).run(10_000);
  assert.equal(stableVersion(world), 'v4');
  assert.equal(new Set(world.replicas.map(({ pool }) => pool)).size, 1);
  const numbers = Object.values(world.state.revisions).map(({ number }) => number);
  assert.equal(new Set(numbers).size, numbers.length, 'a revision number was given out twice');
});

test('what the restored file asks for can be released again', () => {
  const world = settled(new World(specOf(CANARY)));
  const backup = { state: world.state, object: world.object };
  restored(released(world, 'v2'), backup).run(1000);
  world.command('retry');
  world.runUntil((w) => w.state.release !== undefined);
  world.command('promote', { full: true });
  settled(world);
  assert.equal(stableVersion(world), 'v1');
});

test('a backup from the middle of a release that has ended since: the release is over', () => {
  const world = settled(new World(specOf(CANARY)));
  world.apply('v2');
  world.runUntil((w) => w.table?.route.split.to.length === 2);
  const backup = { state: world.state, object: world.object };
  world.command('promote', { full: true });
  released(settled(world), 'v3');
  restored(world, backup).run(5000);
  assert.equal(stableVersion(world), 'v3');
  assert.equal(world.state.release, undefined);
  const [last] = world.state.history.slice(-1);
  assert.deepEqual(last?.phase.kind === 'done' && last.phase.verdict, 'inconclusive');
});

test('a backup from the middle of a release that was taken back since: users are not moved to it again', () => {
  const world = settled(new World(specOf({ kind: 'blueGreen', autoPromotion: false, warmMs: 0 })));
  world.apply('v2');
  world.runUntil((w) => w.state.release?.gates.some(({ kind }) => kind === 'waiting') ?? false);
  world.command('promote');
  world.runUntil((w) => stageOf(w) === 'switch');
  const backup = { state: world.state, object: world.object };
  world.command('abort');
  settled(world).run(5000);
  restored(world, backup).run(5000);
  assert.equal(stableVersion(world), 'v1');
  assert.equal(world.state.release, undefined);
  assert.equal(world.state.frozen, undefined);
});

test('a backup from a moment before, in the same release: the release goes on', () => {
  const world = settled(new World(specOf(CANARY)));
  world.apply('v2');
  world.runUntil((w) => w.state.release?.arms.candidate !== undefined && w.replicas.length > 3);
  const backup = { state: world.state, object: world.object };
  world.runUntil((w) => w.table?.route.split.to.length === 2);
  restored(world, backup).run(2000);
  assert.equal(world.state.release?.id, backup.state.release?.id);
  world.command('promote', { full: true });
  settled(world);
  assert.equal(stableVersion(world), 'v2');
});

test('a backup from when the old version was gone, which serves again since: the release is over, and never beside it', () => {
  const world = settled(new World(specOf({ kind: 'recreate' })));
  world.apply('v2');
  world.runUntil((w) => stageOf(w) === 'start' && w.replicas.some(({ pool }) => pool === '2-2'));
  const backup = { state: world.state, object: world.object };
  world.command('abort');
  settled(world).run(1000);
  restored(world, backup).run(5000);
  assert.equal(stableVersion(world), 'v1');
  assert.equal(world.state.release, undefined);
  assert.deepEqual([...new Set(world.replicas.map(({ pool }) => pool))], ['1-1']);
});

test('without a route, who runs is the stable one when the state knows nobody who runs', () => {
  const spec = specOf({ kind: 'rolling', maxSurge: 1, maxUnavailable: 0 });
  delete spec.spec.route;
  const world = settled(new World(spec));
  const backup = { state: world.state, object: world.object };
  world.apply('v2');
  world.runUntil((w) => w.state.release !== undefined);
  settled(world).run(2000);
  restored(world, backup).run(2000);
  assert.equal(stableVersion(world), 'v2');
  assert.equal(world.replicas.length, 3);
});

test('a backup from before users came: the first release that they are on by now is not taken away', () => {
  const world = new World(specOf(CANARY));
  world.runUntil((w) => w.state.release?.arms.candidate !== undefined && w.table === undefined);
  const backup = { state: world.state, object: world.object };
  settled(world).run(1000);
  const { table } = world;
  restored(world, backup).run(5000);
  assert.equal(stableVersion(world), 'v1');
  assert.deepEqual(world.table?.route, table?.route);
  assert.equal(world.state.release, undefined);
});

test('what all users are on by now is not taken back to a version that they have left', () => {
  const world = settled(new World(specOf(CANARY)));
  world.apply('v2');
  world.runUntil((w) => w.table?.route.split.to.length === 2);
  const backup = { state: world.state, object: world.object };
  world.command('promote', { full: true });
  settled(world);
  restored(world, backup).run(5000);
  assert.equal(stableVersion(world), 'v2');
  assert.equal(world.state.release, undefined);
});

test('a table that some workers have, and some not yet, is gone past', () => {
  const world = released(settled(new World(specOf(CANARY))), 'v2');
  const remembered = { ...rememberedBy(world), newestGeneration: (world.table?.generation ?? 0) + 1 };
  const caught = catchUp(world.state, remembered, world.now) ?? assert.fail('the state is not behind');
  const names = Object.values(world.table?.members ?? {}).flat().length;
  assert.ok(names > 0);
  world.state = caught.next;
  world.run(1000);
  assert.ok((world.table?.generation ?? 0) > remembered.newestGeneration);
});
