/** One step of a release: what it waits for, what it notes, and when it is given up for not moving. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beginAbort } from '../../../src/core/decide/abort.ts';
import { advance, noteFacts } from '../../../src/core/decide/advance.ts';
import type { Draft } from '../../../src/core/decide/draft.ts';
import type { Counts, Observed, Release, Replica, RouterView } from '../../../src/core/model.ts';
import type { Strategy } from '../../../src/spec/app.ts';
import { specOf, type World } from '../../simulation/world.ts';
import { CANARY, draftOf, halfway, ROLLING, releaseOf, said, started, withTable } from './support.ts';

const WHY = { code: 'E_ABORTED', message: 'looks wrong' };
const NONE: Counts = { requests: 0, ok: 0, failed: 0, split: 0, probes: 0 };
const passed = { kind: 'passed' as const, at: 0, by: 'ann', note: 'x' };

interface At {
  world?: World;
  change?: (release: Release, world: World) => void;
  seen?: Partial<RouterView>;
  observed?: Partial<Observed>;
  draft?: (draft: Draft) => void;
}

const UNKNOWN = { kind: 'unknown' as const, since: 0, why: 'it does not answer' };

/** A release that has made no progress yet that counts, just now; one step of it. */
function step({ world = halfway(), change, seen, observed = {}, draft: prepare }: At = {}): {
  moved: boolean;
  draft: Draft;
} {
  const release = world.state.release ?? assert.fail('no release');
  release.progressAt = world.now;
  change?.(release, world);
  const { router } = world.observed();
  assert.ok(router.kind === 'known');
  const draft = draftOf(world, { router: { ...router, value: { ...router.value, ...seen } }, ...observed });
  draft.tableIsCurrent = true;
  prepare?.(draft);
  return { moved: advance(draft), draft };
}

const goesOn = (release: Release) => {
  release.gates = [passed, passed];
};

test('when all gates have passed, the next stage begins, and what was left is noted', () => {
  const world = halfway();
  world.counts = { '1-1': { ...NONE, split: 300, probes: 4 }, '2-2': { ...NONE, split: 95, probes: 1 } };
  const base = { epoch: 'e1', perPool: { '1-1': { ...NONE, split: 0 }, '2-2': { ...NONE, split: 0 } } };
  const { moved, draft } = step({
    world,
    change: (release) => {
      goesOn(release);
      const [record] = release.record;
      if (record) record.base = base;
    },
  });
  const { phase, gates, record } = releaseOf(draft);
  assert.equal(moved, true);
  assert.deepEqual(phase, { kind: 'advancing', stage: 1, since: world.now, fullSpeed: false });
  assert.deepEqual(gates, [{ kind: 'pending' }]);
  const [last, next] = record;
  assert.deepEqual([last?.endedAt, last?.requests, last?.measuredBp], [world.now, 400, 2400]);
  assert.deepEqual(next, { name: 'canary 100%', startedAt: world.now, askedBp: 10_000 });
  assert.deepEqual(said(draft), ['Normal Stage: "canary 100%" (2 of 3)']);
  assert.deepEqual(
    draft.left.map(({ name, states }) => [name, states]),
    [['canary 20%', [passed, passed]]],
  );
});

test('what was measured is noted only of one life of the router, and a share only of requests', () => {
  const noted = (counts: Record<string, Counts>, epoch: string | undefined) => {
    const world = halfway();
    world.counts = counts;
    const { draft } = step({
      world,
      change: (release) => {
        goesOn(release);
        const [record] = release.record;
        if (!record) return;
        if (epoch === undefined) delete record.base;
        else record.base = { epoch, perPool: {} };
      },
    });
    const [record] = releaseOf(draft).record;
    return [record?.requests, record?.measuredBp];
  };
  const counts = { '1-1': { ...NONE, split: 3 } };
  assert.deepEqual(noted(counts, 'e1'), [3, 0]);
  assert.deepEqual(noted({}, 'e1'), [0, undefined]);
  assert.deepEqual(noted(counts, 'e0'), [undefined, undefined]);
  assert.deepEqual(noted(counts, undefined), [undefined, undefined]);
});

