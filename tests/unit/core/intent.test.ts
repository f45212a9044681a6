/** What should be true now: how many of each version, and where requests go, in every phase of a release. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyStable } from '../../../src/core/decide/empty-stable.ts';
import { decide } from '../../../src/core/decide/index.ts';
import { intentOf } from '../../../src/core/decide/intent.ts';
import { copyOf, isEqual } from '../../../src/core/json.ts';
import type { Counts, Release, Stage } from '../../../src/core/model.ts';
import type { Strategy } from '../../../src/spec/app.ts';
import { specOf, type World } from '../../simulation/world.ts';
import { CANARY, draftOf, halfway, ROLLING, started } from './support.ts';

const NONE: Counts = { requests: 0, ok: 0, failed: 0, split: 0, probes: 0 };

/** Counts by pool, and the route in a few words. */
function wanted(world: World): {
  counts: Record<string, number>;
  route: string;
  wakesIn: number | undefined;
} {
  const draft = draftOf(world);
  const { counts, route } = intentOf(draft);
  const shares =
    route?.split.kind === 'weights'
      ? route.split.to.map(({ key, weight }) => `${weight / 100}% ${key}`).join(', ')
      : route?.split.to.map((pool) => `per replica ${pool}`).join(', ');
  const closed = route === undefined || route.admit.kind === 'open' ? '' : ` ${route.admit.kind}`;
  return {
    counts: Object.fromEntries(counts),
    route: `${shares ?? 'none'}${closed}`,
    wakesIn: draft.wakeAt === undefined ? undefined : draft.wakeAt - world.now,
  };
}

function changed(world: World, change: (release: Release) => void): World {
  change(world.state.release ?? assert.fail('no release'));
  return world;
}

test('at rest all is stable', () => {
  const { counts, route } = wanted(started());
  assert.deepEqual([counts, route], [{ '1-1': 3 }, '100% 1-1']);
});

test('what is warm stays whole, what is retired goes, and a deleted App wants nothing', () => {
  const world = started();
  world.state.warm = [{ pool: '7-7', until: 0 }];
  world.state.retiring = ['8-8'];
  assert.deepEqual(wanted(world).counts, { '8-8': 0, '7-7': 3, '1-1': 3 });
  world.state.deleting = { since: 0 };
  world.state.warm = [];
  world.state.retiring = ['1-1'];
  const { counts, route } = wanted(world);
  assert.deepEqual([counts, route], [{ '1-1': 0 }, 'none']);
});

test('before anything is stable nothing is wanted by itself', () => {
  const world = started();
  delete world.state.stable;
  const { counts, route } = wanted(world);
  assert.deepEqual([counts, route], [{}, 'none']);
});

test('a stage grows before its route, and shrinks after it', () => {
  const at = (stage: number, routedStage: number, routed: boolean) =>
    wanted(
      changed(halfway(), (release) => {
        release.phase = { kind: 'advancing', stage, since: 0, fullSpeed: false };
        release.routedStage = routedStage;
        release.record = [{ name: 'x', startedAt: 0, ...(routed ? { routedAt: 0 } : {}) }];
      }),
    );
  const of = ({ counts, route }: ReturnType<typeof wanted>) => [counts['1-1'], counts['2-2'], route];
  assert.deepEqual(of(at(0, -1, false)), [3, 1, '100% 1-1']);
  assert.deepEqual(of(at(0, 0, true)), [3, 1, '80% 1-1, 20% 2-2']);
  assert.deepEqual(of(at(1, 0, false)), [3, 3, '80% 1-1, 20% 2-2']);
  assert.deepEqual(of(at(1, 1, true)), [3, 3, '100% 2-2']);
  assert.deepEqual(of(at(2, 1, false)), [3, 3, '100% 2-2'], 'stable is there until everything is elsewhere');
  assert.deepEqual(of(at(2, 2, true)), [0, 3, '100% 2-2']);
});

test('a candidate that has more replicas than its first stage wants keeps them until it is routed', () => {
  const world = halfway();
  const [candidate] = world.replicas.filter(({ pool }) => pool === '2-2');
  assert.ok(candidate);
  world.replicas.push({ ...candidate, id: '2-2-2' }, { ...candidate, id: '2-2-3' });
  const early = changed(world, (release) => {
    release.routedStage = -1;
    release.record = [{ name: 'x', startedAt: 0 }];
  });
  assert.equal(wanted(early).counts['2-2'], 3);
});

/** In mid-roll: one of the new ones has users since so long ago, and answered like this. */
function rolling(
  agoMs: number,
  counts: Partial<Counts> | undefined,
  change: (release: Release) => void = () => undefined,
) {
  const world = started(ROLLING, { replicas: 8 });
  world.apply('v2');
  const count = (pool: string) => world.table?.members[pool]?.length ?? 0;
  world.runUntil(() => count('2-2') > 0 && count('1-1') > 0);
  world.counts = counts === undefined ? {} : { '2-2': { ...NONE, ...counts } };
  changed(world, (release) => {
    release.cutover = { routeAt: world.now - agoMs };
    change(release);
  });
  const before = ['1-1', '2-2'].map((pool) => draftOf(world).standing(pool).length);
  const { counts: after, route, wakesIn } = wanted(world);
  const goesOn = after['1-1'] !== before[0] || after['2-2'] !== before[1];
  return { goesOn, route, wakesIn };
}

