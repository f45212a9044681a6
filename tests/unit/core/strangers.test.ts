import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide } from '../../../src/core/decide/index.ts';
import { retireStrangers } from '../../../src/core/decide/strangers.ts';
import { specOf, World } from '../../simulation/world.ts';
import { draftOf, halfway } from './support.ts';

/** What becomes of a replica of this pool that no release has. */
function found(pool: string, phase: 'running' | 'stopping' = 'running') {
  const world = halfway();
  const [first] = world.replicas;
  assert.ok(first);
  world.replicas.push({ ...first, id: `${pool}-1`, pool, phase });
  const draft = draftOf(world);
  retireStrangers(draft);
  const { pools, retiring, revisions } = draft.state;
  return { pool: pools[pool], retiring, revisions, events: draft.events };
}

test('a replica of an unknown pool is taken up to be stopped, and told', () => {
  const { pool, retiring, events } = found('0-9');
  assert.deepEqual([pool, retiring], [{ id: '0-9', revision: '', incarnation: 9 }, ['0-9']]);
  assert.deepEqual(
    events.map(({ type, reason, message }) => `${type} ${reason}: ${message}`),
    [
      'Warning UnknownReplicas: replicas of pool 0-9 run that no release has: they were started late, by a controller of before, and are stopped',
    ],
  );
});

test('a pool whose revision is still known is one of that revision', () => {
  const { pool, revisions } = found('2-9');
  assert.equal(revisions[pool?.revision ?? '']?.number, 2);
});

test('replicas of known pools, and what stops already, are left', () => {
  for (const { retiring, events } of [found('1-1'), found('0-9', 'stopping')])
    assert.deepEqual([retiring, events], [[], []]);
});

test('replicas of a pool that is forgotten are stopped, and it is forgotten once more', () => {
  const world = new World(specOf({ kind: 'recreate' }));
  world.runUntil((w) => w.state.stable !== undefined && w.state.release === undefined).run(1000);
  const [model] = world.replicas;
  assert.ok(model);
  // What a leader of before that acts late does.
  world.replicas.push({ ...model, id: '0-9-1', pool: '0-9', address: '127.0.0.1:1' });
  const own = world.replicas.filter(({ pool }) => pool !== '0-9').map(({ id }) => id);
  world.run(5000);
  assert.deepEqual(
    world.replicas.map(({ id }) => id),
    own,
  );
  assert.equal(world.state.pools['0-9'], undefined);
  assert.deepEqual(world.state.retiring, []);
  assert.equal(world.state.frozen, undefined);
  assert.equal(world.events.filter(({ reason }) => reason === 'UnknownReplicas').length, 1);
  assert.equal(world.users.failed, 0);
});

test('the pool of a release is never called like replicas that run already', () => {
  const world = new World(specOf({ kind: 'recreate' }));
  const stranger = { phase: 'running', ready: true, wasReady: true, startedAt: 0, restarts: 0 } as const;
  // As an App of this name that is gone has left them; a name that is none of ours says nothing.
  for (const pool of ['1-1', '1-4', 'mine', '1-1000000000'])
    world.replicas.push({ ...stranger, id: `${pool}-1`, pool, address: '127.0.0.1:1' });
  world.runUntil((w) => w.state.stable !== undefined && w.state.release === undefined);
  assert.equal(world.state.stable, '1-5');
  assert.equal(world.state.history[0]?.id, 'r5');
});

test('a pool that was met as a stranger is not called again until it is forgotten', () => {
  const world = new World(specOf({ kind: 'recreate' }));
  world.runUntil((w) => w.state.stable !== undefined && w.state.release === undefined).run(1000);
  const state = structuredClone(world.state);
  // What a second version of an App of this name would have been called.
  state.pools['2-2'] = { id: '2-2', revision: '', incarnation: 2 };
  state.retiring.push('2-2');
  world.apply('v2');
  const { next } = decide(state, world.observed(), world.now);
  assert.equal(next.release?.arms.candidate, '2-3');
  assert.equal(next.frozen, undefined);
});
