import assert from 'node:assert/strict';
import { it } from 'node:test';
import { appView } from '../../../src/server/view/app.ts';
import type { Strategy } from '../../../src/spec/app.ts';
import { SmallWorld } from './small-world.ts';

const CANARY: Strategy = {
  kind: 'canary',
  steps: [{ kind: 'setWeight', weightBp: 800 }, { kind: 'pause' }, { kind: 'setWeight', weightBp: 5_000 }],
  warmMs: 60_000,
};
const statusOf = (world: SmallWorld) => appView(world.snapshot()).status;

it('is pending before anything was decided', () => {
  const { phase, message, stableRevision, route } = statusOf(new SmallWorld());
  assert.deepEqual(
    { phase, message, stableRevision, route },
    {
      phase: 'Pending',
      message: 'applied; nothing has been decided yet',
      stableRevision: null,
      route: [],
    },
  );
});

it('is healthy with all replicas of the stable revision ready', () => {
  const world = new SmallWorld().settle();
  const view = appView(world.snapshot());
  assert.equal(view.status.phase, 'Healthy');
  assert.equal(view.status.message, 'revision 1 is stable with 3 of 3 replicas ready');
  assert.equal(view.status.url, 'http://shop.localhost:8000');
  assert.equal(view.status.stableRevision, world.object.revision.id);
  assert.equal(view.status.observedGeneration, 1);
  assert.deepEqual([view.status.replicas, view.status.readyReplicas, view.status.updatedReplicas], [3, 3, 3]);
  assert.deepEqual(view.metadata, {
    name: 'shop',
    namespace: 'default',
    generation: 1,
    labels: {},
    annotations: {},
  });
});

it('shows the asked and the measured split of a canary, and which person it waits for', () => {
  const world = new SmallWorld({ strategy: CANARY }).settle();
  const stable = world.object.revision.id;
  world.release('two');
  world.settle().traffic(1_000).later(2_000);
  const status = statusOf(world);
  assert.equal(status.phase, 'Paused');
  assert.equal(status.message, 'canary 8%: waits for `crossfade rollout promote shop`');
  assert.equal(status.candidateRevision, world.object.revision.id);
  const shares = status.route.map((share) => [
    share.revision,
    share.role,
    share.weightPercent,
    share.measuredPercent,
    share.requests,
  ]);
  assert.deepEqual(shares, [
    [stable, 'stable', 92, 92, 920],
    [world.object.revision.id, 'candidate', 8, 8, 80],
  ]);
});

it('measures each stage from its own beginning', () => {
  const world = new SmallWorld({ strategy: CANARY }).settle();
  world.release('two');
  world.settle().traffic(1_000).later(2_000);
  world.command('promote');
  world.settle();
  assert.deepEqual(
    statusOf(world).route.map((share) => share.measuredPercent),
    [null, null],
  );
  assert.equal(statusOf(world).message, 'canary 50%: measures the split: 0 of 100 requests so far');
  world.traffic(60);
  const status = statusOf(world);
  assert.deepEqual(
    status.route.map((share) => [share.weightPercent, share.measuredPercent, share.requests]),
    [
      [50, 50, 30],
      [50, 50, 30],
    ],
  );
  assert.equal(status.message, 'canary 50%: measures the split: 60 of 100 requests so far');
  assert.deepEqual(
    status.release?.stages.map((stage) => [
      stage.name,
      stage.state,
      stage.askedPercent,
      stage.measuredPercent,
    ]),
    [
      ['canary 8%', 'done', 8, 8],
      ['canary 50%', 'current', 50, 50],
      ['canary 100%', 'todo', 100, null],
      ['promoted', 'todo', 100, null],
    ],
  );
});

it('says that a canary waits for a stable revision of which nobody is ready', () => {
  const world = new SmallWorld({ strategy: CANARY, replicas: 0 }).settle();
  world.unready.set(world.state.stable ?? '', 'connection refused');
  const { spec } = world.object;
  world.object = { ...world.object, spec: { ...spec, spec: { ...spec.spec, replicas: 3 } } };
  world.release('two');
  assert.match(
    statusOf(world.settle()).message,
    /^canary 8%: gives 92% of the requests to the stable revision 1, which has no ready replica \(replica .*: connection refused\)/,
  );
});

it('says how many replicas it waits for, and what their probe said', () => {
  const world = new SmallWorld({
    strategy: { kind: 'blueGreen', autoPromotion: true, warmMs: 60_000 },
  }).settle();
  world.unready.set('2-2', 'GET /healthz answered 500');
  world.release('two');
  world.settle();
  const status = statusOf(world);
  assert.equal(status.phase, 'Progressing');
  assert.equal(
    status.message,
    'preview: waits for 3 of 3 replicas to be ready; the last probe said: GET /healthz answered 500',
  );
  assert.deepEqual([status.replicas, status.readyReplicas], [6, 3]);
});

it('names who paused a release', () => {
  const world = new SmallWorld({ strategy: CANARY }).settle();
  world.release('two');
  world.settle();
  world.command('pause');
  world.settle();
  const { phase, message } = statusOf(world);
  assert.equal(phase, 'Paused');
  assert.equal(message, 'canary 8%: paused by ann; `crossfade rollout resume shop` goes on');
});

