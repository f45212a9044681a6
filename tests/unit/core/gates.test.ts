/** When a stage may be left: what its gates wait for, and for how long. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Draft } from '../../../src/core/decide/draft.ts';
import { passGates } from '../../../src/core/decide/gates.ts';
import type { Counts, Gate, GateState, Observed, Release, RouterView } from '../../../src/core/model.ts';
import type { Strategy } from '../../../src/spec/app.ts';
import { specOf, type World } from '../../simulation/world.ts';
import { CANARY, draftOf, halfway, started } from './support.ts';

const NONE: Counts = { requests: 0, ok: 0, failed: 0, split: 0, probes: 0 };

interface At {
  gates: Gate[];
  states?: GateState[];
  change?: (world: World, release: Release) => void;
  seen?: (world: World) => Partial<Observed>;
  strategy?: Strategy;
}

/** The gates of the stage that is under way, looked at once. */
function look({ gates, states = [], change, seen, strategy = CANARY }: At): {
  passed: boolean;
  draft: Draft;
  states: GateState[];
  world: World;
} {
  const world = halfway(strategy);
  const release = world.state.release ?? assert.fail('no release');
  const [stage, ...rest] = release.stages;
  assert.ok(stage);
  release.stages = [{ ...stage, gates }, ...rest];
  release.gates = states;
  change?.(world, release);
  const draft = draftOf(world, seen?.(world));
  const passed = passGates(draft);
  return { passed, draft, states: draft.state.release?.gates ?? [], world };
}

const said = ({ events }: Draft) => events.map(({ reason, message }) => `${reason}: ${message}`);

test('gates are passed in their order, each waited for', () => {
  const { passed, states, world } = look({
    gates: [{ kind: 'ready' }, { kind: 'pause' }, { kind: 'ready' }],
  });
  assert.equal(passed, false);
  const why = 'paused until `crossfade rollout promote`';
  assert.deepEqual(states, [
    { kind: 'passed', at: world.now },
    { kind: 'waiting', since: world.now, why },
  ]);
  assert.equal(look({ gates: [{ kind: 'ready' }] }).passed, true);
  assert.equal(look({ gates: [] }).passed, true);
});

test('what was passed stays as it was passed, and only passing is progress', () => {
  const before: GateState = { kind: 'passed', at: 5, by: 'me' };
  const change = (_: World, release: Release) => {
    release.progressAt = 1;
  };
  const kept = look({ gates: [{ kind: 'pause' }], states: [before], change });
  assert.deepEqual([kept.passed, kept.states], [true, [before]]);
  assert.equal(kept.draft.state.release?.progressAt, 1);
  const fresh = look({ gates: [{ kind: 'ready' }], change });
  assert.equal(fresh.draft.state.release?.progressAt, fresh.world.now);
});

test('a pause for a time ends by itself, exactly then', () => {
  const gates: Gate[] = [{ kind: 'pause', durationMs: 2500 }];
  const first = look({ gates });
  assert.deepEqual(first.states, [{ kind: 'waiting', since: first.world.now, why: 'paused for 2.5 s' }]);
  assert.equal(first.draft.wakeAt, first.world.now + 2500);
  const since = (ago: number): GateState[] => [{ kind: 'waiting', since: first.world.now - ago, why: '' }];
  assert.equal(look({ gates, states: since(2499) }).passed, false);
  const over = look({ gates, states: since(2500) });
  assert.deepEqual([over.passed, over.states], [true, [{ kind: 'passed', at: over.world.now }]]);
});

test('who waits goes on waiting since the moment it began', () => {
  const waiting: GateState = { kind: 'waiting', since: 7, why: 'before' };
  const { states } = look({ gates: [{ kind: 'pause' }], states: [waiting] });
  assert.equal(states[0]?.kind === 'waiting' && states[0].since, 7);
});

