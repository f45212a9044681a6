/** An abort: when users may go back to stable, and when it is over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  beginAbort,
  currentStage,
  finishAbort,
  isBack,
  stableCanCarry,
} from '../../../src/core/decide/abort.ts';
import type { Draft } from '../../../src/core/decide/draft.ts';

import { specOf, type World } from '../../simulation/world.ts';
import { CANARY, draftOf, halfway, releaseOf, said, started, withTable } from './support.ts';

const WHY = { code: 'E_ABORTED', message: 'looks wrong' };

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

test('an abort looks again when its patience ends, and not after that', () => {
  const begun = back(unready(halfway(), '1-1', 1));
  assert.deepEqual([stableCanCarry(begun), begun.wakeAt], [false, begun.now + 2000]);
  const waited = back(unready(halfway(), '1-1'), undefined, 2000);
  assert.deepEqual([stableCanCarry(waited), waited.wakeAt], [false, undefined]);
});

test('before the first table it is the replicas that are counted', () => {
  const world = unready(halfway(), '1-1', 1);
  delete world.state.table;
  assert.equal(stableCanCarry(back(world)), false);
});

test('where no release runs nothing is turned round or ended, and users are where they belong', () => {
  const draft = draftOf(started());
  beginAbort(draft, WHY);
  finishAbort(draft);
  assert.deepEqual([draft.events, draft.state.release], [[], undefined]);
  assert.deepEqual([stableCanCarry(draft), isBack(draft)], [false, true]);
});
