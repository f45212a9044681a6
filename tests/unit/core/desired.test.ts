/** What becomes of what a user applies: started, queued, rejected, held, superseding, or all of it deleted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beginAbort } from '../../../src/core/decide/abort.ts';
import { absorbDesired } from '../../../src/core/decide/desired.ts';
import type { Draft } from '../../../src/core/decide/draft.ts';

import { objectOf, type World } from '../../simulation/world.ts';
import { CANARY, draftOf, halfway, releaseOf, said, started, wanting } from './support.ts';

const WHY = { code: 'E_ABORTED', message: 'looks wrong' };

/** It goes back. */
function back(world: World): Draft {
  const draft = draftOf(world);
  beginAbort(draft, WHY);
  return draft;
}

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
  const rejecting = halfway(CANARY, { onNewRevision: 'reject' });
  rejecting.state.release = back(rejecting).state.release ?? assert.fail('no release');
  const next = applied(rejecting, 'v3');
  assert.deepEqual([next.state.queued?.revision, said(next)], [rejecting.object.revision.id, []]);
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

test('what was superseded did nothing wrong: applied again, it is next', () => {
  const world = halfway();
  const draft = draftOf(world);
  beginAbort(draft, WHY, 'v1-x');
  world.state.release = draft.state.release ?? assert.fail('no release');
  const again = applied(world, 'v2');
  assert.deepEqual([again.state.queued?.revision, said(again)], [world.object.revision.id, []]);
});

test('what is stable is not held for a restart of it that goes back', () => {
  const world = started();
  const { revision } = world.object;
  world.command('restart');
  world.settle();
  assert.equal(world.state.release?.revision, revision.id);
  world.state.release = back(world).state.release ?? assert.fail('no release');
  const again = applied(world, 'v1');
  assert.deepEqual([again.state.queued?.revision, said(again)], [revision.id, []]);
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
