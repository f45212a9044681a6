/** What `plan` says before anything happens. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunSpec } from '../../../src/core/model.ts';
import { type PlanRequest, type PlanView, planFor } from '../../../src/core/plan.ts';
import type { AppSpec, Strategy } from '../../../src/spec/app.ts';
import { parseAppFile } from '../../../src/spec/parse.ts';
import { objectOf, specOf, type World } from '../../simulation/world.ts';
import { CANARY, EVERYTHING, halfway, started } from './support.ts';

function planOf(spec: object): PlanView {
  const document = {
    apiVersion: 'crossfade.dev/v1',
    kind: 'App',
    metadata: { name: 'shop' },
    spec: { replicas: 5, run: { command: ['/bin/true'] }, ...spec },
  };
  const { apps, errors } = parseAppFile(JSON.stringify(document), { file: 'app.json', baseDir: '/' });
  assert.deepEqual(errors, []);
  const [app] = apps;
  assert.ok(app);
  return planFor({ spec: app });
}

const ROUTED = { port: 8080, route: { listen: 8000, host: 'shop.localhost' } };

const PEAKS: [string, object, number][] = [
  ['recreate', { recreate: {} }, 5],
  ['rolling, rounded as Kubernetes does', { rolling: { maxSurge: '30%', maxUnavailable: '30%' } }, 7],
  ['rolling in place', { rolling: { maxSurge: 0, maxUnavailable: 1 } }, 5],
  ['blueGreen', { blueGreen: {} }, 10],
  ['canary, at last', { canary: { steps: [{ setWeight: 1 }] } }, 10],
  ['abTest', { abTest: { split: { percent: 50 }, replicas: 2 } }, 10],
];
for (const [name, strategy, most] of PEAKS) {
  test(`${name}: at most ${most} of 5 replicas at once`, () => {
    const plan = planOf({ ...ROUTED, strategy });
    assert.equal(plan.peakReplicas, most);
    assert.equal(plan.declaresOutage, name === 'recreate');
  });
}

test('what stays warm after the release, and what is freed then, is said before', () => {
  const warm = (strategy: object, replicas = 5) =>
    planOf({ ...ROUTED, replicas, strategy }).notes.filter((note) => note.includes('warm'));
  assert.deepEqual(warm({ blueGreen: { scaleDownDelaySeconds: 90 } }), [
    'the old revision stays warm for 90 s after it, then 5 replicas are freed',
  ]);
  assert.deepEqual(warm({ canary: { steps: [{ setWeight: 8 }], scaleDownDelaySeconds: 1 } }, 1), [
    'the old revision stays warm for 1 s after it, then 1 replica is freed',
  ]);
  assert.deepEqual(warm({ blueGreen: { scaleDownDelaySeconds: 0 } }), []);
  assert.deepEqual(warm({ rolling: {} }), []);
});

test('a worker has no requests that could be refused: the time in which no replica runs is said instead', () => {
  const plan = planOf({ strategy: { recreate: {} } });
  assert.equal(plan.declaresOutage, false);
  for (const { outage, route, onAbort, name } of plan.stages) {
    assert.deepEqual([outage, route], [null, 'no route'], name);
    assert.doesNotMatch(onAbort, /route|outage/);
  }
  assert.ok(plan.notes.includes('no replica runs from the stage stop until the new ones are ready'));
});

/** One line for each stage. */
function told({ stages }: PlanView): string[] {
  return stages.map(({ name, replicas, route, gates, outage, onAbort, commits }) =>
    [
      name,
      Object.entries(replicas)
        .map(([arm, count]) => `${count} ${arm}`)
        .join(' '),
      route,
      ...gates,
      ...(outage === null ? [] : [`users ${outage}`]),
      onAbort,
      ...(commits ? ['commits'] : []),
    ].join(' | '),
  );
}

const stagesOf = (strategy: Strategy, more: Partial<AppSpec['spec']> = {}) =>
  told(planFor({ spec: specOf(strategy, more) }));

const VERIFIED = 'verify the split over 100 requests';
const REROUTED = 'one route change back to stable';
const PROMOTED =
  'promoted | 0 stable 3 candidate | candidate 100% | undo instead of abort from here | commits';

