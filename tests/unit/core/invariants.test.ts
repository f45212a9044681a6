/**
 * The core's own guard: decisions that it would never make are made here by hand, and each has to be refused. What is
 * allowed beside them is told too, for a guard that refuses everything would freeze every release.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Draft } from '../../../src/core/decide/draft.ts';
import { brokenInvariant } from '../../../src/core/invariants.ts';
import type { AppState, Route, RouteTable } from '../../../src/core/model.ts';
import type { Strategy } from '../../../src/spec/app.ts';
import { specOf, type World } from '../../simulation/world.ts';
import { CANARY, draftOf, halfway, ROLLING, started } from './support.ts';

const STICKY: Strategy = { ...CANARY, sticky: { kind: 'header', name: 'x-user' } } as Strategy;
const GHOST = '9-9';

/** What the guard says of a decision that changes this. */
function judged(world: World, change: (draft: Draft) => void, before: AppState = world.state): string {
  const draft = draftOf(world, {}, before);
  change(draft);
  const broken = brokenInvariant(before, draft);
  return broken ? `${broken.code}: ${broken.message}` : 'fine';
}

function tableOf(world: World): RouteTable {
  return structuredClone(world.state.table ?? assert.fail('there is no table yet'));
}

/** The route as it is, but for this. */
function routed(world: World, change: (table: RouteTable) => void): (draft: Draft) => void {
  const table = tableOf(world);
  change(table);
  return (draft) => draft.act('route:99', { kind: 'route', table });
}

function split(world: World, to: Record<string, number>, rest: Partial<Route<string>> = {}) {
  return routed(world, (table) => {
    const shares = Object.entries(to).map(([key, weight]) => ({ key, weight }));
    table.route = { ...table.route, split: { kind: 'weights', to: shares }, ...rest };
  });
}

test('1: weights that are not all of the requests, or no shares at all, are not routed', () => {
  const world = halfway();
  const says = (to: Record<string, number>) => judged(world, split(world, to));
  assert.equal(says({ '1-1': 8000, '2-2': 1999 }), 'E_INVARIANT_1: weights sum to 9999 of 10000');
  assert.equal(says({ '1-1': 8000, '2-2': 2001 }), 'E_INVARIANT_1: weights sum to 10001 of 10000');
  assert.match(says({ '1-1': 7999.5, '2-2': 2000.5 }), /^E_INVARIANT_1/);
  assert.match(says({ '2-2': -1, '1-1': 10_001 }), /^E_INVARIANT_1/);
  assert.equal(says({ '1-1': 8000, '2-2': 2000 }), 'fine');
  assert.equal(says({ '1-1': 10_000, '2-2': 0 }), 'fine');
});

test('2: a pool without a ready replica is not named anew: by share, by match, for copies or as the preview', () => {
  const world = halfway();
  const refused = `E_INVARIANT_2: the route would name pool ${GHOST}, which has no ready replica`;
  const shared = { '1-1': 8000, '2-2': 1000, [GHOST]: 1000 };
  const whole = { '1-1': 8000, '2-2': 2000 };
  const matches = [{ when: { headers: [], cookies: [] }, to: GHOST }];
  assert.equal(judged(world, split(world, shared)), refused);
  assert.equal(judged(world, split(world, whole, { matches })), refused);
  assert.equal(judged(world, split(world, whole, { preview: GHOST })), refused);
  assert.equal(judged(world, split(world, whole, { mirror: { to: GHOST, share: 100 } })), refused);
  assert.equal(judged(world, split(world, { ...whole, [GHOST]: 0 })), 'fine', 'a share of 0 names nobody');
  assert.equal(judged(world, split(world, shared, { admit: { kind: 'refuse' } })), 'fine');
  const perReplica = { kind: 'perReadyReplica' as const, to: ['1-1', GHOST] };
  assert.equal(judged(world, split(world, {}, { split: perReplica })), 'fine');
});

test('2: a pool that was routed already and has lost everybody since is no doing of ours', () => {
  const world = halfway();
  const more = split(world, { '1-1': 8000, '2-2': 2000 }, { preview: GHOST });
  const named = tableOf(world);
  named.route.preview = GHOST;
  assert.equal(judged(world, more, { ...world.state, table: named }), 'fine', 'in our own last table');
  world.table = named;
  assert.equal(judged(world, more), 'fine', 'in what the router serves');
  world.router = 'lost';
  assert.match(judged(world, more), /^E_INVARIANT_2/, 'what it serves cannot be seen');
});

