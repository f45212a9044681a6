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

const NO_WAY_BACK: AppSpec['spec']['strategy'][] = [
  { kind: 'recreate' },
  { kind: 'rolling', maxSurge: 0, maxUnavailable: 1 },
  { kind: 'rolling', maxSurge: 1, maxUnavailable: 0 },
];
for (const strategy of NO_WAY_BACK) {
  test(`an abort whose stable does not start any more gives way to the next version: ${JSON.stringify(strategy)}`, () => {
    const world = new World(specOf(strategy));
    world.runUntil((w) => w.state.stable !== undefined && !w.state.release);
    world.behaviours.set('v2', { readyAfterMs: 300, answers: 'failed' });
    world.apply('v2');
    world.runUntil((w) => w.replicas.filter((r) => r.pool === '1-1').length < 3);
    world.behaviours.set('v1', { readyAfterMs: 1e9, exitsAfterMs: 500, answers: 'ok' });
    world.command('abort');
    world.run(3000);
    world.apply('v3');
    world.runUntil((w) => !w.state.release, 400_000);
    const revision = world.state.pools[world.state.stable ?? '']?.revision ?? '';
    assert.equal(world.state.revisions[revision]?.run.command[0], 'v3', world.log.slice(-20).join('\n'));
    assert.equal(world.replicas.length, 3);
    assert.equal(world.state.frozen, undefined);
  });
}

test('commands whose ids look like numbers are carried out once each, however many came before', () => {
  const world = started(CANARY);
  world.apply('v2');
  world.runUntil((w) => weightOf(w, 'v2') === 2000);
  for (let n = 0; n < 300; n += 1) {
    world.command(n % 2 === 0 ? 'pause' : 'resume', { id: n < 150 ? `first-${n}` : String(10_000 - n) });
    world.run(20);
  }
  world.run(1000);
  const told = world.events.filter((event) => event.reason === 'Command');
  assert.equal(told.length, 300);
  // The newest are the ones that are remembered.
  assert.ok(world.state.commandsDone['9701'] && !world.state.commandsDone['first-0']);
});

test('of more commands at a time than are remembered, none is carried out twice', () => {
  const world = started(CANARY);
  world.apply('v2');
  world.runUntil((w) => weightOf(w, 'v2') === 2000);
  for (let n = 0; n < 250; n += 1) world.command(n % 2 === 0 ? 'pause' : 'resume', { id: `${n}` });
  world.run(1000);
  assert.equal(world.events.filter((event) => event.reason === 'Command').length, 250);
});

test('a canary over a stable of which nobody gets ready says so when it is given up', () => {
  const world = started(CANARY);
  world.behaviours.set('v1', { readyAfterMs: 1_000_000, answers: 'failed' });
  world.apply('v1', specOf(CANARY, { replicas: 0 }));
  world.run(15_000);
  world.apply('v2', specOf(CANARY, { replicas: 3 }));
  world.runUntil((w) => w.events.some((event) => event.reason === 'ReleaseAborting'));
  const message = world.events.find((event) => event.reason === 'ReleaseAborting')?.message ?? '';
  assert.match(
    message,
    /no progress for 60 s .*gives 80% of the requests to the stable revision 1, which has no ready replica/,
  );
  // The way out that it names.
  world.apply(
    'v3',
    specOf({ kind: 'recreate', admit: { kind: 'refuse' } } as unknown as Strategy, { replicas: 3 }),
  );
  world.runUntil((w) => stableVersion(w) === 'v3');
});

test('a recreate that is aborted before anything was stopped says for how long users were refused', () => {
  const world = new World(specOf({ kind: 'recreate' })).runUntil(
    (w) => w.state.stable !== undefined && !w.state.release,
  );
  world.router = 'slow';
  world.apply('v2');
  world.runUntil((w) => w.state.release?.record.at(-1)?.name === 'refuse');
  world.command('pause');
  world.run(200);
  world.router = 'answers';
  world.runUntil((w) => w.table?.route.admit.kind === 'refuse').run(1000);
  world.command('abort');
  world.runUntil((w) => w.state.release === undefined);
  assert.match(world.events.map(({ reason }) => reason).join(' '), /OutageEnded ReleaseAborted/);
  const { outage } = world.state.history.at(-1) ?? {};
  assert.ok(outage?.to !== undefined && outage.to >= outage.from + 1000, JSON.stringify(outage));
});