test('a roll goes on when the first new ones have answered somebody well, or when nobody asks', () => {
  assert.equal(rolling(0, { requests: 1, ok: 1 }).goesOn, true);
  const waits = rolling(0, { requests: 1 });
  assert.deepEqual([waits.goesOn, waits.wakesIn], [false, 1000]);
  assert.equal(rolling(999, undefined).goesOn, false);
  assert.equal(rolling(1000, undefined).goesOn, true, 'there are no users');
  assert.equal(rolling(1000, { requests: 0 }).goesOn, true);
  assert.equal(rolling(1000, { requests: 1 }).goesOn, false, 'they were asked and did not answer well');
  assert.equal(rolling(0, { requests: 1 }, (release) => delete release.cutover).goesOn, true);
  assert.equal(rolling(0, undefined).route, 'per replica 1-1, per replica 2-2');
});

test('a pause by hand keeps a roll as it is', () => {
  const paused = rolling(0, { requests: 1, ok: 1 }, (release) => {
    release.pausedBy = 'ann';
  });
  assert.equal(paused.goesOn, false);
});

function goesBack(world: World, agoMs: number, change: (release: Release) => void = () => undefined) {
  return wanted(
    changed(world, (release) => {
      release.phase = {
        kind: 'aborting',
        stage: release.routedStage,
        since: world.now - agoMs,
        why: { code: 'E_ABORTED', message: '' },
      };
      change(release);
    }),
  );
}

test('going back gives stable everything, and keeps the candidate until users are back', () => {
  const { counts, route } = goesBack(halfway(), 0);
  assert.deepEqual([counts, route], [{ '1-1': 3, '2-2': 1 }, '100% 1-1']);
  const short = halfway();
  for (const replica of short.replicas.slice(0, 1)) replica.ready = false;
  assert.equal(goesBack(short, 0).route, '80% 1-1, 20% 2-2', 'it has not the room yet');
  assert.equal(
    goesBack(short, 0, (release) => {
      release.phase = { ...release.phase, stage: 0 } as Release['phase'];
      release.routedStage = -1;
    }).route,
    '80% 1-1, 20% 2-2',
    'what is routed now stays',
  );
});

test('a first release that is given up takes its route with it', () => {
  const { counts, route } = goesBack(halfway(), 0, (release) => {
    delete release.arms.stable;
  });
  assert.deepEqual([counts, route], [{ '2-2': 0 }, 'none']);
});

test('a roll is turned round by the same arithmetic', () => {
  const world = started(ROLLING);
  world.apply('v2');
  world.runUntil((w) => w.replicas.some(({ pool, ready }) => pool === '2-2' && ready));
  assert.equal(goesBack(world, 0).route, 'per replica 1-1, per replica 2-2');
  world.replicas = world.replicas.filter(({ pool }) => pool !== '2-2');
  const { route, counts } = goesBack(world, 0);
  assert.deepEqual([route, counts['2-2']], ['100% 1-1', 0]);
});

test('recreate is turned round: the candidate goes, then stable starts, then users come back', () => {
  for (const [strategy, closed] of [
    [{ kind: 'recreate' }, 'refuse'],
    [{ kind: 'recreate', hold: { maxRequests: 9, maxMs: 9 } }, 'hold'],
  ] as const) {
    const world = started(strategy);
    world.apply('v2');
    world.runUntil((w) => w.replicas.some(({ pool }) => pool === '2-2'));
    const going = goesBack(world, 0);
    assert.deepEqual([going.counts, going.route], [{ '2-2': 0, '1-1': 0 }, `100% 1-1 ${closed}`]);
    world.replicas = [];
    const gone = goesBack(world, 0);
    assert.deepEqual([gone.counts, gone.route], [{ '2-2': 0, '1-1': 3 }, `100% 1-1 ${closed}`]);
    world.replicas = started().replicas;
    assert.equal(goesBack(world, 0).route, '100% 1-1');
  }
});

