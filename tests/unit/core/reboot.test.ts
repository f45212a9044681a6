/** A machine that was switched off in the middle of a canary: the router serves nobody until replicas are verified. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specOf, World } from '../../simulation/world.ts';

/** Half of the users are on version 2; then all is started anew, and what is not named stays unready. */
function rebooted(): World {
  const steps = [{ kind: 'setWeight', weightBp: 5000 } as const, { kind: 'pause' } as const];
  const world = new World(specOf({ kind: 'canary', steps, warmMs: 5000 }));
  world.runUntil((w) => w.state.stable !== undefined && !w.state.release);
  world.apply('v2');
  world.runUntil((w) => w.state.release?.gates.at(-1)?.kind === 'waiting');
  for (const version of ['v1', 'v2'])
    world.behaviours.set(version, { readyAfterMs: Number.POSITIVE_INFINITY, answers: 'ok' });
  const starting = { phase: 'starting', ready: false, wasReady: false, startedAt: world.now };
  const lastProbe = { at: world.now, ok: false, detail: 'connection refused' };
  for (const replica of world.replicas) Object.assign(replica, starting, { lastProbe });
  world.table = undefined;
  return world.run(1000);
}

function becomesReady(world: World, version: string): void {
  world.behaviours.set(version, { readyAfterMs: 0, answers: 'ok' });
  world.run(1000);
}

function membersOf(world: World): number[] {
  const { stable = '', candidate = '' } = world.state.release?.arms ?? {};
  return [stable, candidate].map((pool) => world.table?.members[pool]?.length ?? 0);
}

test('nobody is sent to a replica that was not ready in this boot', () => {
  const world = rebooted();
  assert.equal(world.table, undefined);
});

test('users of the stable version need not wait for the candidate, and the release stands where it stood', () => {
  const world = rebooted();
  becomesReady(world, 'v1');
  assert.deepEqual(membersOf(world), [3, 0]);
  assert.equal(world.state.release?.phase.kind, 'advancing');
  becomesReady(world, 'v2');
  assert.deepEqual(membersOf(world), [3, 2]);
  world.command('promote');
  world.runUntil((w) => w.state.history.length === 2);
  assert.deepEqual(world.state.history.at(-1)?.phase, { kind: 'done', verdict: 'promoted' });
});
