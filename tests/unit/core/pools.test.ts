/** How many there are of each version, who leaves first, and when one may be stopped. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Draft } from '../../../src/core/decide/draft.ts';
import { drainAndStop, grow, shrink, stampLeaving, tidy, unchoose } from '../../../src/core/decide/pools.ts';
import type { Action, Leaving, Observed, Replica, RouterView } from '../../../src/core/model.ts';
import { specOf, World } from '../../simulation/world.ts';
import { CANARY, draftOf, halfway, seeing, started } from './support.ts';

const UNSEEN = { kind: 'unknown' as const, since: 0, why: 'gone' };

test('who is not ready leaves first, then the youngest, then the last by name', () => {
  const world = started(CANARY, { replicas: 5 });
  const at = [3, 1, 2, 2, 9];
  for (const [n, replica] of world.replicas.entries()) Object.assign(replica, { startedAt: at[n] });
  Object.assign(world.replicas[1] ?? {}, { ready: false });
  const leaves = (count: number) => {
    const draft = draftOf(world);
    shrink(draft, { counts: new Map([['1-1', count]]) });
    return Object.keys(draft.state.leaving);
  };
  assert.deepEqual(leaves(6), []);
  assert.deepEqual(leaves(5), []);
  assert.deepEqual(leaves(4), ['1-1-2']);
  assert.deepEqual(leaves(3), ['1-1-2', '1-1-5']);
  assert.deepEqual(leaves(2), ['1-1-2', '1-1-5', '1-1-1']);
  assert.deepEqual(leaves(1), ['1-1-2', '1-1-5', '1-1-1', '1-1-4']);
  world.replicas.reverse();
  assert.deepEqual(leaves(1), ['1-1-2', '1-1-5', '1-1-1', '1-1-4'], 'whoever lists them');
  const draft = draftOf(world);
  shrink(draft, { counts: new Map([['1-1', 4]]) });
  assert.deepEqual(draft.state.leaving['1-1-2'], { pool: '1-1', generation: -1, stopped: false });
});

test('a pool grows to what is wanted beside those who are on their way out', () => {
  const world = started();
  const asked = (count: number, seen: Partial<Observed> = {}) => {
    const draft = draftOf(world, seen);
    draft.state.leaving['1-1-1'] = { pool: '1-1', generation: 1, stopped: false };
    grow(draft, { counts: new Map([['1-1', count]]) });
    return draft.actions.map((action) => (action.kind === 'grow' ? action.replicas : action.kind));
  };
  assert.deepEqual(asked(2), []);
  assert.deepEqual(asked(3), [4]);
  assert.deepEqual(asked(5), [6]);
  assert.deepEqual(asked(5, { replicas: UNSEEN }), [], 'nobody is grown blindly');
  for (const replica of world.replicas) if (replica.id === '1-1-1') replica.phase = 'stopping';
  assert.deepEqual(asked(3), [3], 'who is stopping counts for nothing');
  const draft = draftOf(world);
  grow(draft, { counts: new Map([['1-1', 5]]) });
  assert.deepEqual(Object.keys(draft.state.pending), ['grow:1-1:5'], 'each size is asked for once');
});

test('a choice of who leaves is made anew until a table has followed it', () => {
  const world = started();
  const leaving = (generation: number): Leaving => ({ pool: '1-1', generation, stopped: false });
  const draft = draftOf(world);
  Object.assign(draft.state.leaving, { '1-1-1': leaving(-1), '1-1-2': leaving(0), gone: leaving(-1) });
  unchoose(draft);
  assert.deepEqual(Object.keys(draft.state.leaving), ['1-1-2', 'gone']);
  Object.assign(draft.state.leaving, { '1-1-3': leaving(-1), before: leaving(0) });
  draft.state.routeGeneration = 7;
  stampLeaving(draft);
  const stamped = Object.entries(draft.state.leaving).map(([id, { generation }]) => [id, generation]);
  assert.deepEqual(stamped, [
    ['1-1-2', 0],
    ['gone', 7],
    ['1-1-3', -1],
    ['before', 0],
  ]);
});

/** A replica that the route does not name any more. */
function leaves(
  change: { leaving?: Partial<Leaving>; seen?: Partial<RouterView>; replica?: Partial<Replica> } = {},
) {
  const world = started();
  const id = '1-1-1';
  const table = structuredClone(world.state.table ?? assert.fail('no table'));
  table.generation = 5;
  table.members['1-1'] = table.members['1-1']?.filter(({ replica }) => replica !== id) ?? [];
  world.table = world.state.table = table;
  world.state.routeGeneration = 5;
  Object.assign(world.replicas[0] ?? {}, change.replica);
  world.state.leaving[id] = { pool: '1-1', generation: 5, stopped: false, ...change.leaving };
  const draft = draftOf(world, seeing(world, change.seen ?? {}));
  drainAndStop(draft);
  return { draft, world, id };
}

