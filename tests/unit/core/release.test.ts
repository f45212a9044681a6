/** How a release begins and ends, and what is kept of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  beginAbort,
  currentStage,
  finishAbort,
  isBack,
  stableCanCarry,
} from '../../../src/core/decide/abort.ts';
import { absorbDesired } from '../../../src/core/decide/desired.ts';
import type { Draft } from '../../../src/core/decide/draft.ts';
import { commitRelease, endRelease, hold, startRelease } from '../../../src/core/decide/release.ts';
import type { AppState, Release } from '../../../src/core/model.ts';
import type { Strategy } from '../../../src/spec/app.ts';
import { objectOf, specOf, type World } from '../../simulation/world.ts';
import { CANARY, draftOf, halfway, ROLLING, started, withTable } from './support.ts';

const WHY = { code: 'E_ABORTED', message: 'looks wrong' };
const BLUE_GREEN: Strategy = { kind: 'blueGreen', autoPromotion: true, warmMs: 7000 };
const said = ({ events }: Draft) =>
  events.map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
const releaseOf = (draft: Draft): Release => draft.state.release ?? assert.fail('no release');

/** v2 is known and wanted, and nothing is under way. */
function wanting(strategy: Strategy = CANARY): World {
  const world = started(strategy);
  world.apply('v2');
  const { revision } = world.object;
  world.state.revisions[revision.id] = { ...revision, number: 2 };
  world.state.generationSeen = world.object.generation;
  return world;
}

test('a release begins at its first stage, with a pool of its own, and says from where to where', () => {
  const world = wanting();
  const draft = draftOf(world);
  const id = world.object.revision.id;
  startRelease(draft, id, 'apply', 'ann');
  const { stages, ...release } = releaseOf(draft);
  assert.deepEqual(release, {
    id: 'r2',
    cause: 'apply',
    startedAt: world.now,
    actor: 'ann',
    arms: { stable: '1-1', candidate: '2-2' },
    revision: id,
    fromRevision: world.state.pools['1-1']?.revision,
    strategy: 'canary',
    warmMs: 5000,
    phase: { kind: 'advancing', stage: 0, since: world.now, fullSpeed: false },
    gates: [{ kind: 'pending' }, { kind: 'pending' }],
    record: [{ name: 'canary 20%', startedAt: world.now, askedBp: 2000 }],
    routedStage: -1,
    progressAt: world.now,
    progressMark: '',
  });
  assert.deepEqual(
    stages.map(({ name }) => name),
    ['canary 20%', 'canary 100%', 'promoted'],
  );
  assert.deepEqual(draft.state.pools['2-2'], { id: '2-2', revision: id, incarnation: 2 });
  assert.equal(draft.state.nextReleaseNumber, 3);
  assert.deepEqual(said(draft), [
    `Normal ReleaseStarted: apply: canary from revision 1 to revision 2 (${id})`,
  ]);
  assert.equal(draft.events[0]?.actor, 'ann');
});

test('a first release comes from nothing', () => {
  const world = wanting();
  delete world.state.stable;
  const draft = draftOf(world);
  startRelease(draft, world.object.revision.id, 'retry', 'ann');
  const { arms, fromRevision, record } = releaseOf(draft);
  assert.deepEqual([arms, fromRevision], [{ candidate: '2-2' }, undefined]);
  assert.deepEqual(record, [{ name: 'start', startedAt: world.now, askedBp: 10_000 }]);
  assert.match(said(draft)[0] ?? '', /retry: canary from nothing to revision 2/);
});

test('of a roll no share is asked for; of a stage that gives the candidate nothing, none', () => {
  const record = (strategy: Strategy) => {
    const world = wanting(strategy);
    const draft = draftOf(world);
    startRelease(draft, world.object.revision.id, 'apply', 'ann');
    return releaseOf(draft).record[0];
  };
  assert.deepEqual(Object.keys(record(ROLLING) ?? {}), ['name', 'startedAt']);
  assert.equal(record(BLUE_GREEN)?.askedBp, 0);
});

test('colours take turns', () => {
  const colour = (stable: 'blue' | 'green' | undefined) => {
    const world = wanting(BLUE_GREEN);
    const { colour: _, ...pool } = world.state.pools['1-1'] ?? assert.fail('no pool');
    world.state.pools['1-1'] = { ...pool, ...(stable === undefined ? {} : { colour: stable }) };
    const draft = draftOf(world);
    startRelease(draft, world.object.revision.id, 'apply', 'ann');
    return draft.state.pools['2-2']?.colour;
  };
  assert.deepEqual([colour('blue'), colour('green'), colour(undefined)], ['green', 'blue', 'blue']);
});

