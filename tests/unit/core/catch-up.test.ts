import assert from 'node:assert/strict';
import { test } from 'node:test';
import { catchUp, type Remembered } from '../../../src/core/decide/catch-up.ts';
import { emptyState } from '../../../src/core/decide/state.ts';
import type { AppState, Release, Revision, Route, RouteTable } from '../../../src/core/model.ts';
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

/** Revision `n` of the App, as it is known by number. */
const revision = (number: number, id = `v1-${number}`): Revision => ({
  ...objectOf(specOf(CANARY), `v${number}`, 1).revision,
  id,
  number,
});

/** A state of version 5 and generation 3, with these pools: `1-1` is of revision 1. */
function stateOf(pools: string[], more: Partial<AppState> = {}): AppState {
  const numbers = pools.map((pool) => Number(pool.split('-')[0]));
  return {
    ...emptyState(),
    version: 5,
    routeGeneration: 3,
    nextRevisionNumber: 3,
    nextReleaseNumber: 3,
    pools: Object.fromEntries(
      pools.map((id, n) => [id, { id, revision: `v1-${numbers[n]}`, incarnation: Number(id.split('-')[1]) }]),
    ),
    revisions: Object.fromEntries(numbers.map((number) => [`v1-${number}`, revision(number)])),
    ...more,
  };
}

/** An engine that runs these, so many replicas of each. */
const running = (replicas: Record<string, number>): Remembered['pools'] =>
  Object.entries(replicas).map(([pool, count]) => ({
    pool,
    revision: revision(Number(pool.split('-')[0])),
    replicas: count,
  }));

function tableOf(split: Route<string>['split'], members: Record<string, number> = {}): RouteTable {
  return {
    app: 'default/shop',
    generation: 3,
    front: {} as RouteTable['front'],
    route: { split, matches: [], admit: { kind: 'open' } },
    members: Object.fromEntries(
      Object.entries(members).map(([pool, count]) => [
        pool,
        Array.from({ length: count }, (_, n) => ({ replica: `${pool}-${n}`, address: '' })),
      ]),
    ),
    revisions: {},
  };
}

const weights = (shares: Record<string, number>): Route<string>['split'] => ({
  kind: 'weights',
  to: Object.entries(shares).map(([key, weight]) => ({ key, weight })),
});

const releaseOf = (arms: Record<string, string>) =>
  ({
    id: 'r2',
    revision: 'v1-2',
    arms,
    phase: { kind: 'advancing', stage: 0, since: 0, fullSpeed: false },
    stages: [],
    routedStage: -1,
  }) as unknown as Release;

/** Newer by four versions, where nothing else is said. */
const newer = (world: Partial<Remembered>): Remembered => ({ stateVersion: 9, pools: [], ...world });

function caught(state: AppState, world: Remembered): AppState {
  return catchUp(state, world, 777)?.next ?? assert.fail('the state is not behind');
}

test('what was found, and from where it goes on, is told', () => {
  const says = (state: AppState, world: Remembered) => catchUp(state, world, 777)?.event;
  const message = (serves: string) =>
    'the stored state (version 5) is older than what runs (version 9): a backup was put back, or the last decisions ' +
    `could not be stored. It goes on from version 10; ${serves}. \`crossfade apply\` says again what is wanted`;
  const event = { at: 777, type: 'Warning', reason: 'StateBehind' };
  const pools = running({ '2-2': 1 });
  assert.deepEqual(says(stateOf(['1-1', '2-2'], { stable: '2-2' }), newer({ pools })), {
    ...event,
    message: message('revision 2 goes on as the stable one'),
  });
  assert.deepEqual(says(stateOf([]), newer({})), { ...event, message: message('nothing serves users yet') });
  const lost = stateOf(['1-1'], { stable: '1-1', revisions: {} });
  assert.match(
    says(lost, newer({ pools: running({ '1-1': 1 }) }))?.message ?? '',
    /; nothing serves users yet\./,
  );
});