const did = (actions: readonly Action[]) => actions.map(({ kind }) => kind);

test('who is out of the route, and idle, is stopped with the grace that the file gives', () => {
  const { draft, id } = leaves();
  assert.deepEqual(
    draft.actions.map(({ stateVersion: _, ...action }) => action),
    [{ key: `stop:${id}`, kind: 'stop', replica: id, pool: '1-1', graceMs: 30_000 }],
  );
});

test('who is busy is drained first, and stopped when idle or when the long deadline is over', () => {
  const busy = { inFlight: { '1-1-1': 1 } };
  const { draft, world, id } = leaves({ seen: busy });
  assert.deepEqual(
    draft.actions.map(({ stateVersion: _, ...action }) => action),
    [{ key: `drain:${id}`, kind: 'drain', replica: id, deadline: world.now + 10_000 }],
  );
  assert.equal(draft.state.leaving[id]?.deadline, world.now + 10_000);
  assert.equal(draft.wakeAt, world.now + 21_000);
  const now = world.now;
  assert.deepEqual(did(leaves({ seen: busy, leaving: { deadline: now - 10_999 } }).draft.actions), []);
  assert.deepEqual(did(leaves({ seen: busy, leaving: { deadline: now - 11_000 } }).draft.actions), ['stop']);
  assert.deepEqual(did(leaves({ leaving: { deadline: now + 5 } }).draft.actions), ['stop'], 'it is idle');
});

test('whose connections are cut is told, once, where a router cannot close them politely', () => {
  const cut = (seen: Partial<RouterView>, change: (draft: Draft) => void = () => undefined) => {
    const busy = { perConnection: true as const, inFlight: { '1-1-1': 2 }, ...seen };
    const { world } = leaves();
    world.state.leaving['1-1-1'] = { pool: '1-1', generation: 5, stopped: false, deadline: 0 };
    const draft = draftOf(world, seeing(world, busy));
    change(draft);
    drainAndStop(draft);
    return draft.events.map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
  };
  const told = (what: string) => [
    `Warning ConnectionsCut: 1-1-1 is stopped with ${what}: its time to drain is over`,
  ];
  assert.deepEqual(cut({}), told('2 open connections'));
  assert.deepEqual(cut({ connectionsUnseen: 'never' }), told('connections that cannot be seen'));
  assert.deepEqual(cut({ inFlight: {} }), [], 'nobody is cut');
  assert.deepEqual(cut({ perConnection: undefined as never }), [], 'it was asked to drain');
  const pending = cut({}, ({ state }) => {
    const action = { kind: 'stop', replica: '1-1-1', pool: '1-1', graceMs: 0 } as const;
    state.pending['stop:1-1-1'] = { ...action, key: 'stop:1-1-1', stateVersion: 1 };
  });
  assert.deepEqual(pending, [], 'it is being stopped');
  const failed = cut({}, ({ state, now }) => {
    state.backoff['stop:1-1-1'] = { failures: 1, until: now + 1000 };
  });
  assert.deepEqual(failed, [], 'it could not be stopped yet');
});

test('nobody is stopped whom the route may still name', () => {
  const none = (change: Parameters<typeof leaves>[0]) =>
    assert.deepEqual(did(leaves(change).draft.actions), []);
  none({ seen: { ackedGeneration: 4 } });
  none({ leaving: { generation: -1 } });
  none({ leaving: { generation: 6 } });
  assert.deepEqual(did(leaves({ seen: { ackedGeneration: 6 } }).draft.actions), ['stop']);
  const { world } = leaves();
  const served = structuredClone(world.table ?? assert.fail('no table'));
  served.members['9-9'] = [{ replica: '1-1-1', address: 'h:1' }];
  none({ seen: { serving: served } });
});