test('recreate says whom it refuses or lets wait, and that going back is an outage too', () => {
  const again = 'stable is started again: an outage';
  const [refused, waits] = ['requests are refused with 503', 'requests wait, at most 7 of them for 1.5 s'];
  assert.deepEqual(stagesOf({ kind: 'recreate' }), [
    `refuse | 3 stable 0 candidate | ${refused} | users refused | ${REROUTED}`,
    `stop | 0 stable 0 candidate | ${refused} | users refused | ${again}`,
    `start | 0 stable 3 candidate | ${refused} | ready | users refused | ${again}`,
    `open | 0 stable 3 candidate | candidate 100% | ${VERIFIED} | ${again}`,
    PROMOTED,
  ]);
  const [hold] = stagesOf({ kind: 'recreate', hold: { maxRequests: 7, maxMs: 1500 } });
  assert.equal(hold, `hold | 3 stable 0 candidate | ${waits} | users held | ${REROUTED}`);
});

test('a roll says that it rolls back', () => {
  assert.deepEqual(stagesOf({ kind: 'rolling', maxSurge: 1, maxUnavailable: 0 }), [
    `roll | 0 stable 3 candidate | every ready replica the same share | ready | ${VERIFIED} | rolls back, replica by replica`,
    PROMOTED,
  ]);
});

test('blueGreen says where its preview is', () => {
  const strategy = { kind: 'blueGreen', autoPromotion: false, previewReplicas: 1, warmMs: 0 } as const;
  const preview = 'stable 100%; preview address -> candidate';
  assert.deepEqual(stagesOf(strategy), [
    `preview | 3 stable 1 candidate | ${preview} | ready | pause until promote | ${REROUTED}`,
    `grow | 3 stable 3 candidate | ${preview} | ready | ${REROUTED}`,
    `switch | 3 stable 3 candidate | candidate 100% | ${VERIFIED} | ${REROUTED}`,
    PROMOTED,
  ]);
});

test('a canary says who gets it, how many replicas that takes, and what it waits for', () => {
  const present = { kind: 'present' as const };
  const strategy: Strategy = {
    kind: 'canary',
    steps: [
      {
        kind: 'setHeaderRoute',
        name: 'staff',
        match: [
          {
            headers: [
              { name: 'x-user', value: { kind: 'exact', value: 'me' } },
              { name: 'x-group', value: { kind: 'prefix', value: 'te' } },
            ],
            cookies: [{ name: 'beta', value: present }],
          },
          { headers: [{ name: 'x-test', value: present }], cookies: [] },
        ],
      },
      { kind: 'setWeight', weightBp: 2050 },
      { kind: 'pause', durationMs: 1500 },
      { kind: 'approval', message: 'look' },
      { kind: 'approval' },
    ],
    sticky: { kind: 'header', name: 'x-user' },
    warmMs: 0,
  };
  const staff =
    'header x-user=me and header x-group^=te and cookie beta -> candidate; header x-test -> candidate';
  const sticky = 'by header x-user, sticky';
  assert.deepEqual(stagesOf(strategy, { replicas: 10 }).slice(0, 2), [
    `header route staff | 10 stable 1 candidate | stable 100%; ${sticky}; ${staff} | ${REROUTED}`,
    `canary 20.5% | 10 stable 3 candidate | stable 79.5%, candidate 20.5%; ${sticky}; ${staff} | ${VERIFIED} | pause 1.5 s | approval: look | approval | ${REROUTED}`,
  ]);
});

test('a canary says what is copied to it', () => {
  const steps = [{ kind: 'setMirror', shareBp: 1250 }] as const;
  assert.deepEqual(stagesOf({ kind: 'canary', steps: [...steps], warmMs: 0 }, { replicas: 10 }).slice(0, 1), [
    `mirror 12.5% | 10 stable 2 candidate | stable 100%; 12.5% copied to candidate | ${REROUTED}`,
  ]);
});

