/** What a candidate did before it was ready is not held against it once it is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specOf, World } from '../../simulation/world.ts';

function rolling(): World {
  const world = new World(specOf({ kind: 'rolling', maxSurge: 1, maxUnavailable: 0 }));
  return world.runUntil((w) => w.state.stable !== undefined && !w.state.release);
}

/** The first replica of version 2 exits once; `wasReady`: after it had been. */
function exitOnce(world: World, wasReady: boolean): void {
  world.behaviours.set('v2', { readyAfterMs: 3000, answers: 'ok' });
  world.apply('v2');
  const candidate = () => world.state.release?.arms.candidate;
  const find = () => world.replicas.find((one) => one.pool === candidate() && one.wasReady === wasReady);
  world.runUntil(() => find() !== undefined);
  const replica = find();
  assert.ok(replica);
  const crashes = wasReady ? 1 : 0;
  const lastExit = { at: world.now, code: 1, signal: null };
  Object.assign(replica, { restarts: 1, crashes, ready: false, startedAt: world.now, lastExit });
}

test('a candidate that exited before it was ready, and is ready when started again, is promoted', () => {
  const world = rolling();
  exitOnce(world, false);
  world.runUntil((w) => w.state.history.length === 2);
  assert.deepEqual(world.state.history.at(-1)?.phase, { kind: 'done', verdict: 'promoted' });
});

test('one that exited after it had been ready is taken back', () => {
  const world = rolling();
  exitOnce(world, true);
  world.runUntil((w) => w.state.history.length === 2);
  const phase = world.state.history.at(-1)?.phase;
  assert.equal(phase?.kind === 'done' && phase.why?.code, 'E_CANDIDATE_CRASHED');
});