test('a state is behind by its version, by the generation of any worker, or by a pool that it does not know', () => {
  const state = stateOf(['1-1'], { stable: '1-1' });
  const own = { stateVersion: 5, pools: running({ '1-1': 1 }) };
  const table = tableOf(weights({ '1-1': 10_000 }));
  const at = (world: Partial<Remembered>) => {
    const next = catchUp(state, { ...own, ...world }, 777)?.next;
    return next && [next.version, next.routeGeneration];
  };
  assert.equal(at({}), undefined);
  assert.equal(at({ serving: table, newestGeneration: 3 }), undefined);
  assert.deepEqual(at({ stateVersion: 6 }), [7, 3]);
  assert.deepEqual(at({ serving: { ...table, generation: 4 } }), [6, 5], 'all workers are given a new table');
  assert.deepEqual(at({ serving: table, newestGeneration: 5 }), [6, 6]);
  assert.deepEqual(at({ pools: running({ '1-1': 1, '7-9': 1 }) }), [6, 3]);
});

test('what was under way is forgotten, and what is served is taken as the last table', () => {
  const state = stateOf(['1-1'], {
    stable: '1-1',
    leaving: { x: { pool: '1-1', generation: 1, stopped: false } },
    pending: { 'forget:x': { key: 'forget:x', stateVersion: 1, kind: 'forget', pool: 'x' } },
    backoff: { x: { failures: 1, until: 0 } },
    routed: { generation: 3, epoch: 'e1', perPool: {} },
    table: tableOf(weights({ '1-1': 10_000 })),
  });
  const pools = running({ '1-1': 1 });
  const serving = tableOf(weights({ '1-1': 10_000 }), { '1-1': 1 });
  const next = caught(state, newer({ pools, serving }));
  assert.deepEqual([next.leaving, next.pending, next.backoff, next.routed], [{}, {}, {}, undefined]);
  assert.deepEqual(next.table, serving);
  assert.deepEqual(
    caught(state, newer({ pools })).table,
    state.table,
    'a router that cannot be seen says nothing',
  );
});

test('no number and no name is given out again', () => {
  const names = (pools: Remembered['pools']) => {
    const next = caught(stateOf(['1-1', '2-2'], { stable: '1-1' }), newer({ pools }));
    return { numbers: [next.nextRevisionNumber, next.nextReleaseNumber], next };
  };
  assert.deepEqual(names(running({ '1-1': 1, '7-4': 1, '3-9': 1 })).numbers, [8, 10]);
  assert.deepEqual(names(running({ '1-1': 1, '1-2': 1 })).numbers, [3, 3], 'nothing new');
  const { next } = names(running({ '7-4': 1 }));
  assert.deepEqual(next.pools['7-4'], { id: '7-4', revision: 'v1-7', incarnation: 4 });
  assert.equal(next.revisions['v1-7']?.number, 7);
  assert.equal(next.revisions['v1-1']?.number, 1);
  const other = [{ pool: '2-5', revision: revision(2, 'v1-other'), replicas: 1 }];
  const taken = names(other);
  assert.equal(taken.next.revisions['v1-other']?.number, 3, 'its number is that of another revision here');
  assert.equal(taken.next.nextRevisionNumber, 4);
  const same = [{ pool: '9-5', revision: { ...revision(2), number: 9 }, replicas: 1 }];
  assert.equal(names(same).next.revisions['v1-2']?.number, 2, 'a revision that is known keeps its number');
});

test('names that the table alone knows, for an App scaled to nothing, are not given out again either', () => {
  const serving = tableOf(weights({ '4-6': 7000, '3-2': 3000 }), { '9-8': 0 });
  const next = caught(stateOf([]), newer({ serving }));
  assert.deepEqual([next.nextRevisionNumber, next.nextReleaseNumber, next.pools], [10, 9, {}]);
});

test('names of pools that are gone are not given out again while the router still counts what they answered', () => {
  const next = caught(stateOf(['1-1'], { stable: '1-1' }), newer({ counted: ['1-1', '6-4', '5-8'] }));
  assert.deepEqual([next.nextRevisionNumber, next.nextReleaseNumber], [7, 9]);
  assert.deepEqual(Object.keys(next.pools), ['1-1']);
});