test('2: replicas that are leaving are nobody to name a pool for', () => {
  const world = halfway();
  const before = structuredClone(world.state);
  before.table = {
    ...tableOf(world),
    route: { ...tableOf(world).route, split: { kind: 'weights', to: [] } },
  };
  world.table = before.table;
  for (const { id, pool } of world.replicas)
    if (pool === '2-2') before.leaving[id] = { pool, generation: 1, stopped: false };
  const to = split(halfway(), { '1-1': 8000, '2-2': 2000 });
  assert.match(judged(world, to, before), /^E_INVARIANT_2: the route would name pool 2-2,/);
  assert.equal(judged(world, to, { ...before, leaving: {} }), 'fine');
});

const keep = (pool: string, count: number) => (table: RouteTable) => {
  table.members[pool] = table.members[pool]?.slice(0, count) ?? [];
};

test('3: a table may not carry fewer users than the one before', () => {
  const world = started(CANARY);
  assert.equal(
    judged(world, routed(world, keep('1-1', 1))),
    'E_INVARIANT_3: the route could carry the users of 1 replicas instead of 3: 1-1 would have fewer than 3 ready',
  );
  assert.match(judged(world, routed(world, keep('1-1', 2))), /^E_INVARIANT_3: .* of 2 replicas instead of 3/);
  assert.equal(judged(world, routed(world, keep('1-1', 3))), 'fine');
});

test('3: of a canary each pool needs what its share takes', () => {
  const world = halfway();
  const says = (pool: string, count: number) => judged(world, routed(world, keep(pool, count)));
  assert.equal(
    says('1-1', 2),
    'E_INVARIANT_3: the route could carry the users of 2.5 replicas instead of 3.8: 1-1 would have fewer than 3 ready',
  );
  assert.match(says('2-2', 0), /of 0 replicas instead of 3\.8: 2-2 would have fewer than 1 ready$/);
  assert.equal(judged(world, split(world, { '1-1': 9000, '2-2': 1000 })), 'fine');
});

test('3: a pool that the release does not have needs what its share takes', () => {
  const world = halfway();
  const before = structuredClone(world.state);
  if (before.table) before.table.route.preview = GHOST;
  const all = split(world, { [GHOST]: 10_000 });
  assert.match(judged(world, all, before), /: 9-9 would have fewer than 3 ready$/);
});

test('3: a release that has asked for no route yet needs all that stable has', () => {
  const world = started(CANARY);
  world.apply('v2');
  world.settle();
  assert.equal(world.state.release?.routedStage, -1);
  assert.match(judged(world, routed(world, keep('1-1', 2))), /: 1-1 would have fewer than 3 ready$/);
});

test('3: a stage that declares fewer replicas needs no more', () => {
  const world = started({
    kind: 'canary',
    steps: [
      { kind: 'setCanaryScale', scale: { kind: 'count', replicas: 1 } },
      { kind: 'setWeight', weightBp: 6000 },
      { kind: 'pause' },
    ],
    warmMs: 0,
  });
  world.apply('v2');
  world.runUntil((w) => w.state.release?.gates.some(({ kind }) => kind === 'waiting') ?? false, 20_000);
  assert.equal(world.table?.members['2-2']?.length, 1);
  assert.equal(judged(world, split(world, { '1-1': 3000, '2-2': 7000 })), 'fine');
});

test('3: what the world took, the owner wished for, or was closed before, is no loss of ours', () => {
  const world = started(CANARY);
  const less = routed(world, keep('1-1', 1));
  const refusing = tableOf(world);
  refusing.route.admit = { kind: 'refuse' };
  assert.equal(judged(world, less, { ...world.state, table: refusing }), 'fine', 'nobody was served before');
  const { table: _, ...none } = world.state;
  assert.equal(judged(world, less, none), 'fine', 'there was no table');
  const closing = routed(world, (table) => {
    table.route.admit = { kind: 'refuse' };
    keep('1-1', 0)(table);
  });
  assert.equal(judged(world, closing), 'fine', 'a declared outage');
  for (const replica of world.replicas.slice(1)) replica.ready = false;
  assert.equal(judged(world, less), 'fine', 'only one is ready');
  const nobody = split(world, { '1-1': 10_000, '2-2': 0 });
  assert.equal(judged(world, nobody), 'fine', 'and a share of 0 takes nothing from anybody');
  const scaled = started(CANARY);
  scaled.object = { ...scaled.object, spec: specOf(CANARY, { replicas: 0 }) };
  assert.equal(judged(scaled, routed(scaled, keep('1-1', 0))), 'fine', 'scaled to nothing');
});

