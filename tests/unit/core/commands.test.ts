/** What operators are answered, in every situation: done or refused, and what to do instead. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { absorbCommands } from '../../../src/core/decide/commands.ts';
import type { Draft } from '../../../src/core/decide/draft.ts';
import type { Command, Release } from '../../../src/core/model.ts';
import type { World } from '../../simulation/world.ts';
import { draftOf, halfway, started } from './support.ts';

type Asked = Pick<Command, 'verb'> & Partial<Command>;

function after(world: World, ...asked: Asked[]): Draft {
  const commands = asked.map((command, n) => ({ id: `c${n}`, actor: 'ann', at: world.now, ...command }));
  const draft = draftOf(world, { commands });
  absorbCommands(draft);
  return draft;
}

/** The answer to the last command. */
function answer(world: World, ...asked: Asked[]): string {
  const result = Object.values(after(world, ...asked).state.commandsDone).at(-1)?.result;
  assert.ok(result);
  if (result.kind === 'done') return result.message;
  assert.equal(result.kind, 'refused');
  return `${result.reason.code}: ${result.reason.message}`;
}

const aborting = (world: World): World => {
  const release = world.state.release ?? assert.fail('no release');
  release.phase = { kind: 'aborting', stage: 0, since: 0, why: { code: 'E_ABORTED', message: '' } };
  return world;
};

/** v2 was promoted; v1 is warm. */
function promoted(): World {
  const world = halfway();
  world.command('promote');
  return world.runUntil((w) => !w.state.release);
}

test('without a release there is nothing to pause, resume, promote or abort', () => {
  for (const verb of ['pause', 'resume', 'promote', 'abort'] as const)
    assert.equal(answer(started(), { verb }), 'E_NO_RELEASE: no release is running');
  for (const verb of ['pause', 'resume', 'promote'] as const)
    assert.equal(answer(aborting(halfway()), { verb }), 'E_NO_RELEASE: no release is running');
});

test('an App that is being deleted takes no commands', () => {
  const [asked, begun] = [halfway(), halfway()];
  asked.object = { ...asked.object, deleting: true };
  begun.state.deleting = { since: 0 };
  for (const world of [asked, begun])
    assert.equal(answer(world, { verb: 'pause' }), 'E_DELETING: the App is being deleted');
});

test('pause and resume', () => {
  const paused = 'r2 is paused at "canary 20%"; `rollout resume` goes on';
  assert.equal(answer(halfway(), { verb: 'pause' }), paused);
  assert.equal(answer(halfway(), { verb: 'pause' }, { verb: 'pause' }), 'already paused by ann');
  const refused =
    'E_NOT_PAUSED: the release is not paused; a pause or approval step is passed by `rollout promote`';
  assert.equal(answer(halfway(), { verb: 'resume' }), refused);
  assert.equal(answer(halfway(), { verb: 'pause' }, { verb: 'resume' }), 'r2 goes on');
  const world = halfway();
  const { release } = after(world, { verb: 'pause' }, { verb: 'resume' });
  assert.deepEqual([release?.pausedBy, release?.progressAt], [undefined, world.now]);
  assert.equal(after(halfway(), { verb: 'pause' }).release?.pausedBy, 'ann');
});

test('promote passes the one gate that waits for somebody', () => {
  const world = halfway();
  const draft = after(world, { verb: 'promote' });
  assert.equal(answer(world, { verb: 'promote' }), 'passed pause of "canary 20%"');
  assert.deepEqual(draft.release?.gates[1], { kind: 'passed', at: world.now, by: 'ann' });
  assert.equal(draft.release?.progressAt, world.now);
  const refused =
    'E_NOTHING_TO_PROMOTE: "canary 20%" waits for nobody; `promote --full` skips what is to come';
  assert.equal(answer(world, { verb: 'promote' }, { verb: 'promote' }), refused);
});

test('promote passes an approval, and a pause before its turn; of several the first that is not passed', () => {
  const world = halfway();
  const release = world.state.release ?? assert.fail('no release');
  const [stage, ...rest] = release.stages;
  assert.ok(stage);
  release.stages = [
    { ...stage, gates: [{ kind: 'ready' }, { kind: 'pause' }, { kind: 'approval' }] },
    ...rest,
  ];
  release.gates = [{ kind: 'passed', at: 0 }];
  const gates = (...asked: Asked[]) => after(world, ...asked).release?.gates.map((gate) => gate?.kind);
  assert.deepEqual(gates({ verb: 'promote' }), ['passed', 'passed']);
  assert.deepEqual(gates({ verb: 'promote' }, { verb: 'promote' }), ['passed', 'passed', 'passed']);
  assert.equal(answer(world, { verb: 'promote' }, { verb: 'promote' }), 'passed approval of "canary 20%"');
});

test('promote ends a pause by hand too, and where that was all, says so', () => {
  const world = halfway();
  if (world.state.release) world.state.release.gates = [];
  const first = world.state.release?.stages[0];
  if (world.state.release && first) world.state.release.stages = [{ ...first, gates: [] }];
  const both = [{ verb: 'pause' }, { verb: 'promote' }] as const;
  assert.equal(answer(world, ...both), 'r2 goes on');
  assert.equal(after(world, ...both).release?.pausedBy, undefined);
});