/** v2 is stable, v1 (pool 1-1) warm. */
function warm(strategy: Strategy = CANARY): World {
  const world = started(strategy);
  world.apply('v2');
  world.runUntil((w) => w.state.release !== undefined);
  world.command('promote', { full: true });
  world.runUntil((w) => !w.state.release);
  world.commands = [];
  assert.deepEqual(world.state.warm, [{ pool: '1-1', until: world.now + 5000 }]);
  return world;
}

test('who goes back to what is warm takes its replicas; a restart wants new ones', () => {
  const world = warm();
  const first = world.state.pools['1-1']?.revision ?? '';
  const start = (revision: string, cause: Release['cause']) => {
    const draft = draftOf(world);
    startRelease(draft, revision, cause, 'ann');
    const { arms, warmMs } = releaseOf(draft);
    return {
      candidate: arms.candidate,
      warmMs,
      retiring: draft.state.retiring,
      warm: draft.state.warm,
      said: said(draft),
    };
  };
  const undo = start(first, 'undo');
  assert.deepEqual([undo.candidate, undo.warmMs, undo.retiring, undo.warm], ['1-1', 5000, [], []]);
  const restart = start(first, 'restart');
  assert.deepEqual([restart.candidate, restart.warmMs, restart.retiring], ['1-3', 0, ['1-1']]);
  const ended = 'Normal WarmEnded: revision 1 is retired: 3 replicas freed; undo now starts it again';
  assert.equal(restart.said[0], ended);
});

test('what ends names its colour', () => {
  const world = warm();
  const pool = world.state.pools['1-1'] ?? assert.fail('no pool');
  world.state.pools['1-1'] = { ...pool, colour: 'blue' };
  const draft = draftOf(world);
  startRelease(draft, world.object.revision.id, 'restart', 'ann');
  assert.match(said(draft)[0] ?? '', /: revision 1 \(blue\) is retired: 3 replicas freed;/);
});

/** The release is committed, after this change. */
function committed(
  world: World,
  change: (release: Release, state: AppState) => void = () => undefined,
): Draft {
  const draft = draftOf(world);
  change(releaseOf(draft), draft.state);
  commitRelease(draft, releaseOf(draft));
  return draft;
}

test('what was promoted is stable, and the old one stays warm for as long as the strategy keeps it', () => {
  const world = halfway();
  const draft = committed(world);
  const { state } = draft;
  assert.deepEqual([state.stable, state.release, state.retiring], ['2-2', undefined, []]);
  assert.deepEqual(state.warm, [{ pool: '1-1', until: world.now + 5000 }]);
  const ended = state.history.at(-1);
  assert.deepEqual(ended?.phase, { kind: 'done', verdict: 'promoted' });
  assert.deepEqual([ended?.endedAt, ended?.record.at(-1)?.endedAt], [world.now, world.now]);
  assert.deepEqual(said(draft), ['Normal ReleasePromoted: revision 2 is the stable one']);
  const atOnce = committed(world, (release) => {
    release.warmMs = 0;
  });
  assert.deepEqual([atOnce.state.warm, atOnce.state.retiring], [[], ['1-1']]);
  world.replicas = world.replicas.filter(({ pool }) => pool !== '1-1');
  const gone = committed(world);
  assert.deepEqual([gone.state.warm, gone.state.retiring], [[], ['1-1']], 'nobody is left to be warm');
});

test('a first promotion leaves nobody behind', () => {
  const { state } = committed(halfway(), (_, before) => {
    delete before.stable;
  });
  assert.deepEqual([state.stable, state.warm, state.retiring], ['2-2', [], []]);
});

test('what was undone is held, and what was promoted is not held any more', () => {
  const world = halfway();
  const [first, second] = ['1-1', '2-2'].map((pool) => world.state.pools[pool]?.revision ?? '');
  const held = (cause: Release['cause']) =>
    committed(world, (release, state) => {
      release.cause = cause;
      state.held = [
        { revision: second ?? '', why: WHY },
        { revision: 'v1-other', why: WHY },
      ];
    }).state.held;
  const other = { revision: 'v1-other', why: WHY };
  assert.deepEqual(held('apply'), [other]);
  const undone = { code: 'E_UNDONE', message: 'undone by tester (r2)' };
  assert.deepEqual(held('undo'), [other, { revision: first, why: undone }]);
});