test('3: maxUnavailable is how many may be missing, in a roll of both pools together', () => {
  const world = started(ROLLING);
  const says = (count: number) => judged(world, routed(world, keep('1-1', count)));
  assert.equal(says(2), 'fine');
  assert.match(says(1), /of 1 replicas instead of 3: 1-1 would have fewer than 2 ready$/);

  const rolls = started(ROLLING, { replicas: 8 });
  rolls.apply('v2');
  const counts = () => ['1-1', '2-2'].map((pool) => rolls.table?.members[pool]?.length ?? 0);
  rolls.runUntil(() => counts().every((count) => count > 0));
  const [old = 0, young = 0] = counts();
  assert.equal(rolls.table?.route.split.kind, 'perReadyReplica');
  assert.ok(old + young >= 7 && old < 7 && young < 7);
  const both = (older: number, younger: number) =>
    judged(
      rolls,
      routed(rolls, (table) => {
        keep('1-1', older)(table);
        keep('2-2', younger)(table);
      }),
    );
  assert.equal(both(old, 7 - old), 'fine', 'neither alone is enough, both are');
  assert.match(both(old, 6 - old), /of 6 replicas instead of \d: 1-1 and 2-2 would have fewer than 7 ready$/);
  rolls.object = { ...rolls.object, spec: specOf({ ...ROLLING, maxUnavailable: 3 }, { replicas: 8 }) };
  assert.match(both(old, 6 - old), /fewer than 7 ready$/, 'the release goes by what it began with');
});

test('3: restarts roll by the default of a quarter, whatever the strategy', () => {
  const world = started(CANARY, { replicas: 4 });
  assert.equal(judged(world, routed(world, keep('1-1', 3))), 'fine');
  assert.match(judged(world, routed(world, keep('1-1', 2))), /would have fewer than 3 ready$/);
});

test('3: who goes back, or gives stable up, leaves users with what there is', () => {
  const world = halfway();
  const less = routed(world, keep('1-1', 1));
  assert.match(judged(world, less), /^E_INVARIANT_3/);
  const givesUp = (draft: Draft) => {
    less(draft);
    draft.stableGivenUp = true;
  };
  assert.equal(judged(world, givesUp), 'fine');
  const before = structuredClone(world.state);
  if (before.release)
    before.release.phase = { kind: 'aborting', stage: 0, since: 0, why: { code: 'E_ABORTED', message: 'x' } };
  assert.equal(judged(world, less, before), 'fine');
});

test('3: a first release that failed leaves nobody who could be carried', () => {
  const world = started(CANARY);
  const less = routed(world, keep('1-1', 1));
  const { stable: _, ...first } = structuredClone(world.state);
  const says = (retiring: string[]) =>
    judged(
      world,
      (draft) => {
        less(draft);
        delete draft.state.stable;
        draft.state.retiring = retiring;
      },
      first,
    );
  assert.equal(says(['1-1']), 'fine');
  assert.match(says([]), /^E_INVARIANT_3/);
});

test('3: whom an earlier release gave up, while its table could not be replaced yet, carries nobody either', () => {
  const world = halfway();
  const both = tableOf(world);
  both.route.split = { kind: 'perReadyReplica', to: ['1-1', '2-2'] };
  const before = { ...world.state, table: both };
  const says = (retiring: string[], members: number) =>
    judged(
      world,
      (draft) => {
        routed(world, keep('1-1', members))(draft);
        draft.state.retiring = retiring;
        delete draft.state.release;
      },
      before,
    );
  assert.match(says([], 2), /^E_INVARIANT_3/);
  assert.equal(says(['2-2'], 3), 'fine');
  assert.match(says(['2-2'], 2), /^E_INVARIANT_3/, 'who stays is not to become fewer');
});