it('holds when the measured split is not the one that was asked for', () => {
  const world = new SmallWorld({ strategy: CANARY }).settle();
  world.release('two');
  world.settle();
  const stable = world.state.stable ?? '';
  world.counts[stable] = { requests: 1_000, ok: 1_000, failed: 0, split: 1_000, probes: 0 };
  const { phase, message, release } = statusOf(world.later(2_000));
  assert.equal(phase, 'Holding');
  assert.match(message, /^canary 8%: asked for .* measured revision 1 100% of 1000 requests/);
  assert.equal(release?.stages[0]?.gates[0]?.state, 'held');
});

it('keeps the old colour warm, gives the preview an address, and swaps colours', () => {
  const world = new SmallWorld({
    strategy: { kind: 'blueGreen', autoPromotion: false, warmMs: 60_000 },
  }).settle();
  assert.equal(statusOf(world).liveColour, 'blue');
  assert.equal(statusOf(world).previewUrl, null);
  world.release('two');
  world.settle();
  const preview = statusOf(world);
  assert.equal(preview.previewUrl, 'http://preview.shop.localhost:8000');
  assert.deepEqual(
    preview.route.map((share) => [share.role, share.weightPercent]),
    [
      ['stable', 100],
      ['candidate', 0],
    ],
  );
  world.command('promote');
  world.settle();
  world.traffic(100).later(2_000);
  const status = statusOf(world);
  assert.equal(status.phase, 'Healthy');
  assert.equal(status.liveColour, 'green');
  assert.match(
    status.message,
    /^revision 2 is stable with 3 of 3 replicas ready; revision 1 stays warm until 2026-/,
  );
  assert.ok(status.warmUntil);
  assert.deepEqual(
    status.route.map((share) => [share.revisionNumber, share.weightPercent, share.measuredPercent]),
    [[2, 100, 100]],
  );
  assert.equal(status.lastRelease?.verdict, 'promoted');
  assert.notEqual(status.lastRelease?.cutoverMs, null);
});

it('is degraded after an abort, says why, and how to try again', () => {
  const world = new SmallWorld({ strategy: CANARY }).settle();
  world.release('two');
  world.settle().traffic(1_000);
  world.command('abort', { reason: 'prices are wrong' });
  world.settle().later(60_000);
  const status = statusOf(world);
  assert.equal(status.phase, 'Degraded');
  assert.equal(
    status.message,
    'release r2 of revision 2 was aborted: aborted by ann: prices are wrong (`crossfade rollout retry shop` tries it again); ' +
      'revision 1 is stable with 3 of 3 replicas ready',
  );
  assert.equal(status.heldRevisions[0]?.revision, world.object.revision.id);
  assert.deepEqual(status.release?.verdict ?? status.lastRelease?.stages.map((stage) => stage.state), [
    'aborted',
    'skipped',
    'skipped',
    'skipped',
  ]);
});

it('says after an undo that the wanted revision is not the one that users are on', () => {
  const world = new SmallWorld({
    strategy: { kind: 'blueGreen', autoPromotion: true, warmMs: 60_000 },
  }).settle();
  world.release('two');
  world.settle().traffic(100).later(2_000);
  world.command('undo');
  world.settle().traffic(100).later(2_000).later(120_000);
  const { phase, message } = statusOf(world);
  assert.equal(phase, 'Healthy');
  assert.equal(
    message,
    'revision 1 is stable with 3 of 3 replicas ready; revision 2 is not released: undone by ann (r3) ' +
      '(`crossfade rollout retry shop` does)',
  );
});

it('is not healthy while replicas are missing or cannot be seen', () => {
  const world = new SmallWorld().settle();
  const [first] = world.replicas;
  if (first)
    Object.assign(first, { ready: false, lastProbe: { at: 0, ok: false, detail: 'connection refused' } });
  const missing = statusOf(world);
  assert.equal(missing.phase, 'Degraded');
  assert.equal(
    missing.message,
    'revision 1 is stable with 2 of 3 replicas ready; the last probe said: connection refused',
  );
  world.routerDown = 'no answer on its socket';
  const blind = statusOf(world);
  assert.match(blind.message, /; the router cannot be seen: no answer on its socket$/);
  assert.deepEqual(
    blind.route.map((share) => share.measuredPercent),
    [null],
  );
});

it('counts down what is left of an App that is deleted', () => {
  const world = new SmallWorld().settle();
  world.object = { ...world.object, generation: 2, deleting: true };
  const { phase, message } = statusOf(world);
  assert.equal(phase, 'Deleting');
  assert.equal(message, 'deleting: waits for 3 replicas to drain and stop');
});

it('says that nothing changes when it is frozen', () => {
  const world = new SmallWorld().settle();
  world.state = { ...world.state, frozen: { code: 'E_INVARIANT', message: 'weights sum to 90%' } };
  const { phase, message } = statusOf(world);
  assert.equal(phase, 'Frozen');
  assert.equal(message, 'frozen: weights sum to 90%; nothing changes until `crossfade rollout abort shop`');
});
