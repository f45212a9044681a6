/** What should be true now: how many of each version, and where requests go, in every phase of a release. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { intentOf } from '../../../src/core/decide/intent.ts';
import type { Counts, Release } from '../../../src/core/model.ts';
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

test('scaled down before its first stage is routed, a release shrinks stable at once', () => {
  const world = changed(halfway(), (release) => {
    release.routedStage = -1;
    release.record = [{ name: 'canary 20%', startedAt: 0 }];
  });
  world.object = { ...world.object, spec: specOf(CANARY, { replicas: 2 }) };
  assert.equal(wanted(world).counts['1-1'], 2);
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

test('before anything was routed, going back waits with all on stable', () => {
  const short = halfway();
  for (const replica of short.replicas.slice(0, 1)) replica.ready = false;
  delete short.state.table;
  const { route } = goesBack(short, 0, (release) => {
    release.phase = { ...release.phase, stage: 0 } as Release['phase'];
    release.routedStage = -1;
  });
  assert.equal(route, '100% 1-1');
});

test('a route that names a version which its release does not have is a broken state', () => {
  const world = changed(halfway(), ({ arms }) => delete arms.candidate);
  assert.throws(() => wanted(world), { message: 'route names candidate, which this release does not have' });
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

test('recreate starts nobody while an old replica is there, also one that turned up after the stop', () => {
  const world = started({ kind: 'recreate' });
  const [late] = world.replicas;
  world.apply('v2');
  world.runUntil((w) => w.state.release?.phase.kind === 'advancing' && w.state.release.phase.stage === 2);
  const counts = (replicas: World['replicas']) => {
    world.replicas = replicas;
    return Object.fromEntries(intentOf(draftOf(world)).counts);
  };
  assert.deepEqual(counts([]), { '1-1': 0, '2-2': 3 });
  assert.ok(late);
  assert.deepEqual(counts([late]), { '1-1': 0, '2-2': 0 });
  assert.deepEqual(counts([{ ...late, phase: 'stopping' }]), { '1-1': 0, '2-2': 0 });
  const young = { ...late, id: '2-2-1', pool: '2-2' };
  assert.deepEqual(counts([late, young]), { '1-1': 0, '2-2': 1 }, 'who is there already is left');
  const { release } = world.state;
  assert.ok(release?.phase.kind === 'advancing');
  release.phase.stage = 1;
  release.record = [];
  assert.equal(counts([late, young])['2-2'], 0, 'the warm ones of an undo go with the old ones');
});

test('an App scaled to nothing and aborted is not waited for', () => {
  const world = halfway();
  world.object = { ...world.object, spec: specOf(CANARY as Strategy, { replicas: 0 }) };
  assert.equal(goesBack(world, 0).route, '100% 1-1');
});

/** Replicas of both pools in mid-roll: how many stand and are ready, and what the roll wants of each. */
function rolled(strategy: Strategy, replicas: number, old: [number, number], young: [number, number]) {
  const world = started(strategy, { replicas });
  world.apply('v2');
  world.runUntil((w) => w.state.release?.routedStage === 0);
  delete world.state.release?.cutover;
  world.replicas = [['1-1', ...old] as const, ['2-2', ...young] as const].flatMap(([pool, count, ready]) =>
    Array.from({ length: count }, (_, n) => ({
      id: `${pool}-${n}`,
      pool,
      phase: 'running' as const,
      ready: n < ready,
      wasReady: true,
      readySince: 0,
      startedAt: n,
      restarts: 0,
    })),
  );
  const { counts } = intentOf(draftOf(world));
  return [counts.get('1-1'), counts.get('2-2')];
}

test('a roll goes by the arithmetic of Kubernetes', () => {
  const roll = (maxSurge: number, maxUnavailable: number): Strategy => ({
    kind: 'rolling',
    maxSurge,
    maxUnavailable,
  });
  const cases: [
    surge: number,
    unavailable: number,
    old: [number, number],
    young: [number, number],
    wants: number[],
  ][] = [
    [1, 0, [5, 5], [0, 0], [5, 1]],
    [1, 0, [5, 5], [1, 0], [5, 1]],
    [1, 0, [5, 5], [1, 1], [4, 1]],
    [1, 0, [4, 4], [1, 1], [4, 2]],
    [0, 1, [5, 5], [0, 0], [4, 0]],
    [0, 1, [4, 4], [0, 0], [4, 1]],
    [0, 1, [4, 4], [1, 0], [4, 1]],
    [0, 1, [4, 4], [1, 1], [3, 1]],
    [2, 1, [5, 5], [0, 0], [4, 2]],
    [2, 1, [4, 4], [2, 0], [4, 3]],
    [2, 1, [4, 4], [3, 3], [1, 3]],
    [1, 0, [5, 3], [0, 0], [5, 1]],
    [1, 0, [5, 3], [1, 1], [4, 1]],
    [1, 1, [5, 3], [1, 1], [3, 1]],
    [5, 0, [5, 5], [5, 5], [0, 5]],
    [5, 0, [1, 1], [7, 7], [0, 5]],
    [5, 5, [5, 0], [0, 0], [0, 5]],
  ];
  for (const [surge, unavailable, old, young, wants] of cases)
    assert.deepEqual(
      rolled(roll(surge, unavailable), 5, old, young),
      wants,
      `surge ${surge}, unavailable ${unavailable}: old ${old}, young ${young}`,
    );
});