test('stable is who most users are on: of those that run, by their share', () => {
  const stable = (serving: RouteTable, replicas: Record<string, number>) =>
    caught(stateOf(['1-1', '2-2', '3-3'], { stable: '1-1' }), newer({ serving, pools: running(replicas) }))
      .stable;
  const all = { '1-1': 1, '2-2': 1, '3-3': 1 };
  assert.equal(stable(tableOf(weights({ '1-1': 3000, '2-2': 7000 })), all), '2-2');
  assert.equal(stable(tableOf(weights({ '2-2': 7000, '3-3': 3000 })), all), '2-2');
  assert.equal(stable(tableOf(weights({ '2-2': 3000, '3-3': 7000 })), all), '3-3');
  assert.equal(stable(tableOf(weights({ '2-2': 3000, '3-3': 7000 })), { '2-2': 1 }), '2-2');
  assert.equal(stable(tableOf(weights({ '2-2': 0 })), all), '1-1', 'a share of 0 is nobody');
  const roll = { kind: 'perReadyReplica' as const, to: ['2-2', '3-3'] };
  assert.equal(stable(tableOf(roll, { '2-2': 1, '3-3': 2 }), all), '3-3');
  assert.equal(stable(tableOf(roll, { '2-2': 2, '3-3': 1 }), all), '2-2');
  assert.equal(stable(tableOf(roll, { '3-3': 1 }), all), '3-3');
});

test('without a route it is the stable one of the state where that runs, else who has most replicas', () => {
  const stable = (own: string | undefined, replicas: Record<string, number>) =>
    caught(
      stateOf(['1-1', '2-2', '3-3'], own === undefined ? {} : { stable: own }),
      newer({ pools: running(replicas) }),
    ).stable;
  assert.equal(stable('1-1', { '1-1': 1, '2-2': 5 }), '1-1');
  assert.equal(stable('1-1', { '2-2': 1, '3-3': 5 }), '3-3');
  assert.equal(stable('1-1', { '2-2': 5, '3-3': 1 }), '2-2');
  assert.equal(stable(undefined, { '2-2': 1, '3-3': 5 }), '3-3');
  assert.equal(stable('1-1', {}), '1-1', 'nothing runs');
});

test('with another stable version everything else is over: it is retired, and the release ends without a verdict', () => {
  const release = { ...releaseOf({ stable: '1-1', candidate: '2-2' }), phase: {} } as unknown as Release;
  const state = stateOf(['1-1', '2-2'], {
    stable: '1-1',
    release,
    queued: { revision: 'v1-1', actor: 'ann' },
    warm: [{ pool: '1-1', until: 9 }],
    retiring: ['2-2'],
  });
  const next = caught(
    state,
    newer({ pools: running({ '3-3': 1 }), serving: tableOf(weights({ '3-3': 10_000 })) }),
  );
  assert.deepEqual([next.stable, next.release, next.queued, next.warm], ['3-3', undefined, undefined, []]);
  assert.deepEqual(next.retiring, ['1-1', '2-2']);
  const why = { code: 'E_STATE_BEHIND', message: 'the stored state was older than what runs' };
  const phase = { kind: 'done', verdict: 'inconclusive', why };
  assert.deepEqual(next.history, [{ ...release, endedAt: 777, phase }]);
  const { message } = catchUp(state, newer({ pools: running({ '3-3': 1 }) }), 777)?.event ?? {};
  assert.match(
    message ?? '',
    /revision 3 goes on as the stable one; the release of revision 2 is given up; revision 1, which waited, is dropped\. /,
  );
  const without = caught(stateOf(['1-1'], { stable: '1-1' }), newer({ pools: running({ '3-3': 1 }) }));
  assert.deepEqual([without.stable, without.history], ['3-3', []]);
});

test('with the stable version of the state, what waits and what is warm stays', () => {
  const queued = { revision: 'v1-2', actor: 'ann' };
  const warm = [{ pool: '2-2', until: 9 }];
  const next = caught(
    stateOf(['1-1', '2-2'], { stable: '1-1', queued, warm }),
    newer({ pools: running({ '1-1': 1, '2-2': 1 }) }),
  );
  assert.deepEqual([next.queued, next.warm, next.retiring], [queued, warm, []]);
});