test('promote --full goes to the end', () => {
  const world = halfway();
  const full = { verb: 'promote', full: true } as const;
  const said = 'r2 goes to the end without waiting; readiness and the measured split are still checked';
  assert.equal(answer(world, full), said);
  const { release } = after(world, { verb: 'pause' }, full);
  assert.deepEqual(
    [release?.phase.kind === 'advancing' && release.phase.fullSpeed, release?.pausedBy],
    [true, undefined],
  );
  assert.equal(release?.gates[1]?.kind, 'waiting', 'gates are passed by the decision, not by the command');
});

test('abort says what it goes back to, why, and what does not come any more', () => {
  const world = halfway();
  assert.equal(answer(world, { verb: 'abort' }), 'going back to stable');
  const why = (...asked: Asked[]) => {
    const phase = after(world, ...asked).state.release?.phase;
    return phase?.kind === 'aborting' && phase.why;
  };
  assert.deepEqual(why({ verb: 'abort' }), { code: 'E_ABORTED', message: 'aborted by ann' });
  assert.deepEqual(why({ verb: 'abort', reason: 'slow' }), {
    code: 'E_ABORTED',
    message: 'aborted by ann: slow',
  });
  assert.equal(answer(world, { verb: 'abort' }, { verb: 'abort' }), 'already going back');
  const first = halfway();
  if (first.state.release) delete first.state.release.arms.stable;
  assert.equal(answer(first, { verb: 'abort' }), 'a first release has nothing to go back to: it is stopped');
  const queued = halfway();
  queued.state.queued = { revision: world.object.revision.id, actor: 'bob' };
  const dropped = '; revision 2, which waited, is dropped: `rollout retry` starts it';
  assert.equal(answer(queued, { verb: 'abort' }), `going back to stable${dropped}`);
  assert.equal(after(queued, { verb: 'abort' }).state.queued, undefined);
  assert.equal(answer(aborting(queued), { verb: 'abort' }), `already going back${dropped}`);
});

test('abort is the way out of a frozen release; without a release it only thaws', () => {
  for (const world of [halfway(), started()]) {
    world.state.frozen = { code: 'E_INVARIANT_1', message: '' };
    assert.equal(after(world, { verb: 'abort' }).state.frozen, undefined);
    assert.ok(after(world, { verb: 'pause' }).state.frozen);
  }
});

test('undo goes to what was stable before, or where it is told', () => {
  const world = promoted();
  assert.equal(answer(world, { verb: 'undo' }), 'going back to revision 1');
  const { release } = after(world, { verb: 'undo' });
  assert.deepEqual([release?.cause, release?.actor, release?.arms.candidate], ['undo', 'ann', '1-1']);
  const first = world.state.revisions[world.state.pools['1-1']?.revision ?? '']?.id ?? '';
  assert.equal(answer(world, { verb: 'undo', toRevision: '1' }), 'going back to revision 1');
  assert.equal(answer(world, { verb: 'undo', toRevision: first }), 'going back to revision 1');
  assert.equal(
    answer(world, { verb: 'undo', toRevision: '2' }),
    'E_SAME_REVISION: revision 2 is the stable one already',
  );
  const list = 'to go back to; `get revisions` lists what is kept';
  assert.equal(
    answer(world, { verb: 'undo', toRevision: '7' }),
    `E_NO_REVISION: there is no revision 7 ${list}`,
  );
  assert.equal(answer(started(), { verb: 'undo' }), `E_NO_REVISION: there is no earlier revision ${list}`);
  assert.equal(
    answer(halfway(), { verb: 'undo' }),
    'E_RELEASE_RUNNING: r2 is running: `rollout abort` takes it back',
  );
});

/** What undo goes to after these releases, of which each says: revision, where it came from, how it ended. */
function undoneTo(stable: string, ...ended: [revision: string, from: string | undefined, verdict: string][]) {
  const world = promoted();
  const [last] = world.state.history;
  assert.ok(last);
  const known = world.state.revisions[last.revision] ?? assert.fail('no revision');
  for (const [n, id] of ['a', 'b', 'c', 'd'].entries())
    world.state.revisions[id] = { ...known, id, number: 11 + n };
  world.state.pools[world.state.stable ?? ''] = {
    id: world.state.stable ?? '',
    revision: stable,
    incarnation: 1,
  };
  world.state.warm = [];
  world.state.history = ended.map(([revision, fromRevision, verdict]) => {
    const { fromRevision: _, ...rest } = last;
    const phase = { kind: 'done', verdict } as Release['phase'];
    return { ...rest, revision, phase, ...(fromRevision === undefined ? {} : { fromRevision }) };
  });
  return answer(world, { verb: 'undo' });
}