test('a worker goes on, or is started again, where an App with a route would change it', () => {
  const worker = { route: undefined } as unknown as Partial<AppSpec['spec']>;
  assert.deepEqual(stagesOf({ kind: 'recreate' }, worker).slice(0, 2), [
    'refuse | 3 stable 0 candidate | no route | stable goes on',
    'stop | 0 stable 0 candidate | no route | stable is started again',
  ]);
  const { notes, declaresOutage } = planFor({ spec: specOf(CANARY, worker) });
  assert.ok(notes.includes('no route: the release is moved by readiness alone'));
  assert.ok(!notes.some((note) => note.startsWith('no replica runs')));
  assert.equal(declaresOutage, false);
});

/** The plan for this file over what a daemon has. */
function over(world: World, spec: AppSpec, more: Partial<PlanRequest> = {}): PlanView {
  return planFor({ spec, stored: { object: world.object, state: world.state }, ...more });
}

test('without a daemon the release is shown as one over a stable revision, compared with nothing', () => {
  const plan = planFor({ spec: specOf(CANARY) });
  assert.deepEqual([plan.app, plan.namespace, plan.strategy], ['shop', 'default', 'canary']);
  assert.deepEqual(
    [plan.change, plan.comparedWith, plan.differences, plan.content],
    ['unknown', null, [], []],
  );
  assert.deepEqual(plan.notes, [
    'no daemon is running: compared with nothing, shown as a release over a stable revision',
    'the old revision stays warm for 5 s after it, then 3 replicas are freed',
  ]);
});

test('what nobody has is created: there is nothing to go back to', () => {
  const world = started();
  delete world.state.stable;
  const plan = over(world, specOf(CANARY));
  assert.deepEqual([plan.change, plan.comparedWith, plan.peakReplicas], ['create', null, 3]);
  assert.deepEqual(told(plan), [
    'start | 3 candidate | candidate 100% | ready | nothing to go back to',
    PROMOTED.replace('0 stable ', ''),
  ]);
  assert.deepEqual(plan.notes, [
    'a first release: there is nothing to go back to, and the strategy does not matter yet',
  ]);
});

test('what would change is told by what differs: replicas, the route, something else, or nothing', () => {
  const world = started();
  const { listen, ...route } = world.object.spec.spec.route ?? assert.fail('no route');
  const kind = (more: Partial<AppSpec['spec']>) => over(world, specOf(CANARY, more)).change;
  assert.equal(kind({}), 'none');
  assert.equal(kind({ replicas: 4 }), 'scale');
  assert.equal(kind({ route: { ...route, listen: { ...listen, port: 8001 } } }), 'route');
  assert.equal(kind({ drainTimeoutMs: 1 }), 'settings');
  assert.equal(kind({ replicas: 4, drainTimeoutMs: 1 }), 'settings');
  assert.equal(kind({ route: { ...route, listen: { ...listen, port: 8001 } }, replicas: 4 }), 'settings');
  const scaled = over(world, specOf(CANARY, { replicas: 4 }));
  assert.deepEqual([scaled.stages, scaled.peakReplicas, scaled.notes], [[], 4, []]);
  assert.deepEqual(scaled.differences, [{ field: 'spec.replicas', from: '3', to: '4' }]);
});

test('another revision is released, compared with the stable one; one that failed is held', () => {
  const world = halfway();
  const before = started();
  const { revision } = objectOf(specOf(CANARY), 'v2', 2);
  const released = over(before, specOf(CANARY), { revision });
  assert.equal(released.change, 'release');
  assert.deepEqual(released.comparedWith, {
    revision: before.object.revision.id,
    revisionNumber: 1,
    generation: 1,
  });
  assert.equal(over(before, specOf(CANARY), { revision: before.object.revision }).change, 'none');
  world.command('abort');
  world.runUntil((w) => !w.state.release);
  const held = over(world, specOf(CANARY), { revision });
  assert.deepEqual([held.change, held.stages], ['held', []]);
  assert.deepEqual(held.notes, [
    'this revision failed or was undone before; `crossfade rollout retry` starts it again',
  ]);
  assert.equal(over(world, specOf(CANARY), { revision: { ...revision, id: 'v1-other' } }).change, 'release');
});