test('a release goes on while users of its stable version are there, and only among its own', () => {
  const goesOn = (
    serving: RouteTable | undefined,
    arms: Record<string, string> = { stable: '1-1', candidate: '2-2' },
    stable: string | undefined = '1-1',
  ) => {
    const pools = running(serving ? { '1-1': 1, '2-2': 1, '3-3': 1 } : { '2-2': 1 });
    const state = stateOf(['1-1', '2-2', '3-3'], {
      release: releaseOf(arms),
      ...(stable === undefined ? {} : { stable }),
    });
    return caught(state, newer({ pools, ...(serving ? { serving } : {}) })).release !== undefined;
  };
  const roll = { kind: 'perReadyReplica' as const, to: ['1-1', '2-2'] };
  assert.equal(goesOn(tableOf(weights({ '1-1': 1000, '2-2': 9000 }))), true);
  assert.equal(goesOn(tableOf(weights({ '1-1': 0, '2-2': 10_000 }))), false);
  assert.equal(goesOn(tableOf(weights({ '2-2': 10_000 }))), false);
  assert.equal(goesOn(tableOf(roll, { '1-1': 1, '2-2': 2 })), true);
  assert.equal(goesOn(tableOf(roll, { '1-1': 0, '2-2': 2 })), false);
  assert.equal(goesOn(tableOf({ ...roll, to: ['2-2'] }, { '1-1': 1, '2-2': 2 })), false);
  assert.equal(goesOn(tableOf(weights({ '1-1': 1000, '3-3': 9000 }))), false, 'users are on a third one');
  assert.equal(
    goesOn(tableOf(weights({ '2-2': 10_000 })), { candidate: '2-2' }, '3-3'),
    false,
    'a first release',
  );
  assert.equal(goesOn(undefined), true, 'nobody sees the route');
  assert.equal(goesOn(undefined, { candidate: '2-2' }), false, 'nor has it anybody to go back to');
  assert.equal(goesOn(tableOf(weights({ '1-1': 10_000 }))), true, 'all are on stable');
});

test('a release that a later decision took back is given up, though its stable version serves', () => {
  const SPLIT = weights({ stable: 8000, candidate: 2000 });
  interface Case {
    phase?: 'advancing' | 'aborting';
    arms?: Record<string, string>;
    split?: Route<string>['split'];
    scale?: Record<string, string>;
    routedStage?: number;
    served?: Record<string, number>;
    generation?: number;
    replicas?: Record<string, number>;
  }
  const goesOn = (one: Case) => {
    const { phase = 'advancing', arms = { stable: '1-1', candidate: '2-2' }, split = SPLIT } = one;
    const { scale = {}, routedStage = 0, served = { '1-1': 10_000 }, generation = 4 } = one;
    const { replicas = { '1-1': 1, '2-2': 1 } } = one;
    const scales = Object.fromEntries(Object.entries(scale).map(([arm, kind]) => [arm, { kind }]));
    const route = { split, matches: [], admit: { kind: 'open' } };
    const release = {
      ...releaseOf(arms),
      phase: { kind: phase, stage: 0, since: 0, fullSpeed: false },
      stages: [{ name: 'one', scale: scales, route }],
      routedStage,
    } as unknown as Release;
    const serving = { ...tableOf(weights(served), { '1-1': 1 }), generation };
    const state = stateOf(['1-1', '2-2'], { stable: '1-1', release });
    const world = generation > 0 ? { serving } : {};
    return caught(state, newer({ pools: running(replicas), ...world })).release !== undefined;
  };
  assert.equal(goesOn({}), false, 'the candidate had a share, and has none');
  assert.equal(goesOn({ served: { '1-1': 9000, '2-2': 1000 } }), true, 'it has one');
  assert.equal(goesOn({ generation: 3 }), true, 'of before');
  assert.equal(goesOn({ generation: 0 }), true, 'nobody sees the route');
  assert.equal(goesOn({ routedStage: -1 }), true, 'nothing was moved');
  assert.equal(goesOn({ split: weights({ stable: 10_000 }) }), true, 'it had no share yet');
  assert.equal(goesOn({ phase: 'aborting' }), true, 'it is taken back already');
  assert.equal(goesOn({ arms: { stable: '1-1' } }), true, 'there is no candidate');
  const quiet = { routedStage: -1 };
  const stopped = { stable: 'zero', candidate: 'full' };
  assert.equal(goesOn({ ...quiet, scale: stopped }), false, 'stable was stopped, and runs');
  assert.equal(goesOn({ ...quiet, scale: stopped, phase: 'aborting' }), true);
  assert.equal(
    goesOn({ ...quiet, scale: stopped, replicas: { '1-1': 0, '2-2': 1 } }),
    true,
    'it does not run',
  );
  assert.equal(
    goesOn({ ...quiet, scale: { stable: 'full', candidate: 'full' } }),
    true,
    'it was not stopped',
  );
  assert.equal(
    goesOn({ ...quiet, scale: { stable: 'zero', candidate: 'zero' } }),
    true,
    'neither of them runs',
  );
  assert.equal(goesOn({ ...quiet, scale: { stable: 'zero' } }), false);
});

