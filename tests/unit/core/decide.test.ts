import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppSpec } from '../../../src/spec/app.ts';
import { objectOf, specOf, World } from '../../simulation/world.ts';

type Strategy = AppSpec['spec']['strategy'];
const CANARY: Strategy = {
  kind: 'canary',
  steps: [
    { kind: 'setWeight', weightBp: 2000 },
    { kind: 'pause' },
    { kind: 'setWeight', weightBp: 5000 },
    { kind: 'pause' },
  ],
  warmMs: 5000,
};
const BLUE_GREEN: Strategy = { kind: 'blueGreen', autoPromotion: true, warmMs: 5000 };
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

test('a third version in mid-release supersedes: stable stays routed, the half-released one goes', () => {
  const world = started(CANARY);
  world.apply('v2');
  world.runUntil((w) => weightOf(w, 'v2') === 2000);
  world.apply('v3');
  world.settle();
  assert.equal(weightOf(world, 'v1'), 10_000);
  world.runUntil((w) => weightOf(w, 'v3') === 2000);
  assert.equal(
    world.state.history.at(-1)?.phase.kind === 'done' && world.state.history.at(-1)?.revision !== undefined,
    true,
  );
  const superseded = world.state.history.at(-1)?.phase;
  assert.equal(superseded?.kind === 'done' && superseded.verdict, 'superseded');
  assert.equal(world.state.held.length, 0, 'a superseded revision did nothing wrong');
});

test('with onNewRevision: queue the third version waits for the second', () => {
  const world = started(CANARY, { onNewRevision: 'queue' });
  world.apply('v2');
  world.runUntil((w) => weightOf(w, 'v2') === 2000);
  world.apply('v3');
  world.run(2000);
  assert.equal(weightOf(world, 'v2'), 2000);
  world.command('promote', { full: true });
  world.runUntil((w) => weightOf(w, 'v3') === 2000);
  assert.equal(stableVersion(world), 'v2');
});

test('with onNewRevision: reject the third version is told and not taken', () => {
  const world = started(CANARY, { onNewRevision: 'reject' });
  world.apply('v2');
  world.runUntil((w) => weightOf(w, 'v2') === 2000);
  world.apply('v3');
  world.run(1000);
  assert.ok(world.events.some((event) => event.reason === 'RevisionRejected'));
  assert.equal(weightOf(world, 'v2'), 2000);
});

test('abort at every stage of a canary ends with stable at 100% and the revision held', () => {
  for (const promotes of [0, 1]) {
    const world = started(CANARY);
    world.apply('v2');
    for (let n = 0; n < promotes; n++) {
      world.runUntil((w) => w.state.release?.gates.some((gate) => gate.kind === 'waiting') ?? false);
      world.command('promote');
      world.run(500);
    }
    world.command('abort', { reason: 'looks wrong' });
    world.run(3000);
    assert.equal(weightOf(world, 'v1'), 10_000);
    assert.equal(world.state.held[0]?.why.message, 'aborted by tester: looks wrong');
    assert.equal(world.replicas.length, 3);
    world.apply('v2');
    world.run(2000);
    assert.equal(world.state.release, undefined, 'a held revision is not started again by apply');
    world.command('retry');
    world.runUntil((w) => weightOf(w, 'v2') === 2000);
  }
});

test('a command is applied once, however often it is repeated', () => {
  const world = started(CANARY);
  world.apply('v2');
  world.runUntil((w) => w.state.release?.gates.some((gate) => gate.kind === 'waiting') ?? false);
  const id = world.command('promote');
  world.command('promote', { id });
  world.command('promote', { id });
  world.run(3000);
  assert.equal(weightOf(world, 'v2'), 5000, 'the second pause still holds');
});

test('scaling in mid-release just works, up and down', () => {
  const world = started(CANARY);
  world.apply('v2');
  world.runUntil((w) => weightOf(w, 'v2') === 2000);
  const spec = specOf(CANARY, { replicas: 6 });
  world.object = objectOf(spec, 'v2', world.object.generation + 1);
  world.run(2000);
  assert.equal(world.replicas.length, 6 + 2);
  world.object = objectOf(specOf(CANARY, { replicas: 2 }), 'v2', world.object.generation + 1);
  world.run(2000);
  assert.equal(world.replicas.length, 2 + 1);
  assert.equal(world.state.frozen, undefined);
});