test('promote --full passes pauses, and never an approval', () => {
  const change = (_: World, release: Release) => {
    if (release.phase.kind === 'advancing') release.phase.fullSpeed = true;
  };
  const { states, world } = look({ gates: [{ kind: 'pause' }, { kind: 'approval' }], change });
  assert.deepEqual(states, [
    { kind: 'passed', at: world.now, by: 'promote --full' },
    { kind: 'waiting', since: world.now, why: 'waits for approval: `crossfade rollout promote`' },
  ]);
  const own = look({ gates: [{ kind: 'approval', message: 'look' }], change });
  assert.equal(own.states[0]?.kind === 'waiting' && own.states[0].why, 'look');
});

test('an abort passes nothing', () => {
  const change = (_: World, release: Release) => {
    release.phase = { kind: 'aborting', stage: 0, since: 0, why: { code: 'E_ABORTED', message: '' } };
  };
  assert.equal(look({ gates: [{ kind: 'ready' }], change }).passed, false);
});

const VERIFY: Gate = { kind: 'verify', minRequests: 100, onNoTraffic: 'probe' };
const HOLD: Gate = { ...VERIFY, onNoTraffic: 'hold' };

/** Measuring since then, at nothing. */
function measuring(more: Partial<Extract<GateState, { kind: 'measuring' }>> = {}): GateState {
  return { kind: 'measuring', since: 1_000_000, epoch: 'e1', base: {}, probesAsked: 0, ...more };
}

/** Users' requests that the split decided, all answered well where nothing else is said. */
function counted(
  stable: Partial<Counts> & { split: number },
  candidate: Partial<Counts> & { split: number },
) {
  return (world: World) => {
    world.counts = {
      '1-1': { ...NONE, ok: stable.split, ...stable },
      '2-2': { ...NONE, ok: candidate.split, ...candidate },
    };
  };
}

test('a split that agrees over enough requests is passed, with what was measured', () => {
  const { passed, states, draft, world } = look({
    gates: [VERIFY],
    states: [measuring()],
    change: counted({ split: 80 }, { split: 20 }),
  });
  const note = 'measured over 100 requests: revision 1 80%, revision 2 20%';
  assert.deepEqual([passed, states], [true, [{ kind: 'passed', at: world.now, note }]]);
  assert.deepEqual(said(draft), [`SplitVerified: ${note}`]);
  assert.equal(draft.events[0]?.type, 'Normal');
});

test('a version that answered nothing since the measurement began is not told of', () => {
  const base = { '9-9': { ...NONE, split: 7 } };
  const { draft } = look({
    gates: [VERIFY],
    states: [measuring({ base })],
    change: (world) => {
      counted({ split: 80 }, { split: 20 })(world);
      world.counts['9-9'] = { ...NONE, split: 7 };
    },
  });
  assert.deepEqual(said(draft), [
    'SplitVerified: measured over 100 requests: revision 1 80%, revision 2 20%',
  ]);
});

test('a candidate that is asked nothing need not answer', () => {
  const { passed } = look({
    gates: [VERIFY],
    states: [measuring()],
    change: (world) => {
      const table = structuredClone(world.state.table ?? assert.fail('no table'));
      table.route.split = { kind: 'weights', to: [{ key: '1-1', weight: 10_000 }] };
      world.state.table = table;
      world.counts = { '1-1': { ...NONE, split: 100, ok: 100 } };
    },
  });
  assert.equal(passed, true);
});

test('without a release there are no gates to pass', () => {
  assert.equal(passGates(draftOf(started())), false);
});

test('one request too few is no measurement: it goes on waiting', () => {
  const { passed, states } = look({
    gates: [VERIFY],
    states: [measuring({ since: 1_999_000 })],
    change: counted({ split: 79 }, { split: 20 }),
  });
  assert.deepEqual([passed, states[0]?.kind], [false, 'measuring']);
});

test('counts from before the measurement are not counted', () => {
  const base = { '1-1': { ...NONE, split: 900 }, '2-2': { ...NONE, split: 5 } };
  const { passed } = look({
    gates: [VERIFY],
    states: [measuring({ base })],
    change: counted({ split: 980 }, { split: 25 }),
  });
  assert.equal(passed, true);
});