test('a gate that waits, a pause by hand, a route that is not followed or not acknowledged: it stays', () => {
  const stays = (at: At) => {
    const { moved, draft } = step(at);
    assert.deepEqual(
      [moved, releaseOf(draft).phase.kind === 'advancing' && releaseOf(draft).record.length],
      [false, 1],
    );
  };
  stays({});
  stays({
    change: (release) => {
      goesOn(release);
      release.pausedBy = 'ann';
    },
  });
  const trouble = { code: 'E_ROUTE_REFUSED', message: '' };
  stays({ change: goesOn, seen: { trouble } });
  const asks = (release: Release) => {
    release.routedStage = -1;
  };
  assert.equal(step({ change: asks }).moved, true);
  stays({ change: asks, seen: { trouble } });
  stays({ change: goesOn, observed: { router: UNKNOWN } });
  stays({ change: goesOn, seen: { ackedGeneration: 1 } });
  stays({
    change: goesOn,
    draft: (draft) => {
      draft.tableIsCurrent = false;
    },
  });
});

test('nothing moves without a release', () => {
  assert.equal(advance(draftOf(started())), false);
});

test('a stage is not asked for while the router is not seen: the table would be made of those who are ready later', () => {
  const asked = (observed: Partial<Observed>) => {
    const { moved, draft } = step({
      change: (release) => {
        release.routedStage = -1;
      },
      observed,
    });
    return [moved, releaseOf(draft).routedStage];
  };
  assert.deepEqual(asked({}), [true, 0]);
  assert.deepEqual(asked({ router: UNKNOWN }), [false, -1]);
});

test('a stage is asked for once its replicas are there', () => {
  const asks = (change: (world: World) => void, strategy: Strategy = CANARY) => {
    const { moved, draft } = step({
      world: halfway(strategy),
      change: (release, world) => {
        release.routedStage = -1;
        change(world);
      },
    });
    return [moved, releaseOf(draft).routedStage];
  };
  assert.deepEqual(
    asks(() => undefined),
    [true, 0],
  );
  const nobody = (world: World) => {
    for (const replica of world.replicas) if (replica.pool === '2-2') replica.ready = false;
  };
  assert.deepEqual(asks(nobody), [false, -1]);
});

test('a roll is asked for at once, and settles when the new ones are there and the old ones gone', () => {
  const world = started(ROLLING);
  world.apply('v2');
  world.runUntil((w) => w.state.release?.routedStage === 0);
  const at = (old: number, young: number, ready = young) =>
    step({
      world,
      change: (release) => {
        release.record = [{ name: 'roll', startedAt: 0, routedAt: 0 }];
        release.gates = [passed, passed];
        const replica = (pool: string, n: number, isReady: boolean): Replica => ({
          id: `${pool}-${n}`,
          pool,
          phase: 'running',
          ready: isReady,
          wasReady: true,
          readySince: 0,
          startedAt: 0,
          restarts: 0,
        });
        world.replicas = [
          ...Array.from({ length: old }, (_, n) => replica('1-1', n, true)),
          ...Array.from({ length: young }, (_, n) => replica('2-2', n, n < ready)),
        ];
      },
    }).moved;
  assert.deepEqual([at(0, 3), at(1, 3), at(0, 3, 2), at(0, 2)], [true, false, false, false]);
});

test('the first moment that a stage is routed is noted and told, with the counts of then', () => {
  const world = halfway();
  const { moved, draft } = step({
    world,
    change: (release) => {
      release.record = [{ name: 'canary 20%', startedAt: 0 }];
      release.progressAt = 0;
    },
  });
  assert.equal(moved, true);
  const { record, progressAt } = releaseOf(draft);
  const base = { epoch: 'e1', perPool: world.counts };
  assert.deepEqual(record, [{ name: 'canary 20%', startedAt: 0, routedAt: world.now, base }]);
  assert.equal(progressAt, world.now);
  assert.deepEqual(said(draft), ['Normal StageRouted: "canary 20%" is routed and acknowledged']);
});

