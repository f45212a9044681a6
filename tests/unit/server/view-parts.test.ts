import assert from 'node:assert/strict';
import { it } from 'node:test';
import { releaseViews } from '../../../src/server/view/release.ts';
import { replicaViews } from '../../../src/server/view/replica.ts';
import { revisionViews } from '../../../src/server/view/revision.ts';
import { percentOf, percentOfBp } from '../../../src/server/view/traffic.ts';
import { SmallWorld } from './small-world.ts';

it('shows percentages without binary dust, down to a hundredth', () => {
  assert.equal(percentOfBp(1), 0.01);
  assert.equal(percentOfBp(9_999), 99.99);
  assert.equal(percentOfBp(800), 8);
  assert.equal(percentOf(1, 3), 33.3333);
  assert.equal(percentOf(80, 1_000), 8);
});

it('lists revisions by number with the role they play', () => {
  const world = new SmallWorld({
    strategy: { kind: 'blueGreen', autoPromotion: true, warmMs: 60_000 },
  }).settle();
  world.release('two');
  world.settle().later(2_000);
  world.release('three');
  const views = revisionViews(world.snapshot());
  assert.deepEqual(
    views.map(({ number, role }) => [number, role]),
    [
      [1, 'warm'],
      [2, 'stable'],
      [3, 'old'],
    ],
  );
  assert.deepEqual(views[0]?.command, ['node', 'server.js']);
});

it('shows every release with the newest last', () => {
  const world = new SmallWorld({ strategy: { kind: 'recreate' } }).settle();
  world.release('two');
  world.settle().later(2_000);
  const [first, second] = releaseViews(world.snapshot());
  assert.deepEqual([first?.id, first?.fromRevision, first?.verdict], ['r1', null, 'promoted']);
  assert.deepEqual([second?.fromRevisionNumber, second?.revisionNumber, second?.verdict], [1, 2, 'promoted']);
  assert.equal(typeof second?.outageMs, 'number');
  assert.deepEqual(
    second?.stages.map((stage) => stage.state),
    ['done', 'done', 'done', 'done', 'done'],
  );
});

it('asks no share of an App without a route', () => {
  const world = new SmallWorld({ strategy: { kind: 'recreate' } });
  delete world.object.spec.spec.route;
  world.settle();
  world.release('two');
  world.settle().later(2_000);
  const release = releaseViews(world.snapshot()).at(-1);
  assert.equal(release?.verdict, 'promoted');
  assert.deepEqual(
    release.stages.map(({ askedPercent }) => askedPercent),
    [null, null, null, null, null],
  );
});

it('shows the gates of the stage in which a release was given up as they were left', () => {
  const strategy = { kind: 'canary', steps: [{ kind: 'setWeight', weightBp: 2_000 }], warmMs: 0 } as const;
  const world = new SmallWorld({ strategy: { ...strategy, steps: [...strategy.steps] } }).settle();
  world.release('two');
  world.settle();
  world.command('abort');
  world.settle();
  const release = releaseViews(world.snapshot()).at(-1);
  assert.equal(release?.verdict, 'aborted');
  const [first, second] = release?.stages ?? [];
  assert.deepEqual(
    [first?.state, first?.gates],
    ['aborted', [{ kind: 'verify', state: 'pending', detail: '' }]],
  );
  assert.deepEqual([second?.state, second?.gates[0]?.state], ['skipped', 'pending']);
});

it('shows replicas with their pool, their place in the route and what is wrong with them', () => {
  const world = new SmallWorld({
    strategy: { kind: 'blueGreen', autoPromotion: true, warmMs: 60_000 },
  }).settle();
  world.unready.set('2-2', 'connection refused');
  world.release('two');
  world.settle();
  const crashed = world.replicas.at(-1);
  if (crashed) {
    Object.assign(crashed, { phase: 'backoff', restarts: 1, lastExit: { at: 0, code: 3, signal: null } });
    crashed.logTail = ['no such file'];
  }
  const views = replicaViews(world.snapshot());
  assert.deepEqual(
    views.map((view) => [
      view.revisionNumber,
      view.role,
      view.colour,
      view.phase,
      view.inRoute,
      view.problem,
    ]),
    [
      ...Array(3).fill([1, 'stable', 'blue', 'Running', true, null]),
      ...Array(2).fill([2, 'candidate', 'green', 'Starting', false, 'connection refused']),
      [2, 'candidate', 'green', 'BackOff', false, 'exited with code 3; its last line: no such file'],
    ],
  );
});
