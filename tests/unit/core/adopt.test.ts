import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide } from '../../../src/core/decide/index.ts';
import type { Replica } from '../../../src/core/model.ts';
import type { AppSpec } from '../../../src/spec/app.ts';
import { specOf, World } from '../../simulation/world.ts';

type Strategy = AppSpec['spec']['strategy'];
const BLUE_GREEN: Strategy = { kind: 'blueGreen', autoPromotion: true, warmMs: 5000 };
const KUBERNETES = {
  router: 'service',
  deployment: 'shop',
  imagePullSecrets: [],
  env: [],
  envFrom: [],
  volumes: [],
  volumeMounts: [],
  topologySpreadConstraints: [],
} as const;

/** Pods that were there before the App. */
function adopting(strategy: Strategy, replicas = 3): World {
  const kubernetes = KUBERNETES as unknown as NonNullable<AppSpec['spec']['kubernetes']>;
  const world = new World(specOf(strategy, { kubernetes, replicas }));
  world.replicas = Array.from({ length: replicas }, (_, index) => ({
    id: `old-${index}`,
    pool: '1-1',
    address: `127.0.0.1:${21_000 + index}`,
    phase: 'running',
    ready: true,
    readySince: world.now - 60_000,
    wasReady: true,
    startedAt: world.now - 60_000,
    restarts: 0,
  }));
  return world;
}

test('pods that are adopted are stable at once: no release, nothing is grown or stopped', () => {
  const world = adopting(BLUE_GREEN);
  world.run(2000);
  assert.equal(world.state.stable, '1-1');
  assert.equal(world.state.release, undefined);
  assert.deepEqual(world.state.history, []);
  assert.deepEqual(Object.keys(world.state.pools), ['1-1']);
  assert.equal(world.state.pools['1-1']?.colour, 'blue');
  assert.deepEqual(
    world.replicas.map(({ id }) => id),
    ['old-0', 'old-1', 'old-2'],
  );
  assert.deepEqual(
    world.table?.members['1-1']?.map(({ replica }) => replica),
    ['old-0', 'old-1', 'old-2'],
  );
  assert.deepEqual(
    world.events.map(({ reason }) => reason),
    ['Adopted'],
  );
});

test('a route that cannot be written stops none of the pods that are adopted', () => {
  const world = adopting(BLUE_GREEN);
  world.router = 'lost';
  world.run(200_000);
  assert.equal(world.state.stable, '1-1');
  assert.equal(world.replicas.length, 3);
});

test('the next revision is released from the adopted pods, and undo goes back to them while they are warm', () => {
  const world = adopting(BLUE_GREEN);
  world.run(1000);
  world.apply('v2');
  world.runUntil((w) => w.state.release === undefined && w.state.stable !== '1-1');
  assert.equal(world.state.history.at(-1)?.fromRevision, world.state.pools['1-1']?.revision);
  world.command('undo');
  world.runUntil((w) => w.state.stable === '1-1' && w.state.release === undefined);
  assert.ok(world.replicas.some(({ id }) => id === 'old-0'));
});

test('until the pods are seen nothing is begun, and that none is adopted is told', () => {
  const world = adopting(BLUE_GREEN);
  const pods = world.replicas;
  world.replicas = [];
  world.run(1000);
  assert.equal(world.state.generationSeen, 0);
  // Of an App of this name that is gone.
  const gone = pods.map((pod): Replica => ({ ...pod, phase: 'stopping' }));
  const seen = { ...world.observed(), replicas: { kind: 'known' as const, value: gone, at: world.now } };
  const { next } = decide(world.state, seen, world.now);
  assert.equal(next.stable, undefined);
  assert.equal(world.state.release, undefined);
  assert.match(world.state.trouble?.message ?? '', /no pod of it is adopted/);
  world.replicas = pods;
  world.run(1000);
  assert.equal(world.state.stable, '1-1');
  assert.equal(world.state.trouble, undefined);
});

test('a Deployment that has no pods is adopted as an App that has none, and scaled as one', () => {
  const world = adopting(BLUE_GREEN, 0);
  world.run(1000);
  assert.equal(world.state.stable, '1-1');
  assert.equal(world.replicas.length, 0);
});

/** What the first decision says of it. */
function firstLook(world: World) {
  const { next, events } = decide(world.state, world.observed(), world.now);
  return {
    next,
    says: events.map(({ type, reason, message, actor }) => `${type} ${reason}: ${message} (${actor})`),
  };
}

test('who has adopted the pods, and as what, is told', () => {
  assert.deepEqual(firstLook(adopting(BLUE_GREEN)).says, [
    'Normal Adopted: the pods of Deployment shop are revision 1, and stable (tester)',
  ]);
});

test('the name of the adopted pool is given out, and only blueGreen gives it a colour', () => {
  const { next } = firstLook(adopting({ kind: 'rolling', maxSurge: 1, maxUnavailable: 0 }));
  assert.deepEqual(next.pools['1-1'], {
    id: '1-1',
    revision: adopting(BLUE_GREEN).object.revision.id,
    incarnation: 1,
  });
  assert.equal(next.nextReleaseNumber, 2);
});

test('pods that cannot be seen are not called missing, and what else is wrong stays told', () => {
  const unseen = adopting(BLUE_GREEN);
  const { replicas: _, ...seen } = unseen.observed();
  const blind = { ...seen, replicas: { kind: 'unknown' as const, since: 0, why: 'no connection' } };
  const { next } = decide(unseen.state, blind, unseen.now);
  assert.deepEqual([next.trouble, next.generationSeen], [undefined, 0]);
  const other = { code: 'E_X', message: 'no disk', at: 0 };
  const missing = adopting(BLUE_GREEN);
  missing.replicas = [];
  missing.state = { ...missing.state, trouble: other };
  assert.deepEqual(firstLook(missing).next.trouble, other);
  const there = adopting(BLUE_GREEN);
  there.state = { ...there.state, trouble: other };
  assert.deepEqual(firstLook(there).next.trouble, other);
});

test('pods of another name are not the adopted ones', () => {
  const world = adopting(BLUE_GREEN);
  for (const replica of world.replicas) replica.pool = '7-7';
  const { next } = firstLook(world);
  assert.equal(next.stable, undefined);
  assert.equal(next.trouble?.code, 'E_NOT_ADOPTED');
});

test('pods that are seen at last are no trouble any more', () => {
  const world = adopting(BLUE_GREEN);
  const trouble = { code: 'E_NOT_ADOPTED', message: 'no pod', at: 0 };
  world.state = { ...world.state, trouble };
  assert.equal(firstLook(world).next.trouble, undefined);
});

test('only the first look adopts: not in a release of its own, nor beside a stable version', () => {
  const begun = adopting(BLUE_GREEN);
  begun.state = { ...begun.state, generationSeen: 1 };
  assert.equal(firstLook(begun).next.stable, undefined);
  const other = adopting(BLUE_GREEN);
  const pools = { '7-7': { id: '7-7', revision: other.object.revision.id, incarnation: 7 } };
  other.state = { ...other.state, stable: '7-7', pools };
  assert.equal(firstLook(other).next.stable, '7-7');
});

test('an App that has lost its pods later is not adopted anew', () => {
  const world = adopting(BLUE_GREEN);
  world.run(1000);
  world.replicas = [];
  const { says, next } = firstLook(world);
  assert.deepEqual(says, []);
  assert.equal(next.trouble, undefined);
});