test('a worker has replicas instead of a route', () => {
  const world = halfway();
  world.object = { ...world.object, spec: structuredClone(world.object.spec) };
  delete world.object.spec.spec.route;
  const { draft } = step({
    world,
    change: (release) => {
      release.record = [{ name: 'canary 20%', startedAt: 0 }];
    },
    observed: { router: UNKNOWN, measured: UNKNOWN },
  });
  assert.deepEqual(said(draft), ['Normal StageRouted: "canary 20%" has its replicas']);
  assert.deepEqual(releaseOf(draft).record, [{ name: 'canary 20%', startedAt: 0, routedAt: world.now }]);
});

test('a candidate that got its share and answered nobody well is given up in the same decision', () => {
  const { moved, draft } = step({
    change: (release, world) => {
      const [stage, ...rest] = release.stages;
      assert.ok(stage);
      const verify = { kind: 'verify' as const, minRequests: 100, onNoTraffic: 'probe' as const };
      release.stages = [{ ...stage, gates: [verify] }, ...rest];
      release.gates = [{ kind: 'measuring', since: 0, epoch: 'e1', base: {}, probesAsked: 0 }];
      world.counts = { '1-1': { ...NONE, split: 80, ok: 80 }, '2-2': { ...NONE, split: 20, failed: 20 } };
    },
  });
  assert.deepEqual([moved, releaseOf(draft).phase.kind], [true, 'aborting']);
});

test('a stage that was routed is left also when its candidate is not ready just now: the next one asks for that', () => {
  const { moved, draft } = step({
    change: (release, world) => {
      goesOn(release);
      candidate(world).ready = false;
    },
  });
  const { phase } = releaseOf(draft);
  assert.deepEqual([moved, phase.kind === 'advancing' && phase.stage], [true, 1]);
});

test('the last stage commits when no connection is left on the old side', () => {
  const last = (release: Release) => {
    release.phase = { kind: 'advancing', stage: 2, since: halfway().now, fullSpeed: false };
  };
  const world = halfway();
  const away = structuredClone(world.state.table ?? assert.fail('no table'));
  away.members = { '2-2': away.members['2-2'] ?? [] };
  world.state.table = away;
  const seen = { perConnection: true as const, inFlight: { '1-1-1': 1 } };
  const { moved, draft } = step({ world, change: last, seen });
  assert.deepEqual([moved, draft.state.stable], [false, '1-1']);
});

test('the last stage commits', () => {
  const { moved, draft } = step({
    change: (release) => {
      release.phase = { kind: 'advancing', stage: 2, since: 0, fullSpeed: false };
    },
  });
  assert.deepEqual([moved, draft.state.stable, draft.state.release], [true, '2-2', undefined]);
});

/** A release that has not moved for so long, with this to show. */
function stuck(forMs: number, at: At = {}) {
  const { moved, draft } = step({
    ...at,
    change: (release, world) => {
      release.gates = [];
      release.routedStage = -1;
      for (const replica of world.replicas)
        if (replica.pool === '2-2') Object.assign(replica, { ready: false, logTail: [] });
      at.change?.(release, world);
      const available = world.replicas.filter(({ pool, ready }) => pool === '2-2' && ready).length;
      release.progressMark = `0/${release.routedStage}/${available}/3/true`;
      release.progressAt = world.now - forMs;
    },
  });
  const { phase } = releaseOf(draft);
  return {
    moved,
    draft,
    why: phase.kind === 'aborting' ? `${phase.why.code}: ${phase.why.message}` : 'goes on',
    wakesIn: draft.wakeAt === undefined ? undefined : draft.wakeAt - draft.now,
  };
}

const OVERDUE = 'E_PROGRESS_DEADLINE: revision 2 made no progress for 60 s (progressDeadlineSeconds)';
const candidate = (world: World): Replica =>
  world.replicas.find(({ pool }) => pool === '2-2') ?? assert.fail('no candidate');

test('a release that has not moved for its deadline is given up, and looked at just then', () => {
  const early = stuck(59_999);
  assert.deepEqual([early.why, early.wakesIn, early.moved], ['goes on', 1, false]);
  const late = stuck(60_000);
  assert.deepEqual([late.why, late.moved], [`${OVERDUE}; replica 2-2-1 is not ready`, true]);
});