test('what was stable before is told by history, not by numbers', () => {
  const to = (number: number) => `going back to revision ${number}`;
  assert.equal(undoneTo('b', ['a', undefined, 'promoted'], ['b', 'a', 'promoted']), to(11));
  assert.equal(
    undoneTo('a', ['a', undefined, 'promoted'], ['b', 'a', 'promoted'], ['a', 'b', 'promoted']),
    to(12),
    'an undo is undone',
  );
  assert.equal(
    undoneTo('b', ['a', undefined, 'promoted'], ['b', 'a', 'promoted'], ['c', 'b', 'aborted']),
    to(11),
    'what was aborted was never stable',
  );
  assert.equal(
    undoneTo('b', ['c', undefined, 'promoted'], ['b', 'a', 'promoted'], ['b', 'b', 'promoted']),
    to(13),
    'a restart came from itself: the last that was another one',
  );
  assert.equal(
    undoneTo('c', ['a', undefined, 'promoted'], ['b', undefined, 'promoted'], ['c', undefined, 'promoted']),
    to(12),
  );
  assert.match(undoneTo('a', ['a', undefined, 'promoted'], ['b', 'a', 'aborted']), /^E_NO_REVISION/);
  assert.equal(
    undoneTo('b', ['a', undefined, 'promoted'], ['b', 'a', 'promoted'], ['c', 'b', 'promoted']),
    to(11),
    'what was promoted last is not the stable one any more',
  );
});

test('restart makes new replicas of what is stable', () => {
  const world = started();
  assert.equal(answer(world, { verb: 'restart' }), 'restarting revision 1');
  const { release } = after(world, { verb: 'restart' });
  assert.deepEqual([release?.cause, release?.actor, release?.arms.candidate], ['restart', 'ann', '1-2']);
  assert.equal(
    answer(halfway(), { verb: 'restart' }),
    'E_RELEASE_RUNNING: r2 is running; wait for it or abort it',
  );
  delete world.state.stable;
  assert.equal(
    answer(world, { verb: 'restart' }),
    'E_NO_REVISION: nothing is running that could be restarted',
  );
});

test('retry starts what the file asks for, held or not', () => {
  const world = halfway();
  world.command('abort');
  world.runUntil((w) => !w.state.release);
  world.commands = [];
  world.state.held.push({ revision: 'v1-other', why: { code: 'E_X', message: '' } });
  assert.equal(answer(world, { verb: 'retry' }), 'trying revision 2 again');
  const { state } = after(world, { verb: 'retry' });
  assert.deepEqual([state.release?.cause, state.release?.actor], ['retry', 'ann']);
  assert.deepEqual(
    state.held.map(({ revision }) => revision),
    ['v1-other'],
  );
  assert.equal(answer(halfway(), { verb: 'retry' }), 'E_RELEASE_RUNNING: r2 is running');
  assert.equal(
    answer(started(), { verb: 'retry' }),
    'E_SAME_REVISION: the wanted revision is the stable one: nothing to retry',
  );
});

test('every command is told before what it sets off, with who gave it and why', () => {
  const world = halfway();
  const { events } = after(world, { verb: 'resume' }, { verb: 'abort', reason: 'slow', actor: 'bob' });
  assert.deepEqual(
    events.map(({ type, reason, message, actor }) => [type, reason, message, actor]),
    [
      [
        'Warning',
        'CommandRefused',
        'resume: the release is not paused; a pause or approval step is passed by `rollout promote`',
        'ann',
      ],
      ['Normal', 'Command', 'abort: going back to stable (slow)', 'bob'],
      ['Warning', 'ReleaseAborting', 'aborted by bob: slow', undefined],
    ],
  );
});

test('a command that was answered is not carried out again', () => {
  const world = halfway();
  const before = { at: 5, verb: 'pause' as const, result: { kind: 'done' as const, message: 'then' } };
  world.state.commandsDone = { c0: before };
  const { state, events } = after(world, { verb: 'abort' });
  assert.deepEqual([state.commandsDone, events], [{ c0: before }, []]);
  assert.equal(state.release?.phase.kind, 'advancing');
});

test('answers are kept, and the oldest forgotten beyond two hundred, but not those that are still brought', () => {
  const world = started();
  const done = (at: number) => ({
    at,
    verb: 'pause' as const,
    result: { kind: 'done' as const, message: '' },
  });
  const kept = (count: number, brought: string[]) => {
    world.state.commandsDone = Object.fromEntries(
      Array.from({ length: count }, (_, n) => [`k${n}`, done(n === 3 ? 0 : n + 1)]),
    );
    const { commandsDone } = after(world, ...brought.map((id) => ({ id, verb: 'pause' as const }))).state;
    return { count: Object.keys(commandsDone).length, has: (id: string) => Object.hasOwn(commandsDone, id) };
  };
  assert.equal(kept(200, []).count, 200);
  const one = kept(200, ['new']);
  assert.deepEqual([one.count, one.has('k3'), one.has('k0'), one.has('new')], [200, false, true, true]);
  const brought = kept(202, ['k3', 'k0']);
  assert.deepEqual(
    [brought.count, brought.has('k3'), brought.has('k0'), brought.has('k1')],
    [200, true, true, false],
  );
});