test('a split that does not agree is told once, and measured anew', () => {
  const change = counted({ split: 100 }, { split: 10 });
  const first = look({ gates: [VERIFY], states: [measuring()], change });
  const [state] = first.states;
  assert.ok(state?.kind === 'measuring');
  assert.deepEqual(
    [state.since, state.mismatch?.code, state.base],
    [first.world.now, 'E_SPLIT_MISMATCH', first.world.counts],
  );
  assert.deepEqual(
    first.draft.events.map(({ type, reason }) => [type, reason]),
    [['Warning', 'SplitMismatch']],
  );
  assert.equal(first.draft.wakeAt, first.world.now + 1000);
  const mismatch = { code: 'E_SPLIT_MISMATCH', message: 'before' };
  const again = look({ gates: [VERIFY], states: [measuring({ mismatch })], change });
  assert.deepEqual(again.draft.events, []);
});

test('each worker of the router may be off by one request, and one more where answers are counted', () => {
  const agrees = (candidate: number, seen: Partial<RouterView>) =>
    look({
      gates: [VERIFY],
      states: [measuring()],
      change: counted({ split: 100 - candidate }, { split: candidate }),
      seen: (world) => {
        const { router } = world.observed();
        assert.ok(router.kind === 'known');
        return { router: { ...router, value: { ...router.value, ...seen } } };
      },
    }).passed;
  assert.equal(agrees(21, {}), true);
  assert.equal(agrees(22, {}), false);
  assert.equal(agrees(22, { workers: 2 }), true);
  assert.equal(agrees(23, { workers: 2 }), false);
  assert.equal(agrees(22, { countsAnswers: true }), true);
  assert.equal(agrees(23, { countsAnswers: true }), false);
  assert.equal(agrees(30, { byChance: true }), true);
  assert.equal(agrees(60, { byChance: true }), false);
  assert.equal(agrees(30, { shares: { '1-1': 0.7, '2-2': 0.3 } }), true);
});

test('a measurement begins where counts can be seen, and begins anew when they do', () => {
  const begun = look({ gates: [VERIFY] });
  assert.deepEqual(begun.states, [measuring({ since: begun.world.now, base: begun.world.counts })]);
  assert.equal(begun.draft.wakeAt, begun.world.now + 1000);
  const mismatch = { code: 'E_SPLIT_MISMATCH', message: 'before' };
  const anew = look({ gates: [VERIFY], states: [measuring({ epoch: 'e0', mismatch })] });
  assert.deepEqual(anew.states, [measuring({ since: anew.world.now, base: anew.world.counts, mismatch })]);
  const fine = look({ gates: [VERIFY], states: [measuring({ epoch: 'e0' })] });
  assert.deepEqual(fine.states, [measuring({ since: fine.world.now, base: fine.world.counts })]);
  const unknown = { kind: 'unknown' as const, since: 0, why: 'it does not answer' };
  for (const half of [{ router: unknown }, { measured: unknown }])
    assert.equal(
      look({ gates: [VERIFY], states: [measuring()], seen: () => half }).states[0]?.kind,
      'waiting',
    );
  const lost = look({
    gates: [VERIFY],
    states: [measuring()],
    change: (world) => {
      world.router = 'lost';
    },
  });
  assert.equal(
    lost.states[0]?.kind === 'waiting' && lost.states[0].why,
    'the router cannot be seen: nothing is measured',
  );
  const without = look({ gates: [VERIFY], change: (world) => delete world.state.table });
  assert.equal(without.states[0]?.kind, 'waiting');
});

test('with no replicas there is nobody to measure', () => {
  const { passed, states, world } = look({
    gates: [VERIFY],
    change: (w) => {
      w.object = { ...w.object, spec: specOf(CANARY, { replicas: 0 }) };
    },
  });
  const note = 'replicas is 0: nobody is served, nothing to measure';
  assert.deepEqual([passed, states], [true, [{ kind: 'passed', at: world.now, note }]]);
});