test('why it did not move: what its replica, its answers, or stable show', () => {
  const says = (change: (replica: Replica, world: World) => void) =>
    stuck(60_000, { change: (_, world) => change(candidate(world), world) }).why;
  const probe = { at: 0, ok: false, detail: 'answered 503' };
  assert.equal(
    says((replica) =>
      Object.assign(replica, {
        lastProbe: probe,
        lastExit: { at: 0, code: 3, signal: null },
        logTail: ['oh no'],
      }),
    ),
    `${OVERDUE}; replica 2-2-1 is not ready: answered 503, it exited with code 3; its last lines: "oh no"`,
  );
  const blocked = (replica: Replica, world: World, more: object = {}) => {
    Object.assign(replica, { ready: true, ...more });
    world.object = { ...world.object, spec: specOf(CANARY, { replicas: 9 }) };
  };
  assert.equal(
    says((replica, world) => blocked(replica, world, { lastProbe: probe, logTail: ['hm'] })),
    `${OVERDUE}; the last probe of replica 2-2-1 said: answered 503; its last lines: "hm"`,
  );
  const counts = (requests: number, ok: number) => (replica: Replica, world: World) => {
    blocked(replica, world);
    world.counts = { '2-2': { ...NONE, requests, ok } };
  };
  assert.equal(says(counts(7, 0)), `${OVERDUE}; it was sent 7 requests and answered none of them well`);
  assert.equal(says(counts(7, 1)), OVERDUE);
  assert.equal(says(counts(0, 0)), OVERDUE);
  assert.equal(
    says((replica, world) => {
      counts(0, 0)(replica, world);
      world.state.trouble = { code: 'E_X', message: 'no room', at: 0 };
    }),
    `${OVERDUE}; no room`,
  );
});

test('that stable has nobody ready is told where the stage gives it a share and no table can be made', () => {
  const says = (current: boolean, change: (release: Release, world: World) => void = () => undefined) =>
    stuck(60_000, {
      change: (release, world) => {
        release.routedStage = 0;
        candidate(world).ready = true;
        world.counts = {};
        for (const replica of world.replicas) if (replica.pool === '1-1') replica.ready = false;
        change(release, world);
      },
      draft: (draft) => {
        draft.tableIsCurrent = current;
        releaseOf(draft).progressMark = `0/0/1/3/${current}`;
      },
    }).why;
  assert.match(
    says(false),
    /; "canary 20%" gives 80% of the requests to the stable revision 1, which has no ready replica/,
  );
  assert.doesNotMatch(says(true), /no ready replica/);
  const ready = (_: Release, world: World) => {
    for (const replica of world.replicas) replica.ready = true;
  };
  assert.equal(says(false, ready), OVERDUE);
  const first = (release: Release, world: World) => {
    delete release.arms.stable;
    world.replicas = world.replicas.filter(({ pool }) => pool === '2-2');
  };
  const old = (draft: Draft) => {
    draft.tableIsCurrent = false;
    releaseOf(draft).progressMark = '0/0/1/0/false';
  };
  const { why } = stuck(60_000, {
    change: (release, world) => {
      release.routedStage = 0;
      candidate(world).ready = true;
      world.counts = {};
      first(release, world);
    },
    draft: old,
  });
  assert.equal(why, OVERDUE, 'a first release has no stable version to miss');
});

test('a router that cannot be seen says nothing of what the candidate answered', () => {
  const { why } = stuck(60_000, {
    change: (release, world) => {
      release.routedStage = 0;
      candidate(world).ready = true;
    },
    observed: { router: UNKNOWN, measured: UNKNOWN },
    draft: (draft) => {
      releaseOf(draft).progressMark = '0/0/1/3/false';
    },
  });
  assert.equal(why, OVERDUE);
});

test('any change of what is there is progress', () => {
  const marks = ['1/-1/0/3/true', '0/0/0/3/true', '0/-1/1/3/true', '0/-1/0/2/true', '0/-1/0/3/false'];
  for (const mark of marks) {
    const { why, draft, wakesIn } = stuck(60_000, {
      draft: (own) => {
        releaseOf(own).progressMark = mark;
      },
    });
    assert.deepEqual([why, wakesIn], ['goes on', 60_000], mark);
    assert.deepEqual(
      [releaseOf(draft).progressMark, releaseOf(draft).progressAt],
      ['0/-1/0/3/true', draft.now],
    );
  }
});