test('a revision is held once, for what it did last', () => {
  const draft = draftOf(started());
  for (const message of ['a', 'b', 'c'])
    hold(draft, message === 'b' ? 'v1-b' : 'v1-a', { code: 'E_X', message });
  assert.deepEqual(
    draft.state.held.map(({ revision, why }) => [revision, why.message]),
    [
      ['v1-b', 'b'],
      ['v1-a', 'c'],
    ],
  );
});

test('releases and revisions are kept as many as the file says, and none that runs or is wanted is forgotten', () => {
  const world = halfway(CANARY, { revisionHistoryLimit: 2 });
  const [known] = Object.values(world.state.revisions);
  const [past] = world.state.history;
  assert.ok(known && past);
  for (const n of [11, 14, 12, 13]) world.state.revisions[`v1-${n}`] = { ...known, id: `v1-${n}`, number: n };
  world.state.history = [10, 11, 12].map((n) => ({ ...past, id: `x${n}` }));
  world.state.queued = { revision: 'v1-11', actor: 'ann' };
  const kept = (limit: number) => {
    world.object = { ...world.object, spec: specOf(CANARY, { revisionHistoryLimit: limit }) };
    const draft = draftOf(world);
    endRelease(draft, 'aborted', WHY);
    const numbers = Object.values(draft.state.revisions).map(({ number }) => number);
    return [draft.state.history.map(({ id }) => id), numbers.sort((a, b) => a - b)];
  };
  assert.deepEqual(kept(2), [
    ['x12', 'r2'],
    [1, 2, 11, 13, 14],
  ]);
  assert.deepEqual(kept(0), [['r2'], [1, 2, 11]], 'undo needs the last one');
});

test('how a release ended is said', () => {
  const end = (...args: [verdict: 'aborted' | 'superseded' | 'inconclusive', why?: typeof WHY]) => {
    const draft = draftOf(halfway());
    endRelease(draft, ...args);
    return [said(draft)[0], draft.state.history.at(-1)?.phase];
  };
  assert.deepEqual(end('aborted', WHY), [
    'Warning ReleaseAborted: revision 2 aborted: looks wrong',
    { kind: 'done', verdict: 'aborted', why: WHY },
  ]);
  assert.deepEqual(end('inconclusive'), [
    'Warning ReleaseInconclusive: revision 2 inconclusive',
    { kind: 'done', verdict: 'inconclusive' },
  ]);
  assert.throws(() => endRelease(draftOf(started()), 'aborted'), { message: 'no release to end' });
});

test('an abort turns round once, from the furthest stage that users may have seen', () => {
  const world = halfway();
  const from = (routedStage: number, stage: number) => {
    const draft = draftOf(world);
    Object.assign(releaseOf(draft), {
      routedStage,
      phase: { kind: 'advancing', stage, since: 0, fullSpeed: false },
    });
    beginAbort(draft, WHY);
    return { phase: releaseOf(draft).phase, said: said(draft), draft };
  };
  const { phase, said: told, draft } = from(0, 1);
  assert.deepEqual(phase, { kind: 'aborting', stage: 1, since: world.now, why: WHY });
  assert.deepEqual(told, ['Warning ReleaseAborting: looks wrong']);
  assert.equal((from(2, 1).phase as { stage: number }).stage, 2);
  assert.equal((from(-1, 0).phase as { stage: number }).stage, 0);
  beginAbort(draft, { code: 'E_X', message: 'another' }, 'v1-x');
  assert.deepEqual([releaseOf(draft).phase, said(draft).length], [phase, 1], 'the first reason stays');
});

/** Going back, since so long ago, after this change. */
function back(world: World, change: (draft: Draft) => void = () => undefined, agoMs = 0): Draft {
  const draft = draftOf(world);
  beginAbort(draft, WHY);
  const { phase } = releaseOf(draft);
  if (phase.kind === 'aborting') phase.since = world.now - agoMs;
  draft.tableIsCurrent = true;
  change(draft);
  return draft;
}

const unready = (world: World, pool: string, but = 0): World => {
  for (const replica of world.replicas.filter((one) => one.pool === pool).slice(but)) replica.ready = false;
  return world;
};

test('stable gets everything back when it has the room, when the candidate has nobody, or after two seconds', () => {
  assert.equal(stableCanCarry(back(halfway())), true);
  const short = back(unready(halfway(), '1-1', 1), undefined, 1999);
  assert.deepEqual([stableCanCarry(short), short.wakeAt], [false, short.now + 1]);
  assert.equal(stableCanCarry(back(unready(halfway(), '1-1', 1), undefined, 2000)), true);
  assert.equal(stableCanCarry(back(unready(halfway(), '1-1'), undefined, 2000)), false, 'nobody is there');
  assert.equal(stableCanCarry(back(unready(unready(halfway(), '1-1', 1), '2-2'))), true);
  assert.equal(stableCanCarry(draftOf(halfway())), false, 'no abort');
});

