/** What operators do at a bad moment. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppSpec } from '../../../src/spec/app.ts';
import { specOf, World } from '../../simulation/world.ts';

type Strategy = AppSpec['spec']['strategy'];
const CANARY: Strategy = {
  kind: 'canary',
  steps: [{ kind: 'setWeight', weightBp: 2000 }, { kind: 'pause' }],
  warmMs: 5000,
};
const ROLLING: Strategy = { kind: 'rolling', maxSurge: 1, maxUnavailable: 0 };

function started(strategy: Strategy, more: Partial<AppSpec['spec']> = {}): World {
  const world = new World(specOf(strategy, more));
  return world.runUntil((w) => w.state.stable !== undefined && !w.state.release);
}

function stableVersion(world: World): string | undefined {
  const revision = world.state.pools[world.state.stable ?? '']?.revision;
  return world.state.revisions[revision ?? '']?.run.command[0];
}

function weightOf(world: World, version: string): number {
  const split = world.table?.route.split;
  if (split?.kind !== 'weights') return -1;
  const of = (pool: string) => world.state.revisions[world.state.pools[pool]?.revision ?? '']?.run.command[0];
  return split.to.find((share) => of(share.key) === version)?.weight ?? 0;
}

test('scaling while a bad version is taken back does not start that version again', () => {
  const world = started(ROLLING);
  world.apply('v2');
  world.runUntil((w) => w.state.release?.cutover !== undefined);
  world.command('abort');
  world.runUntil((w) => w.state.release?.phase.kind === 'aborting');
  world.apply('v2', specOf(ROLLING, { replicas: 5 }));
  world.run(5000);
  assert.equal(world.state.release, undefined);
  assert.equal(stableVersion(world), 'v1');
  assert.equal(world.replicas.length, 5);
  assert.ok(world.events.some((event) => event.reason === 'RevisionHeld'));
});

test('going back to a held version forgets the one that waited for the release to end', () => {
  const world = started(CANARY, { onNewRevision: 'queue' });
  world.apply('v2');
  world.runUntil((w) => weightOf(w, 'v2') === 2000);
  world.command('abort');
  world.runUntil((w) => w.state.release === undefined);
  world.apply('v3');
  world.runUntil((w) => weightOf(w, 'v3') === 2000);
  world.apply('v4');
  world.run(100);
  world.apply('v2');
  world.run(100);
  world.command('promote', { full: true });
  world.run(10_000);
  assert.equal(stableVersion(world), 'v3');
  assert.equal(world.state.release, undefined);
});

test('promote of a release that somebody paused resumes it, and says so', () => {
  const world = started(CANARY, { verify: { onNoTraffic: 'hold' } });
  world.rps = 0;
  world.apply('v2');
  world.runUntil((w) => weightOf(w, 'v2') === 2000);
  world.command('promote');
  world.run(100);
  world.command('pause');
  const id = world.command('promote');
  world.run(100);
  assert.equal(world.state.commandsDone[id]?.result.kind, 'done');
  assert.equal(world.state.release?.pausedBy, undefined);
});

test('an App whose release is frozen can be deleted', () => {
  const world = started(CANARY);
  world.state = { ...world.state, frozen: { code: 'E_TEST', message: 'frozen' } };
  world.object = { ...world.object, deleting: true };
  world.run(1000);
  assert.equal(world.gone, true);
});