test('3: one version of two that is retired, or one beside a stable version, is no first release that failed', () => {
  const world = halfway();
  const less = routed(world, keep('1-1', 1));
  const { stable: _, ...first } = structuredClone(world.state);
  const retires = (pool: string) => (draft: Draft) => {
    less(draft);
    draft.state.retiring = [pool];
  };
  assert.match(judged(world, retires('2-2'), first), /^E_INVARIANT_3/, 'users are on another one');
  const promoted = started(CANARY);
  const ends = routed(promoted, keep('1-1', 1));
  const beside = (draft: Draft) => {
    ends(draft);
    draft.state.retiring = ['1-1'];
  };
  assert.match(judged(promoted, beside), /^E_INVARIANT_7/, 'there is a stable version');
});

test('4: who may still get requests is not stopped', () => {
  const world = halfway();
  const id = world.replicas[0]?.id ?? '';
  const stop = (draft: Draft) =>
    draft.act(`stop:${id}`, { kind: 'stop', replica: id, pool: '1-1', graceMs: 1000 });
  const refused = `E_INVARIANT_4: replica ${id} would be stopped while the router may still send it requests`;
  assert.equal(judged(world, stop), refused, 'it is not leaving');
  const leaves = (draft: Draft) => {
    draft.state.leaving[id] = { pool: '1-1', generation: 1, stopped: false };
    stop(draft);
  };
  assert.equal(judged(world, leaves), refused, 'the router serves it');
  world.table = { ...tableOf(world), members: { '1-1': [], '2-2': [] } };
  assert.equal(judged(world, stop), refused, 'it is not leaving, though nobody serves it');
  assert.equal(judged(world, leaves), 'fine');
  world.table = undefined;
  assert.equal(judged(world, leaves), 'fine');
  world.router = 'lost';
  assert.equal(judged(world, stop), refused, 'the router cannot be seen');
});

/** The same, going back. */
function goingBack(world: World): AppState {
  const before = structuredClone(world.state);
  const release = before.release ?? assert.fail('no release');
  release.phase = { kind: 'aborting', stage: 0, since: 0, why: { code: 'E_ABORTED', message: 'x' } };
  return before;
}

function withShare(world: World, candidate: number, rest: Partial<Route<string>> = {}) {
  return (draft: Draft) => {
    const table = tableOf(world);
    const to = [
      { key: '1-1', weight: 10_000 - candidate },
      { key: '2-2', weight: candidate },
    ].filter(({ weight }) => weight > 0);
    draft.state.table = { ...table, route: { ...table.route, split: { kind: 'weights', to }, ...rest } };
  };
}

test('5: who goes back gives the candidate nothing more', () => {
  const world = halfway();
  const before = goingBack(world);
  assert.equal(
    judged(world, withShare(world, 3000), before),
    'E_INVARIANT_5: an abort would raise the share of pool 2-2 from 2000 to 3000 of 10000',
  );
  for (const share of [2000, 1000, 0]) assert.equal(judged(world, withShare(world, share), before), 'fine');
  assert.equal(judged(world, withShare(world, 3000)), 'fine', 'no abort');
  const closed = structuredClone(before);
  if (closed.table) closed.table.route.admit = { kind: 'refuse' };
  assert.match(judged(world, withShare(world, 2000), closed), /from 0 to 2000 of/, 'nobody had it');
  const refuse = { admit: { kind: 'refuse' as const } };
  assert.equal(judged(world, withShare(world, 3000, refuse), before), 'fine', 'nobody gets it');
  const { table: _, ...without } = before;
  assert.equal(judged(world, withShare(world, 3000), without), 'fine', 'nothing to compare with');
});

test('5: shares per replica are not compared with shares by weight', () => {
  const world = halfway();
  const before = goingBack(world);
  const perReplica = { kind: 'perReadyReplica' as const, to: ['1-1', '2-2'] };
  assert.equal(judged(world, withShare(world, 0, { split: perReplica }), before), 'fine');
  if (before.table) before.table.route.split = perReplica;
  assert.equal(judged(world, withShare(world, 3000), before), 'fine');
});