test('who waits for people, users or measurements is not late', () => {
  const waits = (change: (release: Release) => void) => {
    const { why, draft } = stuck(60_000, { change });
    if (why === 'goes on')
      assert.equal(releaseOf(draft).progressAt, draft.now - 60_000, 'waiting is no progress');
    return why;
  };
  assert.equal(
    waits((release) => {
      release.pausedBy = 'ann';
    }),
    'goes on',
  );
  assert.equal(
    waits((release) => {
      release.gates = [passed, { kind: 'waiting', since: 0, why: '' }];
    }),
    'goes on',
  );
  assert.equal(
    waits((release) => {
      release.gates = [{ kind: 'measuring', since: 0, epoch: 'e1', base: {}, probesAsked: 0 }];
    }),
    'goes on',
  );
  assert.notEqual(
    waits((release) => {
      release.gates = [passed, { kind: 'pending' }];
    }),
    'goes on',
  );
});

test('old connections that drain for long are waited for, where the candidate is whole', () => {
  const drains = (whole: boolean, pool: string) =>
    stuck(60_000, {
      change: (release, world) => {
        release.routedStage = 0;
        candidate(world).ready = whole;
        world.counts = {};
        world.state.leaving.x = { pool, generation: 1, deadline: world.now, stopped: false };
        world.state.leaving.y = { pool, generation: 1, stopped: false };
      },
      // Nothing else is looked at then.
      seen: { trouble: { code: 'E_ROUTE_REFUSED', message: '' } },
      draft: (draft) => {
        releaseOf(draft).progressMark = `0/0/${whole ? 1 : 0}/3/false`;
      },
    });
  const waits = drains(true, '1-1');
  assert.deepEqual([waits.why, waits.wakesIn], ['goes on', 10_000 + 1000 + 60_000]);
  assert.match(drains(false, '1-1').why, /^E_PROGRESS_DEADLINE/);
  assert.match(drains(true, '2-2').why, /^E_PROGRESS_DEADLINE/, 'it is not the old ones that drain');
});

/** The release goes back, since so long ago. */
function back(world: World, agoMs: number, change: (draft: Draft) => void = () => undefined) {
  const draft = draftOf(world);
  draft.tableIsCurrent = true;
  beginAbort(draft, WHY);
  draft.events.splice(0);
  const { phase } = releaseOf(draft);
  if (phase.kind === 'aborting') phase.since = world.now - agoMs;
  change(draft);
  return {
    moved: advance(draft),
    draft,
    wakesIn: draft.wakeAt === undefined ? undefined : draft.wakeAt - world.now,
  };
}

const alone = (world: World): World =>
  withTable(world, ({ route }) => {
    route.split = { kind: 'weights', to: [{ key: '1-1', weight: 10_000 }] };
  });

test('an abort is over when users are back', () => {
  const { moved, draft } = back(alone(halfway()), 0);
  assert.deepEqual([moved, draft.state.release, draft.state.stable], [true, undefined, '1-1']);
  const waits = back(halfway(), 0);
  assert.deepEqual([waits.moved, releaseOf(waits.draft).phase.kind], [false, 'aborting']);
});

test('a roll that is turned round is over when stable is whole, too', () => {
  const over = (missing: number, onAbort: 'growThenReroute' | 'reroute' = 'growThenReroute') => {
    const world = alone(halfway());
    for (const replica of world.replicas.filter(({ pool }) => pool === '1-1').slice(0, missing))
      replica.ready = false;
    return back(world, 0, (draft) => {
      const release = releaseOf(draft);
      release.stages = release.stages.map((stage) => ({ ...stage, onAbort }));
    }).moved;
  };
  assert.deepEqual([over(0), over(1)], [true, false]);
  assert.equal(over(1, 'reroute'), true, 'where the route was all that changed, it is over with it');
});