test('once gone back it stays so, whatever becomes of stable, and a closed route is not opened for the candidate', () => {
  const went = withTable(unready(halfway(), '1-1'), ({ route }) => {
    route.split = { kind: 'weights', to: [{ key: '1-1', weight: 10_000 }] };
  });
  assert.equal(stableCanCarry(back(went)), true);
  const closed = withTable(unready(halfway(), '1-1'), ({ route }) => {
    route.admit = { kind: 'refuse' };
  });
  assert.equal(stableCanCarry(back(closed)), true);
});

test('users are back when an acknowledged, open route names stable and not the candidate', () => {
  const alone = (world: World) =>
    withTable(world, ({ route }) => {
      route.split = { kind: 'weights', to: [{ key: '1-1', weight: 10_000 }] };
    });
  assert.equal(isBack(back(alone(halfway()))), true);
  assert.equal(isBack(back(halfway())), false, 'the candidate is named');
  assert.equal(
    isBack(
      back(alone(halfway()), (draft) => {
        draft.tableIsCurrent = false;
      }),
    ),
    false,
    'not acknowledged',
  );
  const overwritten = alone(halfway());
  overwritten.table = { ...(overwritten.table ?? assert.fail('no table')), app: 'default/somebody-else' };
  assert.equal(isBack(back(overwritten)), false, 'somebody else gave the router another table');
  const closed = (replicas: number) => {
    const world = withTable(alone(halfway()), ({ route }) => {
      route.admit = { kind: 'refuse' };
    });
    world.object = { ...world.object, spec: specOf(CANARY, { replicas }) };
    return isBack(back(world));
  };
  assert.deepEqual([closed(3), closed(0)], [false, true]);
  const nobody = withTable(halfway(), ({ route }) => {
    route.split = { kind: 'weights', to: [] };
  });
  assert.equal(isBack(back(nobody)), false, 'stable is not named');
  assert.equal(isBack(back(halfway(), (draft) => delete releaseOf(draft).arms.stable)), true);
  assert.equal(isBack(back(halfway(), (draft) => delete releaseOf(draft).arms.candidate)), true);
});

test('without a route users are back when stable is whole', () => {
  const world = halfway();
  world.object = { ...world.object, spec: structuredClone(world.object.spec) };
  delete world.object.spec.spec.route;
  assert.equal(isBack(back(world)), true);
  assert.equal(isBack(back(unready(world, '1-1', 2))), false);
});

test('what was aborted is retired and held; what was superseded did nothing wrong', () => {
  const finish = (supersededBy?: string) => {
    const draft = draftOf(halfway());
    beginAbort(draft, WHY, supersededBy);
    finishAbort(draft);
    const { held, retiring, history } = draft.state;
    return [held.map(({ why }) => why), retiring, history.at(-1)?.phase];
  };
  assert.deepEqual(finish(), [[WHY], ['2-2'], { kind: 'done', verdict: 'aborted', why: WHY }]);
  assert.deepEqual(finish('v1-x'), [[], ['2-2'], { kind: 'done', verdict: 'superseded', why: WHY }]);
  const draft = draftOf(halfway());
  finishAbort(draft);
  assert.ok(draft.release, 'nothing is ended that does not go back');
});

test('a stage that is not there is a broken state', () => {
  assert.throws(() => currentStage(draftOf(started())), { message: 'no release runs' });
  const draft = draftOf(halfway());
  releaseOf(draft).phase = { kind: 'advancing', stage: 9, since: 0, fullSpeed: false };
  assert.throws(() => currentStage(draft), { message: 'release has no stage 9' });
});

/** A newer version is applied to this world, and taken or not. */
function applied(world: World, version: string, spec = world.object.spec): Draft {
  world.object = objectOf(spec, version, world.object.generation + 1);
  const draft = draftOf(world);
  absorbDesired(draft);
  return draft;
}

test('a new version starts a release, the running one none; each is numbered once', () => {
  const world = started();
  const draft = applied(world, 'v2');
  assert.equal(releaseOf(draft).revision, world.object.revision.id);
  assert.deepEqual([draft.state.nextRevisionNumber, draft.state.generationSeen], [3, 2]);
  assert.equal(draft.state.revisions[world.object.revision.id]?.number, 2);
  assert.equal(applied(started(), 'v1').state.release, undefined);
  assert.equal(applied(started(), 'v1').state.nextRevisionNumber, 2);
});

