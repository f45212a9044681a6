/** How a release begins and ends, and what is kept of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Draft } from '../../../src/core/decide/draft.ts';
import {
  closeRecord,
  commitRelease,
  endRelease,
  hold,
  retire,
  startRelease,
} from '../../../src/core/decide/release.ts';
import type { AppState, Release } from '../../../src/core/model.ts';
import type { Strategy } from '../../../src/spec/app.ts';
import { specOf, type World } from '../../simulation/world.ts';
import { CANARY, draftOf, halfway, ROLLING, releaseOf, said, started, wanting } from './support.ts';

const WHY = { code: 'E_ABORTED', message: 'looks wrong' };
const BLUE_GREEN: Strategy = { kind: 'blueGreen', autoPromotion: true, warmMs: 7000 };

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

test('sticky users are split anew by every release, so that it is not always the same ones who go first', () => {
  const sticky = { ...CANARY, sticky: { kind: 'header', name: 'x-user' } } as Strategy;
  const draft = draftOf(wanting(sticky));
  startRelease(draft, draft.app.revision.id, 'apply', 'ann');
  assert.equal(releaseOf(draft).stages[0]?.route.sticky?.salt, 'default/shop#r2');
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

test('a revision that is not known is a broken state', () => {
  assert.throws(() => startRelease(draftOf(started()), 'v1-none', 'apply', 'ann'), {
    message: 'no revision v1-none',
  });
});

test('of several that are warm one is taken, and the others make room', () => {
  const world = warm();
  const [kept] = world.state.warm;
  assert.ok(kept);
  world.state.pools['9-9'] = {
    id: '9-9',
    revision: world.state.pools['2-2']?.revision ?? '',
    incarnation: 9,
  };
  world.state.warm = [kept, { ...kept, pool: '9-9' }];
  const draft = draftOf(world);
  startRelease(draft, world.state.pools['1-1']?.revision ?? '', 'undo', 'ann');
  assert.deepEqual([releaseOf(draft).arms.candidate, draft.state.retiring], ['1-1', ['9-9']]);
});

test('a pool is retired once', () => {
  const draft = draftOf(started());
  retire(draft, '1-1');
  retire(draft, '1-1');
  assert.deepEqual(draft.state.retiring, ['1-1']);
});

test('when a stage ended is noted once', () => {
  const draft = draftOf(halfway());
  const release = releaseOf(draft);
  release.record = [{ name: 'canary 20%', startedAt: 1, endedAt: 5 }];
  closeRecord(release, 9);
  assert.equal(release.record[0]?.endedAt, 5);
  release.record = [];
  closeRecord(release, 9);
  assert.deepEqual(release.record, []);
});

test('what is stable already is not retired by its promotion', () => {
  const world = halfway();
  world.state.stable = '2-2';
  const draft = draftOf(world);
  commitRelease(draft, releaseOf(draft));
  assert.deepEqual([draft.state.stable, draft.state.retiring, draft.state.warm], ['2-2', [], []]);
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
