/** One decision as a whole: when nothing is decided, what each decision looks at, and when it is a new version. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide } from '../../../src/core/decide/index.ts';
import { CANARY, halfway, started } from './support.ts';

test('nothing is decided of an App that cannot be seen', () => {
  const world = halfway();
  const unseen = { kind: 'unknown' as const, since: 0, why: 'locked' };
  const decision = decide(world.state, { ...world.observed(), app: unseen }, world.now);
  assert.deepEqual(decision, { next: world.state, events: [], actions: [] });
});

test('a decision that changes nothing is no new version; one that does is the next', () => {
  const world = started();
  const same = decide(world.state, world.observed(), world.now);
  assert.deepEqual([same.next, same.actions, same.events], [world.state, [], []]);
  assert.equal(same.next, world.state);
  world.apply('v2');
  const next = decide(world.state, world.observed(), world.now);
  assert.equal(next.next.version, world.state.version + 1);
});

test('a frozen release is left as it is, but for what operators say and for being deleted', () => {
  const world = halfway();
  const frozen = { code: 'E_INVARIANT_1', message: '' };
  world.state.frozen = frozen;
  world.replicas = [];
  const left = decide(world.state, world.observed(), world.now);
  assert.deepEqual([left.actions, left.next.frozen], [[], frozen]);
  world.apply('v3');
  assert.equal(decide(world.state, world.observed(), world.now).next.queued, undefined);
  world.object = { ...world.object, deleting: true };
  const deleted = decide(world.state, world.observed(), world.now);
  assert.equal(deleted.next.frozen, undefined);
  assert.ok(deleted.next.deleting);
});

test('without replicas to see, nothing is moved', () => {
  const world = halfway();
  world.command('promote');
  const unseen = { kind: 'unknown' as const, since: 0, why: 'gone' };
  const { next, actions, gone } = decide(world.state, { ...world.observed(), replicas: unseen }, world.now);
  assert.deepEqual([actions, gone], [[], undefined]);
  assert.equal(next.release?.phase.kind === 'advancing' && next.release.phase.stage, 0);
  world.commands = [];
  const idle = decide(world.state, { ...world.observed(), replicas: unseen }, world.now);
  assert.equal(idle.next, world.state, 'nor is it noted that nobody is there');
});

test('a release that is frozen and deleted already stays frozen', () => {
  const world = started();
  world.state.frozen = { code: 'E_INVARIANT_1', message: '' };
  world.state.deleting = { since: 0 };
  world.object = { ...world.object, deleting: true };
  assert.ok(decide(world.state, world.observed(), world.now).next.frozen);
});

test('a decision says when to look again, and nothing where nothing is to come', () => {
  const rest = decide(started().state, started().observed(), started().now);
  assert.ok(!('wakeAt' in rest));
  const world = started({ kind: 'canary', steps: [{ kind: 'pause', durationMs: 5000 }], warmMs: 0 });
  world.apply('v2');
  world.runUntil((w) => w.state.release?.gates[0]?.kind === 'waiting');
  const { next, wakeAt } = decide(world.state, world.observed(), world.now);
  const gate = next.release?.gates[0];
  assert.equal(wakeAt, gate?.kind === 'waiting' ? gate.since + 5000 : undefined);
});

test('every decision looks for replicas that nobody knows, a bad candidate, and trouble with the route', () => {
  const world = halfway();
  const [first] = world.replicas;
  assert.ok(first);
  world.replicas.push({ ...first, id: '0-9-1', pool: '0-9' });
  world.routeTrouble = { code: 'E_ROUTE_OVERWRITTEN', message: 'flux' };
  for (const replica of world.replicas) if (replica.pool === '2-2') replica.crashes = 1;
  const { events } = decide(world.state, world.observed(), world.now);
  assert.deepEqual(
    events.map(({ reason }) => reason),
    ['UnknownReplicas', 'ReleaseAborting', 'RouteNotFollowed'],
  );
});

test('every decision notes what only the router knows', () => {
  const world = halfway();
  delete world.state.routed;
  assert.ok(decide(world.state, world.observed(), world.now).next.routed);
});

test('who was chosen to leave is chosen anew while the route still names it', () => {
  const world = started(CANARY, { replicas: 3 });
  world.state.leaving['1-1-1'] = { pool: '1-1', generation: -1, stopped: false };
  assert.deepEqual(decide(world.state, world.observed(), world.now).next.leaving, {});
});

test('a decision that breaks an invariant is not done: all stays as it is, and the App says so', () => {
  const world = halfway();
  const before = { ...world.state, retiring: ['1-1'] };
  const { next, events, actions } = decide(before, world.observed(), world.now);
  const message =
    'pool 1-1 would be retired, which is still needed; nothing was changed. `rollout abort` goes back to stable. Please report this as a bug';
  assert.deepEqual(actions, []);
  assert.deepEqual(next, {
    ...before,
    version: before.version + 1,
    frozen: { code: 'E_INVARIANT_7', message },
  });
  assert.deepEqual(events, [{ at: world.now, type: 'Warning', reason: 'InvariantBroken', message }]);
});