test('delete in mid-release withdraws the route, stops everything and is gone', () => {
  const world = started(CANARY);
  world.apply('v2');
  world.runUntil((w) => weightOf(w, 'v2') === 2000);
  world.object = { ...world.object, deleting: true };
  world.runUntil((w) => w.gone);
  assert.equal(world.replicas.length, 0);
  assert.equal(world.table, undefined);
});

test('a replica with requests under way is not stopped before they are done or the deadline is over', () => {
  const world = started(ROLLING);
  const old = world.replicas.map((r) => r.id);
  for (const id of old) world.inFlight[id] = 1;
  world.apply('v2');
  world.run(5000);
  assert.equal(old.filter((id) => world.replicas.some((r) => r.id === id)).length, 3, 'none was stopped');
  world.inFlight = {};
  world.runUntil((w) => !w.state.release);
  assert.equal(stableVersion(world), 'v2');
});

test('a split that the router does not follow holds the release and says what was measured', () => {
  const world = started(CANARY);
  world.bend = (table) => ({
    ...table,
    route: {
      ...table.route,
      split: { kind: 'weights', to: [{ key: world.state.stable ?? '', weight: 10_000 }] },
    },
  });
  world.apply('v2');
  world.run(5000);
  const gate = world.state.release?.gates[0];
  assert.equal(gate?.kind === 'measuring' && gate.mismatch?.code, 'E_SPLIT_MISMATCH');
  assert.match(
    gate?.kind === 'measuring' ? (gate.mismatch?.message ?? '') : '',
    /^asked for revision 1 80%, revision 2 20%; the route of default\/shop \(generation \d+\) carries revision 1 100%; measured revision 1 100% of \d+ requests\. Likely: something else than this Crossfade wrote/,
  );
  world.bend = (table) => table;
  world.table = world.state.table;
  world.runUntil((w) => w.state.release?.gates[1]?.kind === 'waiting');
});

test('connections that stay open for long do not keep a split from being measured', () => {
  const world = started(CANARY);
  for (const { id } of world.replicas) world.inFlight[id] = 1_000;
  world.apply('v2');
  world.run(3000);
  const gate = world.state.release?.gates[0];
  assert.equal(gate?.kind, 'passed');
});

test('a gate is not passed while the candidate answers nothing well, and tells', () => {
  const world = started(CANARY, { verify: { onNoTraffic: 'hold', minRequests: 40 } });
  world.behaviours.set('v2', { readyAfterMs: 50, answers: 'failed' });
  world.rps = 0;
  world.apply('v2');
  world.runUntil((w) => w.state.release?.gates[0]?.kind === 'measuring');
  world.send(60, 'split');
  world.run(5000);
  assert.equal(world.state.release?.gates[0]?.kind, 'measuring', '12 requests of the candidate, all failed');
  world.behaviours.set('v2', { readyAfterMs: 50, answers: 'ok' });
  world.send(10, 'split');
  world.run(100);
  assert.equal(world.state.release?.gates[0]?.kind, 'passed');
});

test('no traffic is never a pass: with onNoTraffic: hold the release waits for users', () => {
  const world = started(CANARY, { verify: { onNoTraffic: 'hold' } });
  world.rps = 0;
  world.apply('v2');
  world.run(30_000);
  assert.equal(world.state.release?.gates[0]?.kind, 'measuring');
  assert.equal(
    world.log.some((line) => line.includes('probe')),
    false,
  );
});

const BAD: [string, Parameters<World['behaviours']['set']>[1], string][] = [
  ['exits at start', { readyAfterMs: 1000, exitsAfterMs: 50, answers: 'ok' }, 'E_CANDIDATE_EXITS'],
  ['never gets ready', { readyAfterMs: 1e9, answers: 'ok' }, 'E_PROGRESS_DEADLINE'],
  ['loses readiness', { readyAfterMs: 50, unreadyAfterMs: 500, answers: 'ok' }, 'E_CANDIDATE_UNREADY'],
  ['answers only 500', { readyAfterMs: 50, answers: 'failed' }, 'E_NO_SUCCESS'],
  ['never answers a request', { readyAfterMs: 50, answers: 'none' }, 'E_NO_SUCCESS'],
];
for (const [name, behaviour, code] of BAD) {
  test(`a candidate that ${name} ends with stable at 100% and says so`, () => {
    for (const strategy of [CANARY, BLUE_GREEN, ROLLING, { kind: 'recreate' } as const]) {
      const world = started(strategy);
      world.behaviours.set('v2', behaviour);
      world.apply('v2');
      world.run(strategy.kind === 'recreate' ? 80_000 : 70_000);
      assert.equal(world.state.release, undefined, `${strategy.kind}: ended\n${world.log.join('\n')}`);
      assert.equal(stableVersion(world), 'v1', strategy.kind);
      assert.equal(world.replicas.length, 3, strategy.kind);
      assert.equal(world.state.held[0]?.why.code, code, strategy.kind);
      assert.equal(world.table?.route.admit.kind, 'open', strategy.kind);
    }
  });
}