test('differences are told leaf by leaf, by where they are in the file', () => {
  const world = started(CANARY, { run: { command: ['a', 'b'], env: {}, envFiles: [], configFiles: {} } });
  const spec = specOf({ kind: 'recreate' }, {
    run: { command: ['a'], env: { X: '1' }, envFiles: [], configFiles: {} },
    verify: { onNoTraffic: 'probe', minRequests: null },
  } as unknown as Partial<AppSpec['spec']>);
  const fields = over(world, spec).differences.filter(({ field }) => !field.startsWith('spec.strategy'));
  assert.deepEqual(fields, [
    { field: 'spec.run.command[1]', from: 'b', to: null },
    { field: 'spec.run.env', from: '{}', to: null },
    { field: 'spec.run.env.X', from: null, to: '1' },
    { field: 'spec.verify.minRequests', from: null, to: 'null' },
  ]);
  const emptied = specOf(CANARY, { run: { command: [], env: {}, envFiles: [], configFiles: {} } });
  assert.deepEqual(over(world, emptied).differences, [
    { field: 'spec.run.command[0]', from: 'a', to: null },
    { field: 'spec.run.command[1]', from: 'b', to: null },
    { field: 'spec.run.command', from: null, to: '[]' },
  ]);
});

test('what the files that are named contain is compared too', () => {
  const world = started();
  const { revision } = world.object;
  const run: RunSpec = { ...revision.run, artifact: { kind: 'snapshot', digest: 'sha256:0123456789abcdef' } };
  const { content } = over(world, specOf(CANARY), { revision: { id: 'v1-other', run } });
  assert.deepEqual(content, [{ field: 'content of spec.source', from: null, to: 'hash 0123456789ab' }]);
  assert.deepEqual(planFor({ spec: specOf(CANARY), revision: { id: 'v1-other', run } }).content, []);
});

test('a warm revision is told of a release only', () => {
  const warm = ({ notes }: PlanView) => notes.some((note) => note.includes('stays warm'));
  const world = started();
  const { revision } = objectOf(specOf(CANARY), 'v2', 2);
  assert.deepEqual(
    [warm(over(world, specOf(CANARY), { revision })), warm(over(world, specOf(CANARY)))],
    [true, false],
  );
  delete world.state.stable;
  assert.equal(warm(over(world, specOf(CANARY), { revision })), false, 'the first one leaves nobody behind');
});

test('the most replicas at one time are those of a stage that grows before it shrinks', () => {
  const most = (strategy: Strategy, replicas = 5) =>
    planFor({ spec: specOf(strategy, { replicas }) }).peakReplicas;
  const scale = (count: number) =>
    ({ kind: 'setCanaryScale', scale: { kind: 'count', replicas: count } }) as const;
  const canary = (...counts: number[]): Strategy => ({ kind: 'canary', steps: counts.map(scale), warmMs: 0 });
  assert.equal(most(canary(9, 1)), 14, 'more than the candidate has in the end');
  assert.equal(most(canary(1)), 10);
  assert.equal(most({ kind: 'recreate' }, 0), 0);
});

test('where shares are numbers of replicas, what each comes to is told; where they are exact, nothing is', () => {
  const strategy: Strategy = {
    kind: 'canary',
    steps: [
      { kind: 'setWeight', weightBp: 2000 },
      { kind: 'setCanaryScale', scale: { kind: 'count', replicas: 3 } },
    ],
    warmMs: 0,
  };
  const spec = specOf(strategy, { replicas: 3 });
  const plan = (byReplicas: { byReplicas?: true }) =>
    planFor({
      spec,
      router: { name: 'service', capabilities: { ...EVERYTHING, ...byReplicas } },
    });
  const routes = plan({ byReplicas: true }).stages.map(({ route }) => route);
  assert.equal(
    routes[0],
    'stable 80%, candidate 20%, which comes to stable 75% (3 of 4), candidate 25% (1 of 4)',
  );
  assert.ok(
    routes.includes('stable 80%, candidate 20%, which comes to stable 50% (3 of 6), candidate 50% (3 of 6)'),
    routes.join('\n'),
  );
  assert.ok(
    routes.includes('candidate 100%') || routes.includes('stable 0%, candidate 100%'),
    routes.join('\n'),
  );
  assert.match(plan({ byReplicas: true }).notes.join('\n'), /splits by numbers of replicas/);
  const exact = plan({});
  assert.ok(!JSON.stringify(exact).includes('comes to'));
  assert.doesNotMatch(exact.notes.join('\n'), /numbers of replicas/);
});