test('a stage that gives a share to a stable of which nobody is ready says so, and why', () => {
  const world = halfway();
  const stage = world.state.release?.stages[0] ?? assert.fail('no stage');
  const stable = world.replicas
    .filter(({ pool }) => pool === '1-1')
    .map((replica) => ({ ...replica, ready: false }));
  const gives = 'gives 80% of the requests to the stable revision 7, which has no ready replica';
  const way =
    '. Bring it back, or abort and release with the strategy rolling or recreate, which do not need it';
  const probe = (ok: boolean) => ({ at: 0, ok, detail: 'answered 503' });
  const says = (change: (replica: (typeof stable)[number]) => void, at = 1) =>
    emptyStable(
      stage,
      stable.map((replica, n) => {
        const own = { ...replica };
        if (n === at) change(own);
        return own;
      }),
      7,
    );
  assert.equal(
    says(() => undefined),
    `${gives}${way}`,
  );
  assert.equal(
    says((replica) => Object.assign(replica, { lastProbe: probe(false) })),
    `${gives} (replica 1-1-2: answered 503)${way}`,
  );
  assert.equal(
    says((replica) => Object.assign(replica, { lastProbe: probe(true) })),
    `${gives}${way}`,
  );
  assert.equal(
    says((replica) =>
      Object.assign(replica, { failure: { code: 'E_X', message: 'no port' }, lastProbe: probe(false) }),
    ),
    `${gives} (replica 1-1-2: no port)${way}`,
  );
  assert.equal(
    says((replica) => Object.assign(replica, { ready: true })),
    undefined,
  );
  assert.equal(emptyStable(stage, [], 7), `${gives}${way}`);
  const whole: Stage = {
    ...stage,
    route: { ...stage.route, split: { kind: 'weights', to: [{ key: 'candidate', weight: 10_000 }] } },
  };
  assert.equal(emptyStable(whole, [], 7), undefined);
  const roll: Stage = {
    ...stage,
    route: { ...stage.route, split: { kind: 'perReadyReplica', to: ['stable'] } },
  };
  assert.equal(emptyStable(roll, [], 7), undefined);
});

test('nothing is decided of an App that cannot be seen', () => {
  const world = halfway();
  const unseen = { kind: 'unknown' as const, since: 0, why: 'locked' };
  const decision = decide(world.state, { ...world.observed(), app: unseen }, world.now);
  assert.deepEqual(decision, { next: world.state, events: [], actions: [] });
});

test('a decision that changes nothing is no new version; one that does is the next', () => {
  const world = started();
  const same = decide(world.state, world.observed(), world.now);
  assert.deepEqual([same.next, same.actions, same.events], [world.state, [], []]);
  assert.equal(same.next, world.state);
  world.apply('v2');
  const next = decide(world.state, world.observed(), world.now);
  assert.equal(next.next.version, world.state.version + 1);
});

test('a frozen release is left as it is, but for what operators say and for being deleted', () => {
  const world = halfway();
  const frozen = { code: 'E_INVARIANT_1', message: '' };
  world.state.frozen = frozen;
  world.replicas = [];
  const left = decide(world.state, world.observed(), world.now);
  assert.deepEqual([left.actions, left.next.frozen], [[], frozen]);
  world.apply('v3');
  assert.equal(decide(world.state, world.observed(), world.now).next.queued, undefined);
  world.object = { ...world.object, deleting: true };
  const deleted = decide(world.state, world.observed(), world.now);
  assert.equal(deleted.next.frozen, undefined);
  assert.ok(deleted.next.deleting);
});

test('without replicas to see, nothing is moved', () => {
  const world = halfway();
  world.command('promote');
  const unseen = { kind: 'unknown' as const, since: 0, why: 'gone' };
  const { next, actions } = decide(world.state, { ...world.observed(), replicas: unseen }, world.now);
  assert.deepEqual(actions, []);
  assert.equal(next.release?.phase.kind === 'advancing' && next.release.phase.stage, 0);
});

test('two JSON values are equal when they say the same', () => {
  const same: [unknown, unknown][] = [
    [1, 1],
    [null, null],
    [
      { a: 1, b: [1, { c: 2 }] },
      { b: [1, { c: 2 }], a: 1 },
    ],
    [{ a: undefined }, {}],
    [{}, { a: undefined }],
    [[], []],
  ];
  const other: [unknown, unknown][] = [
    [1, 2],
    [1, '1'],
    [null, {}],
    [{}, null],
    [undefined, null],
    [[], {}],
    [{}, []],
    [[1], [1, 2]],
    [[1, 2], [1]],
    [
      [1, 2],
      [2, 1],
    ],
    [{ a: 1 }, {}],
    [{}, { a: 1 }],
    [{ a: { b: 1 } }, { a: { b: 2 } }],
    [{ a: null }, {}],
    [{}, { a: null }],
    ['x', { 0: 'x' }],
  ];
  for (const [a, b] of same) assert.equal(isEqual(a, b), true, JSON.stringify([a, b]));
  for (const [a, b] of other) assert.equal(isEqual(a, b), false, JSON.stringify([a, b]));
});

test('a copy of a JSON value says the same, and may be changed', () => {
  const value = { a: [1, { b: null }], c: 'x', d: true };
  const copy = copyOf(value);
  assert.deepEqual(copy, value);
  assert.ok(Array.isArray(copy.a));
  assert.notEqual(copy, value);
  assert.notEqual(copy.a, value.a);
  assert.notEqual(copy.a[1], value.a[1]);
});

test('an App scaled to nothing and aborted is not waited for', () => {
  const world = halfway();
  world.object = { ...world.object, spec: specOf(CANARY as Strategy, { replicas: 0 }) };
  assert.equal(goesBack(world, 0).route, '100% 1-1');
});