test('a candidate that got its share and answered nobody well waits, and is given up after twenty failures', () => {
  const bad = (failed: number, more: Partial<Counts> = {}) =>
    look({
      gates: [VERIFY],
      states: [measuring()],
      change: counted({ split: 80 }, { split: 20, ok: 0, failed, ...more }),
    });
  const waits = bad(19);
  assert.deepEqual([waits.passed, waits.states[0]?.kind], [false, 'measuring']);
  assert.equal(waits.draft.state.release?.phase.kind, 'advancing');
  const phase = bad(20).draft.state.release?.phase;
  assert.equal(
    phase?.kind === 'aborting' && `${phase.why.code}: ${phase.why.message}`,
    'E_NO_SUCCESS: revision 2 answered none of 20 requests well since its share was measured',
  );
  assert.equal(bad(10, { probesFailed: 10 }).draft.state.release?.phase.kind, 'aborting');
  assert.equal(bad(20, { ok: 1 }).passed, true);
  assert.equal(bad(20, { probesOk: 1 }).passed, true, 'a marked one was answered well');
  assert.equal(bad(20, { ok: 1, probesOk: 1 }).passed, true, 'and one of a user');
});

/** Marked requests that are asked for. */
const probes = ({ actions }: Draft) =>
  actions.map((action) => (action.kind === 'probe' ? action.requests : action.kind));

test('where users are few, as many marked requests as are missing are sent, once a second has passed', () => {
  const few = (agoMs: number, more: Partial<At> = {}) =>
    look({
      gates: [VERIFY],
      change: (world, release) => {
        counted({ split: 24 }, { split: 6 })(world);
        release.gates = [measuring({ since: world.now - agoMs })];
      },
      ...more,
    });
  assert.deepEqual(probes(few(999).draft), []);
  assert.equal(few(999).draft.wakeAt, few(999).world.now + 1000);
  const { draft, states, world } = few(1000);
  assert.deepEqual(
    draft.actions.map(({ stateVersion: _, ...action }) => action),
    [{ key: `probe:2:${world.now - 1000}:0`, kind: 'probe', requests: 70, generation: 2 }],
  );
  assert.deepEqual(states, [
    measuring({ since: world.now - 1000, probesAsked: 70, probesAskedAt: world.now }),
  ]);
  assert.deepEqual(probes(few(1000, { gates: [HOLD] }).draft), [], 'it waits for users');
  assert.deepEqual(
    probes(few(1000, { gates: [{ ...VERIFY, minRequests: 9000 }] }).draft),
    [2000],
    'no load test',
  );
});

test('no marked requests are sent beside others that are under way, or sooner than a second after them', () => {
  const asked = (key: string | undefined, probesAskedAgo: number) =>
    probes(
      look({
        gates: [VERIFY],
        change: (world, release) => {
          release.gates = [measuring({ probesAsked: 5, probesAskedAt: world.now - probesAskedAgo })];
          world.counts = {};
          if (key !== undefined)
            world.state.pending[key] = { key, stateVersion: 1, kind: 'probe', requests: 1, generation: 1 };
        },
      }).draft,
    );
  assert.deepEqual(asked(undefined, 1000), [100]);
  assert.deepEqual(asked(undefined, 999), []);
  assert.deepEqual(asked('probe:2:5:0', 1000), []);
  assert.deepEqual(asked('probe:1:5:0', 1000), [100], 'those of a route before are no reason');
});

const STICKY = { ...CANARY, sticky: { kind: 'header', name: 'x-user' } } as Strategy;

test('sticky users bring many requests each: only marked ones are counted, and sent at once', () => {
  const at = (counts: (world: World) => void, gate: Gate = VERIFY, more: object = {}) =>
    look({
      strategy: STICKY,
      gates: [gate],
      change: (world, release) => {
        counts(world);
        release.gates = [measuring({ since: world.now, ...more })];
      },
    });
  const users = counted({ split: 800 }, { split: 200 });
  const few = counted({ split: 70 }, { split: 29 });
  const marked = counted({ split: 1, probes: 80 }, { split: 1, probes: 20 });
  assert.deepEqual(probes(at(users).draft), [100]);
  assert.equal(at(marked).passed, true);
  assert.deepEqual(probes(at(users, HOLD).draft), [100], 'there are users');
  assert.deepEqual(probes(at(few, HOLD).draft), [], 'too few of them');
  assert.deepEqual(probes(at(counted({ split: 70 }, { split: 30 }), HOLD).draft), [100], 'just enough');
  assert.deepEqual(probes(at(users, VERIFY, { probesAskedAt: Number.MAX_SAFE_INTEGER }).draft), []);
});