test('a stable that does not come back is given up when somebody has applied a way out', () => {
  const queued = (draft: Draft) => {
    draft.state.queued = { revision: 'v1-x', actor: 'ann' };
  };
  const lost = (shows: Partial<Replica> = {}): World => {
    const world = halfway();
    for (const replica of world.replicas)
      if (replica.pool === '1-1') Object.assign(replica, { ready: false, ...shows });
    return world;
  };
  assert.equal(back(lost(), 60_000).moved, false, 'nothing waits');
  const early = back(lost(), 59_999, queued);
  assert.deepEqual([early.moved, early.wakesIn], [false, 1]);
  const there = back(halfway(), 60_000, queued);
  assert.deepEqual([there.moved, there.wakesIn], [false, undefined], 'stable is there');
  const late = back(lost(), 60_000, queued);
  assert.deepEqual([late.moved, late.draft.stableGivenUp], [true, true]);
  const told =
    'Warning StableGivenUp: stable does not start any more; the revision that waits is released instead';
  assert.equal(said(late.draft)[0], told);
  assert.equal(late.draft.state.stable, '2-2', 'who serves users now is what it starts from');
  assert.deepEqual(late.draft.state.retiring, ['1-1']);
  const failure = { code: 'E_NO_PORT', message: '' };
  assert.equal(back(lost({ failure }), 0, queued).moved, true, 'it cannot start: no need to wait');
  assert.equal(back(lost({ restarts: 3 }), 0, queued).moved, true);
  assert.equal(back(lost({ restarts: 2 }), 0, queued).moved, false);
  const both = lost();
  for (const replica of both.replicas) replica.ready = false;
  const neither = back(both, 60_000, queued);
  assert.deepEqual([neither.draft.state.stable, neither.draft.state.retiring], ['1-1', ['2-2']]);
});

/** What is noted of facts that only the router knows. */
function facts(
  change: (world: World, release: Release) => void,
  seen: Partial<RouterView> = {},
  strategy = CANARY,
) {
  const world = halfway(strategy);
  const release = world.state.release ?? assert.fail('no release');
  change(world, release);
  const { router } = world.observed();
  assert.ok(router.kind === 'known');
  const draft = draftOf(world, { router: { ...router, value: { ...router.value, ...seen } } });
  draft.tableIsCurrent = true;
  noteFacts(draft);
  return { state: draft.state, release: releaseOf(draft), world };
}

test('the first answer of the candidate is not before its first request', () => {
  const first = (firstAt: number | undefined, seen: Partial<RouterView> = {}) => {
    const { release, world } = facts(
      (_, own) => {
        own.cutover = { routeAt: 5000 };
      },
      { firstAnswerAt: firstAt === undefined ? {} : { '2-2': firstAt }, ...seen },
    );
    assert.ok(world);
    return release.cutover;
  };
  assert.deepEqual(first(6000), { routeAt: 5000, firstAnswerAt: 6000 });
  assert.deepEqual(first(4000), { routeAt: 5000, firstAnswerAt: 5000 });
  assert.deepEqual(first(undefined), { routeAt: 5000 });
  assert.deepEqual(first(6000, { ackedGeneration: 1 }), { routeAt: 5000 }, 'under a table before');
  const kept = facts(
    (_, own) => {
      own.cutover = { routeAt: 5000, firstAnswerAt: 5500 };
    },
    { firstAnswerAt: { '2-2': 6000 } },
  );
  assert.equal(kept.release.cutover?.firstAnswerAt, 5500);
});

test('counts are noted when a table is first seen acknowledged, and anew in another life of the router', () => {
  const routed = (change: (world: World) => void, seen: Partial<RouterView> = {}) =>
    facts((world) => {
      world.counts = { '1-1': { ...NONE, split: 9 } };
      change(world);
    }, seen).state.routed;
  const now = { generation: 2, epoch: 'e1', perPool: { '1-1': { ...NONE, split: 9 } } };
  const before = { generation: 2, epoch: 'e1', perPool: {} };
  const was = (routedBefore: object) => (world: World) =>
    Object.assign(world.state, { routed: routedBefore });
  assert.deepEqual(routed(was({ ...before, generation: 1 })), now);
  assert.deepEqual(routed(was({ ...before, epoch: 'e0' })), now);
  assert.deepEqual(routed(was(before)), before);
  assert.deepEqual(
    routed((world) => delete world.state.routed),
    now,
  );
  assert.deepEqual(routed(was({ ...before, generation: 1 }), { ackedGeneration: 1 }), {
    ...before,
    generation: 1,
  });
});