test('nothing is stopped that cannot be seen, or is named by the last table', () => {
  const world = started();
  world.state.leaving['1-1-1'] = { pool: '1-1', generation: 0, stopped: false };
  const says = (seen: Partial<Observed>) => {
    const draft = draftOf(world, seen);
    drainAndStop(draft);
    return did(draft.actions);
  };
  assert.deepEqual(says({}), [], 'the table names it');
  assert.deepEqual(says({ replicas: UNSEEN }), []);
  const blind = draftOf(world, { replicas: UNSEEN });
  drainAndStop(blind);
  assert.deepEqual(Object.keys(blind.state.leaving), ['1-1-1'], 'who cannot be seen is not gone');
  world.state.table = { ...(world.state.table ?? assert.fail('no table')), members: {} };
  assert.deepEqual(says({ router: UNSEEN }), []);
});

test('without a table a router must have none either; without a route nobody has to be asked', () => {
  const world = started();
  world.state.leaving['1-1-1'] = { pool: '1-1', generation: 1, stopped: false };
  delete world.state.table;
  world.table = undefined;
  const says = (seen: Partial<Observed> = {}) => {
    const draft = draftOf(world, seen);
    drainAndStop(draft);
    return did(draft.actions);
  };
  assert.deepEqual(says(), ['stop']);
  assert.deepEqual(says(seeing(world, { ackedGeneration: 3 })), [], 'it may come back with one');
  world.object = { ...world.object, spec: structuredClone(world.object.spec) };
  delete world.object.spec.spec.route;
  assert.deepEqual(says({ router: UNSEEN }), ['stop'], 'a worker');
});

test('who is gone is forgotten, and who is stopping is left alone', () => {
  const { draft } = leaves({ replica: { phase: 'stopping' } });
  assert.deepEqual([did(draft.actions), draft.state.leaving['1-1-1']?.stopped], [[], true]);
  const world = started();
  world.state.leaving.gone = { pool: '1-1', generation: 1, stopped: true };
  const other = draftOf(world);
  drainAndStop(other);
  assert.deepEqual(other.state.leaving, {});
});

test('what is warm is kept until its time is over, then freed and said', () => {
  const world = halfway();
  const says = (until: number) => {
    const draft = draftOf(world);
    draft.state.warm = [{ pool: '2-2', until }];
    tidy(draft);
    return [
      draft.state.warm.length,
      draft.state.retiring,
      draft.wakeAt,
      draft.events.map(({ message }) => message),
    ];
  };
  assert.deepEqual(says(world.now + 1), [1, [], world.now + 1, []]);
  const freed = 'revision 2 is retired: 1 replica freed; undo now starts it again';
  assert.deepEqual(says(world.now), [0, ['2-2'], undefined, [freed]]);
});

test('a pool is forgotten when nothing of it is there any more', () => {
  const world = halfway();
  const says = (seen: Partial<Observed> = {}) => {
    const draft = draftOf(world, seen);
    draft.state.retiring = ['2-2'];
    tidy(draft);
    return draft.actions.map(({ key }) => key);
  };
  assert.deepEqual(says(), []);
  world.replicas = world.replicas.filter(({ pool }) => pool !== '2-2');
  assert.deepEqual(says(), ['forget:2-2']);
  assert.deepEqual(says({ replicas: UNSEEN }), [], 'unknown is not gone');
});

test('an App is gone when it is deleted and nothing of it is left: no pool, no replica, no table anywhere', () => {
  const world = started();
  world.state.deleting = { since: 0 };
  world.state.pools = {};
  world.replicas = [];
  world.table = undefined;
  delete world.state.table;
  const gone = (change: (w: World) => void = () => undefined, seen: Partial<RouterView> = {}) => {
    const other = Object.assign(new World(specOf(CANARY)), {
      ...world,
      state: structuredClone(world.state),
      replicas: [...world.replicas],
    });
    change(other);
    const draft = draftOf(other, seeing(other, seen));
    tidy(draft);
    return draft.gone;
  };
  const { table } = started().state;
  assert.ok(table);
  assert.equal(gone(), true);
  const unseen = draftOf(world, { router: UNSEEN });
  tidy(unseen);
  assert.equal(unseen.gone, false, 'a router that cannot be seen may have a table');
  assert.equal(
    gone((w) => delete w.state.deleting),
    false,
  );
  assert.equal(
    gone((w) => {
      w.state.pools = { '1-1': { id: '1-1', revision: 'v1-x', incarnation: 1 } };
    }),
    false,
  );
  assert.equal(
    gone((w) => {
      w.state.table = table;
    }),
    false,
  );
  assert.equal(gone(undefined, { ackedGeneration: 1 }), false);
  assert.equal(gone(undefined, { serving: table }), false);
  assert.equal(
    gone((w) => {
      w.replicas = started().replicas;
    }),
    false,
  );
});