test('5: an App that is deleted while it goes back has nothing to end with', () => {
  const world = halfway();
  const deletes = ({ state }: Draft) => {
    state.deleting = { since: 0 };
    delete state.stable;
    delete state.release;
  };
  assert.equal(judged(world, deletes, goingBack(world)), 'fine');
});

test('5: an abort ends with what was stable before it', () => {
  const world = halfway();
  const before = goingBack(world);
  const ends = (stable: string) =>
    judged(
      world,
      (draft) => {
        const release = draft.state.release ?? assert.fail('no release');
        const ended = { ...release, phase: { kind: 'done' as const, verdict: 'aborted' as const } };
        draft.state.history = [ended, { ...ended, id: 'r99', arms: { stable: GHOST } }];
        delete draft.state.release;
        draft.state.stable = stable;
      },
      before,
    );
  assert.equal(ends('1-1'), 'fine');
  assert.equal(
    ends('2-2'),
    'E_INVARIANT_5: an abort would end with pool 2-2 as the stable one instead of 1-1',
  );
});

test('6: what is not written down as it is, once, is not done', () => {
  const world = halfway();
  const probe = { kind: 'probe' as const, requests: 1, generation: 1 };
  const refused = 'E_INVARIANT_6: probe:1 would be done without being written down as it is';
  const version = world.state.version + 1;
  const does = (change: (draft: Draft) => void) =>
    judged(world, (draft) => {
      draft.act('probe:1', probe);
      change(draft);
    });
  assert.equal(
    does(() => undefined),
    'fine',
  );
  assert.equal(
    does((draft) => delete draft.state.pending['probe:1']),
    refused,
  );
  assert.equal(
    does((draft) => {
      draft.state.pending['probe:1'] = { ...probe, key: 'probe:1', stateVersion: version };
    }),
    refused,
  );
  assert.equal(
    does((draft) => draft.actions.push(...draft.actions)),
    refused,
    'twice',
  );
  const early = { ...probe, key: 'probe:1', stateVersion: version - 1 };
  const ofOld = (draft: Draft) => {
    draft.state.pending['probe:1'] = early;
    draft.actions.push(early);
  };
  assert.equal(judged(world, ofOld), refused, 'of another version');
});

test('7: there stays a stable version, and nobody who is needed is retired', () => {
  const world = halfway();
  const says = (change: (state: AppState) => void) => judged(world, ({ state }) => change(state));
  const nobody = (state: AppState) => {
    delete state.stable;
    delete state.release;
  };
  assert.equal(says(nobody), 'E_INVARIANT_7: nothing would be stable any more after pool 1-1');
  assert.equal(
    says((state) => {
      nobody(state);
      state.deleting = { since: 0 };
    }),
    'fine',
    'it is deleted',
  );
  const lost = (pool: string) => `E_INVARIANT_7: pool ${pool} would be retired, which is still needed`;
  assert.equal(
    says((state) => state.retiring.push('1-1')),
    lost('1-1'),
    'stable',
  );
  assert.equal(
    says((state) => state.retiring.push('2-2')),
    lost('2-2'),
    'the candidate',
  );
  assert.equal(
    says((state) => state.warm.push({ pool: GHOST, until: 0 })),
    lost(GHOST),
    'not there at all',
  );
  assert.equal(
    says((state) => delete state.pools['2-2']),
    lost('2-2'),
  );
  assert.equal(
    says((state) => state.retiring.push(GHOST)),
    'fine',
    'nobody needs it',
  );
});

test('7: the candidate of a first release is needed too', () => {
  const world = halfway();
  const { stable: _, ...first } = structuredClone(world.state);
  const says = (retiring: string[]) =>
    judged(world, (draft) => draft.state.retiring.push(...retiring), first);
  assert.match(says(['2-2']), /^E_INVARIANT_7: pool 2-2 would be retired/);
  assert.equal(says([]), 'fine');
});