const outageOf = (declared: boolean) => (_: World, release: Release) => {
  release.stages = release.stages.map((stage) =>
    declared ? { ...stage, outage: 'refused' as const } : stage,
  );
};

test('a declared outage begins when it is routed, or with the first user who met it', () => {
  const { release, world } = facts(outageOf(true));
  assert.deepEqual(release.outage, { from: world.now, refused: 0, held: 0 });
  const met = facts(outageOf(true), { admission: { refused: 1, held: 0, firstAt: 777 } });
  assert.equal(met.release.outage?.from, 777);
  assert.equal(
    facts(outageOf(false), { admission: { refused: 1, held: 0, firstAt: 777 } }).release.outage,
    undefined,
  );
  assert.equal(facts(outageOf(true), { ackedGeneration: 1 }).release.outage, undefined);
  const ended = facts(
    (own, release_) => {
      outageOf(true)(own, release_);
      release_.outage = { from: 5, refused: 1, held: 0 };
    },
    { admission: { refused: 1, held: 0, firstAt: 777 } },
  );
  assert.equal(ended.release.outage?.from, 5, 'it is measured already');
  const both = facts(
    (own, release_) => {
      outageOf(true)(own, release_);
      release_.outage = { from: 5, refused: 1, held: 1 };
    },
    { admission: { refused: 1, held: 1, firstAt: 777 } },
  );
  assert.equal(both.release.outage?.from, 5, 'of both kinds');
  const open = facts(
    (own, release_) => {
      outageOf(false)(own, release_);
      release_.outage = { from: 5, refused: 0, held: 0 };
    },
    { admission: { refused: 1, held: 0, firstAt: 777 } },
  );
  assert.equal(open.release.outage?.from, 5, 'who was refused after it was not refused by it');
});

test('counts that cannot be seen are not noted', () => {
  const world = halfway();
  const routed = world.state.routed ?? assert.fail('not noted yet');
  const draft = draftOf(world, { measured: UNKNOWN });
  draft.tableIsCurrent = true;
  noteFacts(draft);
  assert.deepEqual(draft.state.routed, routed);
});

test('an outage ends with the first answer under an open route', () => {
  const ends = (
    answers: Record<string, number>,
    change: (release: Release, world: World) => void = () => undefined,
  ) => {
    const { draft } = step({
      change: (release, world) => {
        goesOn(release);
        release.outage = { from: world.now - 500, refused: 0, held: 0 };
        change(release, world);
      },
      seen: { firstAnswerAt: answers, admission: { refused: 3, held: 4 } },
    });
    const { outage } = releaseOf(draft);
    return [
      outage?.to === undefined ? undefined : draft.now - outage.to,
      outage?.refused,
      outage?.held,
      said(draft).at(0),
    ];
  };
  const { now } = halfway();
  assert.deepEqual(ends({ '2-2': now - 100, '1-1': now - 20, '9-9': now - 400 }), [
    100,
    3,
    4,
    'Normal OutageEnded: users waited or were refused for 400 ms',
  ]);
  assert.deepEqual(ends({})[0], 0, 'nobody asked: at the latest now');
  assert.deepEqual(ends({ '2-2': 1 })[0], 500, 'not before it began');
  const closed = ends({}, (_, world) => {
    const table = structuredClone(world.state.table ?? assert.fail('no table'));
    table.route.admit = { kind: 'refuse' };
    world.state.table = table;
  });
  assert.equal(closed[0], undefined);
  assert.equal(ends({}, (_, world) => delete world.state.table)[0], undefined, 'there is no table at all');
  const over = ends({ '2-2': now - 100 }, (release, world) => {
    release.outage = { from: 1, to: world.now - 7, refused: 1, held: 1 };
  });
  assert.deepEqual(over.slice(0, 3), [7, 1, 1], 'it is over already');
});