test('what is not known goes where the rest goes on, also with an App that is being deleted', () => {
  const retiring = (world: Partial<Remembered>) =>
    caught(
      stateOf(['1-1', '2-2'], { stable: '1-1', retiring: ['2-2'] }),
      newer({ pools: running({ '1-1': 1, '7-9': 1, '2-2': 1 }), ...world }),
    );
  const serving = tableOf(weights({ '1-1': 10_000 }));
  assert.deepEqual([retiring({ serving }).retiring, retiring({ serving }).stable], [['2-2', '7-9'], '1-1']);
  const theirs = tableOf(weights({ '7-9': 10_000 }));
  assert.equal(retiring({ serving: theirs }).stable, '7-9');
  const deleted = retiring({ serving: theirs, deleting: true });
  assert.deepEqual([deleted.retiring, deleted.stable], [['2-2', '7-9'], '1-1']);
  const nobody = retiring({ serving: tableOf(weights({ '9-9': 10_000 })) });
  assert.deepEqual([nobody.retiring, nobody.stable], [['2-2', '7-9'], '1-1']);
});

test('who is retired is taken out of the table: everything goes to who is left', () => {
  const left = (serving: RouteTable) =>
    caught(
      stateOf(['1-1', '2-2'], { stable: '1-1', retiring: ['2-2'] }),
      newer({ pools: running({ '1-1': 1, '2-2': 1 }), serving }),
    ).table;
  const both = tableOf(weights({ '1-1': 6000, '2-2': 4000 }), { '1-1': 2, '2-2': 1 });
  const match = (to: string) => ({ when: { headers: [], cookies: [] }, to });
  both.route.matches = [match('2-2'), match('1-1')];
  both.route.preview = '2-2';
  both.route.mirror = { to: '2-2', share: 5000 };
  const alone = tableOf(weights({ '1-1': 10_000 }), { '1-1': 2 });
  alone.route.matches = [match('1-1')];
  assert.deepEqual(left(both), alone);
  const roll = tableOf({ kind: 'perReadyReplica', to: ['1-1', '2-2'] }, { '1-1': 2, '2-2': 1 });
  assert.deepEqual(left(roll), { ...alone, route: { ...alone.route, matches: [] } });
  const own = tableOf(weights({ '1-1': 10_000 }), { '1-1': 2 });
  own.route.preview = '1-1';
  assert.deepEqual(left(own), own, 'nobody of it is retired');
});

test('a table of nobody but retired ones is left: it is withdrawn by what is decided next', () => {
  const table = tableOf(weights({ '2-2': 10_000 }), { '2-2': 1 });
  const state = stateOf(['1-1', '2-2'], { retiring: ['2-2'], deleting: { since: 0 } });
  const next = caught(state, newer({ pools: running({ '2-2': 1 }), serving: table, deleting: true }));
  assert.deepEqual(next.table, table);
});