test('8: sticky users stay where they are, and move towards the candidate only', () => {
  const world = halfway(STICKY);
  const sticky = tableOf(world).route.sticky ?? assert.fail('not sticky');
  const says = (rest: Partial<Route<string>>) => judged(world, withShare(world, 2000, rest));
  assert.equal(says({}), 'fine');
  const anew = 'E_INVARIANT_8: users would be assigned anew in mid-release';
  assert.equal(says({ sticky: { ...sticky, salt: 'another' } }), anew);
  assert.equal(says({ sticky: { ...sticky, by: { kind: 'header', name: 'x-session' } } }), anew);
  const turned = {
    split: {
      kind: 'weights' as const,
      to: [
        { key: '2-2', weight: 2000 },
        { key: '1-1', weight: 8000 },
      ],
    },
  };
  assert.equal(says(turned), 'E_INVARIANT_8: users would move away from pool 2-2 while its share grows');
  assert.equal(judged(world, withShare(world, 0)), 'fine', 'the candidate has nobody');
  const withdrawn = (draft: Draft) => {
    delete draft.state.table;
  };
  assert.equal(judged(world, withdrawn), 'fine', 'nobody is assigned any more');
  const others = (draft: Draft) => {
    withShare(world, 2000, { ...turned, sticky: { ...sticky, salt: 'another' } })(draft);
    if (draft.state.release) draft.state.release.id = 'r99';
  };
  assert.equal(judged(world, others), 'fine', 'another release assigns as it likes');
  const earlier = {
    ...tableOf(world),
    route: { ...tableOf(world).route, sticky: { ...sticky, salt: 'earlier' } },
  };
  earlier.route.split = { kind: 'weights', to: [{ key: '1-1', weight: 10_000 }] };
  const first = { ...world.state, table: earlier };
  assert.equal(
    judged(world, withShare(world, 2000), first),
    'fine',
    'nor is a table from before this release kept to',
  );
  const found = {
    ...tableOf(world),
    route: { ...tableOf(world).route, sticky: { ...sticky, salt: 'later' } },
  };
  const after = { ...world.state, table: found };
  assert.equal(judged(world, withShare(world, 2000), after), anew);
  assert.equal(
    judged(world, withShare(world, 2000), { ...after, foundTable: found.generation }),
    'fine',
    'a table that was found when a store was put back is of another release',
  );
  const counted = halfway();
  assert.equal(judged(counted, withShare(counted, 2000, turned)), 'fine', 'counted splits have no order');
});

test('9: a stage is left by gates that have something to show', () => {
  const world = halfway();
  const verify = { kind: 'verify' as const, minRequests: 100, onNoTraffic: 'probe' as const };
  const passed = { kind: 'passed' as const, at: 0 };
  type Left = Draft['left'][number];
  const leaves = (gates: Left['gates'], states: Left['states']) =>
    judged(world, (draft) => draft.left.push({ name: 'canary 20%', gates, states }));
  const refused = (kind: string) =>
    `E_INVARIANT_9: stage "canary 20%" would be left although its gate "${kind}" has nothing to show`;
  assert.equal(leaves([verify], [passed]), refused('verify'));
  assert.equal(leaves([verify], [{ ...passed, note: 'measured' }]), 'fine');
  assert.equal(leaves([{ kind: 'approval' }], [passed]), refused('approval'));
  assert.equal(leaves([{ kind: 'approval' }], [{ ...passed, by: 'somebody' }]), 'fine');
  assert.equal(leaves([{ kind: 'pause' }], [passed]), 'fine');
  assert.equal(leaves([{ kind: 'pause' }], [{ kind: 'pending' }]), refused('pause'));
  assert.equal(leaves([{ kind: 'ready' }, { kind: 'pause' }], [passed]), refused('pause'), 'none at all');
});

test('10: every command has one answer', () => {
  const world = halfway();
  const id = world.command('pause');
  const answer = { at: world.now, verb: 'pause' as const, result: { kind: 'done' as const, message: 'x' } };
  const answered = (draft: Draft) => {
    draft.state.commandsDone[id] = { ...answer };
  };
  assert.equal(
    judged(world, () => undefined),
    `E_INVARIANT_10: command ${id} (pause) would get no answer`,
  );
  assert.equal(judged(world, answered), 'fine');
  const before = { ...world.state, commandsDone: { [id]: answer } };
  assert.equal(
    judged(world, () => undefined, before),
    'fine',
    'it keeps its answer',
  );
  assert.equal(
    judged(world, answered, before),
    `E_INVARIANT_10: command ${id} (pause) would be carried out a second time`,
  );
});