test('a third version in mid-release supersedes, waits or is not taken, as the file says', () => {
  const with_ = (
    onNewRevision: 'supersede' | 'queue' | 'reject',
    change: (world: World) => void = () => undefined,
  ) => {
    const world = halfway(CANARY, { onNewRevision });
    change(world);
    const draft = applied(world, 'v3');
    return {
      phase: releaseOf(draft).phase,
      queued: draft.state.queued,
      said: said(draft),
      id: world.object.revision.id,
    };
  };
  const supersede = with_('supersede');
  const why = { code: 'E_SUPERSEDED', message: 'superseded by revision 3' };
  assert.deepEqual(
    supersede.phase.kind === 'aborting' && [supersede.phase.why, supersede.phase.supersededBy],
    [why, supersede.id],
  );
  assert.deepEqual(supersede.queued, { revision: supersede.id, actor: 'tester' });
  const queue = with_('queue');
  assert.deepEqual([queue.phase.kind, queue.queued?.revision], ['advancing', queue.id]);
  assert.deepEqual(queue.said, ['Normal RevisionQueued: revision 3 waits for r2 to end']);
  const reject = with_('reject');
  assert.deepEqual([reject.phase.kind, reject.queued], ['advancing', undefined]);
  const told = 'Warning RevisionRejected: revision 3 is not taken while r2 runs (onNewRevision: reject)';
  assert.deepEqual(reject.said, [told]);
  const first = with_('supersede', ({ state }) => delete state.release?.arms.stable);
  assert.deepEqual(
    [first.phase.kind, first.queued?.revision],
    ['advancing', first.id],
    'it has users already',
  );
  const unrouted = with_('supersede', ({ state }) => {
    delete state.release?.arms.stable;
    if (state.release) state.release.routedStage = -1;
  });
  assert.equal(unrouted.phase.kind, 'aborting');
});

test('what is applied while a release goes back is next; what is being released already is not queued', () => {
  const world = halfway();
  world.state.release = back(world).state.release ?? assert.fail('no release');
  const third = applied(world, 'v3');
  assert.equal(third.state.queued?.revision, world.object.revision.id);
  const same = halfway();
  same.state.queued = { revision: 'v1-x', actor: 'ann' };
  assert.equal(applied(same, 'v2').state.queued, undefined, 'the file asks for what runs');
});

test('what failed is not started again by itself, and what waited for it is not wanted any more', () => {
  const world = started();
  world.apply('v2');
  world.state.held = [{ revision: world.object.revision.id, why: WHY }];
  world.state.queued = { revision: 'v1-x', actor: 'ann' };
  const draft = applied(world, 'v2');
  assert.deepEqual([draft.state.release, draft.state.queued], [undefined, undefined]);
  assert.deepEqual(said(draft), [
    'Warning RevisionHeld: revision 2 is not started again by itself: looks wrong',
  ]);
  const going = halfway();
  going.state.release = back(going).state.release ?? assert.fail('no release');
  assert.deepEqual(said(applied(going, 'v2')), said(draft), 'it is being given up');
});

test('what waited is started when the release is over, unless it runs already', () => {
  const world = wanting();
  const queue = (revision: string) => {
    world.state.queued = { revision, actor: 'bob' };
    const draft = draftOf(world);
    absorbDesired(draft);
    return [draft.state.release?.revision, draft.state.release?.actor, draft.state.queued];
  };
  assert.deepEqual(queue(world.object.revision.id), [world.object.revision.id, 'bob', undefined]);
  assert.deepEqual(queue(world.state.pools['1-1']?.revision ?? ''), [undefined, undefined, undefined]);
});

test('deleting withdraws everything at once, and is begun once', () => {
  const world = halfway();
  world.object = { ...world.object, deleting: true };
  world.state.queued = { revision: 'v1-x', actor: 'ann' };
  world.state.warm = [{ pool: '9-9', until: 0 }];
  const draft = draftOf(world);
  absorbDesired(draft);
  const { deleting, queued, release, stable, warm: kept, retiring } = draft.state;
  assert.deepEqual(
    [deleting, queued, release, stable, kept],
    [{ since: world.now }, undefined, undefined, undefined, []],
  );
  assert.deepEqual(retiring, ['1-1', '2-2']);
  const told = 'Normal Deleting: the route is taken away, then every replica is drained and stopped';
  assert.deepEqual(said(draft), [told]);
  assert.equal(draft.events[0]?.actor, 'tester');
  absorbDesired(draft);
  assert.equal(draft.events.length, 1);
});