test('without users a candidate that answers only 500 is found by marked requests', () => {
  for (const strategy of [CANARY, ROLLING, { kind: 'recreate' } as const]) {
    const world = started(strategy);
    world.rps = 0;
    world.behaviours.set('v2', { readyAfterMs: 50, answers: 'failed' });
    world.apply('v2');
    world.run(30_000);
    assert.equal(world.state.release, undefined, strategy.kind);
    assert.equal(stableVersion(world), 'v1', strategy.kind);
    const why = world.state.held[0]?.why;
    assert.equal(why?.code, 'E_NO_SUCCESS', strategy.kind);
    assert.match(why?.message ?? '', /\(\d+ failed; \d+ were marked requests of Crossfade itself\)$/);
  }
});

test('a first release that fails has nothing to go back to and leaves nothing behind', () => {
  const world = new World(specOf(CANARY));
  world.behaviours.set('v1', { readyAfterMs: 1000, exitsAfterMs: 50, answers: 'ok' });
  world.run(5000);
  assert.equal(world.state.stable, undefined);
  assert.equal(world.replicas.length, 0);
  assert.equal(world.state.held[0]?.why.code, 'E_CANDIDATE_EXITS');
});

test('pause stops a roll, resume goes on, and abort is not blocked by it', () => {
  const world = started(ROLLING);
  world.apply('v2');
  world.run(120);
  world.command('pause');
  world.run(5000);
  const replicas = world.replicas.map((r) => r.id);
  world.run(5000);
  assert.deepEqual(
    world.replicas.map((r) => r.id),
    replicas,
  );
  world.command('abort');
  world.run(5000);
  assert.equal(stableVersion(world), 'v1');
  assert.equal(world.replicas.length, 3);
});

test('undo while the old one is warm is one route change', () => {
  const world = started(CANARY);
  world.apply('v2');
  world.run(200);
  world.command('promote', { full: true });
  world.runUntil((w) => !w.state.release);
  const before = world.log.length;
  world.command('undo');
  world.settle();
  assert.equal(weightOf(world, 'v1'), 10_000);
  assert.equal(
    world.log.slice(before).some((line) => line.includes('grow')),
    false,
  );
});

test('restart replaces every replica of the same revision', () => {
  const world = started(CANARY);
  const before = new Set(world.replicas.map((r) => r.id));
  world.command('restart');
  world.runUntil((w) => !w.state.release && w.replicas.length === 3 && w.now > 1_001_000);
  assert.equal(
    world.replicas.some((r) => before.has(r.id)),
    false,
  );
  assert.equal(stableVersion(world), 'v1');
});

test('a roll that its hanging candidate blocks says what the probe heard, or that nothing was answered', () => {
  for (const [lastProbe, told] of [
    [
      { at: 0, ok: false, detail: 'no answer within 1 s' },
      /; the last probe of replica .* said: no answer within 1 s/,
    ],
    [{ at: 0, ok: true, detail: 'answered 200' }, /; it was sent 7 requests and answered none of them well$/],
  ] as const) {
    const world = started(ROLLING, { progressDeadlineSeconds: 5 });
    world.rps = 0;
    world.apply('v2');
    world.runUntil((w) => w.state.release?.cutover !== undefined);
    const candidate = world.state.release?.arms.candidate ?? '';
    for (const replica of world.replicas) if (replica.pool === candidate) replica.lastProbe = lastProbe;
    world.counts[candidate] = { requests: 7, ok: 0, failed: 0, split: 7, probes: 0 };
    world.run(10_000);
    assert.match(world.state.held[0]?.why.message ?? '', told);
  }
});
