/** The stages that each strategy goes through, as a person would tell them: one line each. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../../../src/core/compile.ts';
import type { Gate, Release, Scale, Stage } from '../../../src/core/model.ts';
import type { AppSpec, Strategy } from '../../../src/spec/app.ts';
import { specOf } from '../../simulation/world.ts';

/** What is as usual is not told: an open route, steps, and going back by a change of the route. */
function told({ name, scale, route, via, gates, onAbort, commits, outage }: Stage): string {
  const { split, matches, mirror, preview, sticky, admit } = route;
  const shares =
    split.kind === 'weights'
      ? split.to.map(({ key, weight }) => `${weight / 100}% ${key}`)
      : [`${split.kind} ${split.to.join('+')}`];
  return [
    name,
    Object.entries(scale).map(([arm, of]) => `${arm} ${sized(of)}`),
    shares,
    matches.map(({ when, to }) => `${when.headers.map((header) => header.name)} to ${to}`),
    mirror === undefined ? [] : `copies of ${mirror.share / 100}% to ${mirror.to}`,
    preview === undefined ? [] : `preview ${preview}`,
    sticky === undefined ? [] : `sticky ${'name' in sticky.by ? sticky.by.name : ''} ${sticky.salt}`,
    admit.kind === 'open' ? [] : Object.values(admit).join(' '),
    via.kind === 'step' ? [] : `roll ${via.maxSurge} ${via.maxUnavailable}`,
    gates.map(gated),
    onAbort === 'reroute' ? [] : onAbort,
    commits ? 'commits' : [],
    outage === undefined ? [] : `outage ${outage}`,
  ]
    .flat()
    .join(', ');
}

function sized(scale: Scale): string {
  if (scale.kind === 'count') return String(scale.replicas);
  return scale.kind === 'percent' ? `${scale.of}%` : scale.kind;
}

function gated(gate: Gate): string {
  switch (gate.kind) {
    case 'ready':
      return 'ready';
    case 'verify':
      return `verify ${gate.minRequests} ${gate.onNoTraffic}`;
    case 'pause':
      return `pause ${'durationMs' in gate ? gate.durationMs : 'for ever'}`;
    case 'approval':
      return `approval ${'message' in gate ? gate.message : 'of anybody'}`;
  }
}

function stagesOf(
  strategy: Strategy,
  more: Partial<AppSpec['spec']> = {},
  cause: Release['cause'] = 'apply',
) {
  const { spec } = specOf(strategy, more);
  return compile({ spec, cause, hasStable: true, salt: 'app#r1' }).map(told);
}

const PROMOTED = 'promoted, candidate full, 100% candidate, commits';
const WORKER = { route: undefined } as unknown as Partial<AppSpec['spec']>;
const STAFF = {
  name: 'staff',
  match: [{ headers: [{ name: 'x-staff', value: { kind: 'present' as const } }], cookies: [] }],
};

test('the first release starts the candidate, whatever the strategy', () => {
  for (const strategy of [
    { kind: 'recreate' },
    { kind: 'canary', steps: [{ kind: 'pause' }], warmMs: 0 },
    { kind: 'rolling', maxSurge: 1, maxUnavailable: 0 },
  ] as const) {
    const { spec } = specOf({ ...strategy } as Strategy);
    for (const cause of ['apply', 'restart', 'undo', 'retry'] as const)
      assert.deepEqual(compile({ spec, cause, hasStable: false, salt: '' }).map(told), [
        'start, candidate full, 100% candidate, ready',
        PROMOTED,
      ]);
  }
});

test('recreate: users are refused, all stop, all start, users come back', () => {
  assert.deepEqual(stagesOf({ kind: 'recreate' }), [
    'refuse, stable full, candidate zero, 100% stable, refuse, outage refused',
    'stop, stable zero, candidate zero, 100% stable, refuse, outage, outage refused',
    'start, stable zero, candidate full, 100% candidate, refuse, ready, outage, outage refused',
    'open, stable zero, candidate full, 100% candidate, verify 100 probe, outage',
    PROMOTED,
  ]);
});

test('recreate with hold: users wait', () => {
  assert.deepEqual(stagesOf({ kind: 'recreate', hold: { maxRequests: 7, maxMs: 900 } }), [
    'hold, stable full, candidate zero, 100% stable, hold 7 900, outage held',
    'stop, stable zero, candidate zero, 100% stable, hold 7 900, outage, outage held',
    'start, stable zero, candidate full, 100% candidate, hold 7 900, ready, outage, outage held',
    'open, stable zero, candidate full, 100% candidate, verify 100 probe, outage',
    PROMOTED,
  ]);
});

test('rolling: one stage, that is measured at its end', () => {
  assert.deepEqual(stagesOf({ kind: 'rolling', maxSurge: '30%', maxUnavailable: 2 }), [
    'roll, stable zero, candidate full, perReadyReplica stable+candidate, roll 30% 2, ready, verify 100 probe, growThenReroute',
    PROMOTED,
  ]);
});

test('blueGreen: a preview, a look at it, then everything at once', () => {
  const switched = ['switch, stable full, candidate full, 100% candidate, verify 100 probe', PROMOTED];
  assert.deepEqual(stagesOf({ kind: 'blueGreen', autoPromotion: false, warmMs: 0 }), [
    'preview, stable full, candidate full, 100% stable, preview candidate, ready, pause for ever',
    ...switched,
  ]);
  assert.deepEqual(stagesOf({ kind: 'blueGreen', autoPromotion: true, warmMs: 0 }), [
    'preview, stable full, candidate full, 100% stable, preview candidate, ready',
    ...switched,
  ]);
  const small = {
    kind: 'blueGreen',
    autoPromotion: true,
    autoPromotionMs: 500,
    previewReplicas: 1,
    warmMs: 0,
  } as const;
  assert.deepEqual(stagesOf(small), [
    'preview, stable full, candidate 1, 100% stable, preview candidate, ready, pause 500',
    'grow, stable full, candidate full, 100% stable, preview candidate, ready',
    ...switched,
  ]);
});

test('canary: each weight is measured, with as many requests as its share takes to show', () => {
  const steps = [
    { kind: 'setWeight', weightBp: 50 },
    { kind: 'pause', durationMs: 1000 },
    { kind: 'approval', message: 'look' },
    { kind: 'setWeight', weightBp: 5000 },
    { kind: 'pause' },
    { kind: 'approval' },
    { kind: 'verify', minRequests: 300 },
    { kind: 'verify' },
  ] as const;
  const verify = { minRequests: 40, onNoTraffic: 'hold' as const };
  assert.deepEqual(stagesOf({ kind: 'canary', steps: [...steps], warmMs: 0 }, { verify }), [
    'canary 0.5%, stable full, candidate matchWeight, 99.5% stable, 0.5% candidate, verify 200 hold, pause 1000, approval look',
    'canary 50%, stable full, candidate matchWeight, 50% stable, 50% candidate, verify 40 hold, pause for ever, approval of anybody, verify 300 hold, verify 40 hold',
    'canary 100%, stable full, candidate full, 100% candidate, verify 40 hold',
    PROMOTED,
  ]);
});

test('canary: what comes before the first weight is a stage of nobody yet', () => {
  assert.deepEqual(stagesOf({ kind: 'canary', steps: [{ kind: 'pause' }], warmMs: 0 }), [
    'start, stable full, candidate matchWeight, 100% stable, pause for ever',
    'canary 100%, stable full, candidate full, 100% candidate, verify 100 probe',
    PROMOTED,
  ]);
});

test('canary: scale and header routes stay as they were set, until they are set otherwise', () => {
  const steps = [
    { kind: 'setHeaderRoute', ...STAFF },
    { kind: 'setCanaryScale', scale: { kind: 'count', replicas: 1 } },
    { kind: 'setWeight', weightBp: 2000 },
    { kind: 'setHeaderRoute', name: 'staff', match: [] },
    { kind: 'setCanaryScale', scale: { kind: 'count', replicas: 2 } },
    { kind: 'setCanaryScale', scale: { kind: 'percent', of: 60 } },
    { kind: 'setCanaryScale', scale: { kind: 'matchWeight' } },
  ] as const;
  const strategy = {
    kind: 'canary',
    steps: [...steps],
    sticky: { kind: 'header', name: 'x-user' },
    warmMs: 0,
  } as const;
  assert.deepEqual(stagesOf(strategy as unknown as Strategy), [
    'header route staff, stable full, candidate 1, 100% stable, x-staff to candidate, sticky x-user app#r1',
    'scale 1 replica, stable full, candidate 1, 100% stable, x-staff to candidate, sticky x-user app#r1',
    'canary 20%, stable full, candidate 1, 80% stable, 20% candidate, x-staff to candidate, sticky x-user app#r1, verify 100 probe',
    'no header route staff, stable full, candidate 1, 80% stable, 20% candidate, sticky x-user app#r1',
    'scale 2 replicas, stable full, candidate 2, 80% stable, 20% candidate, sticky x-user app#r1',
    'scale 60%, stable full, candidate 60%, 80% stable, 20% candidate, sticky x-user app#r1',
    'scale by weight, stable full, candidate matchWeight, 80% stable, 20% candidate, sticky x-user app#r1',
    'canary 100%, stable full, candidate full, 100% candidate, verify 100 probe',
    PROMOTED,
  ]);
});

test('canary: with a share of its own a header route asks for no replica more', () => {
  const steps = [
    { kind: 'setHeaderRoute', ...STAFF },
    { kind: 'setWeight', weightBp: 2000 },
  ] as const;
  assert.deepEqual(
    stagesOf({ kind: 'canary', steps: [...steps], warmMs: 0 } as unknown as Strategy).slice(0, 2),
    [
      'header route staff, stable full, candidate 1, 100% stable, x-staff to candidate',
      'canary 20%, stable full, candidate matchWeight, 80% stable, 20% candidate, x-staff to candidate, verify 100 probe',
    ],
  );
});

test('canary: copies go to as many replicas as they need, until somebody is sent there for himself', () => {
  const steps = [
    { kind: 'setMirror', shareBp: 2550 },
    { kind: 'setHeaderRoute', ...STAFF },
    { kind: 'setWeight', weightBp: 0 },
    { kind: 'setWeight', weightBp: 1000 },
    { kind: 'setWeight', weightBp: 0 },
  ] as const;
  const strategy = { kind: 'canary', steps: [...steps], warmMs: 0 } as unknown as Strategy;
  const copied = '100% stable, x-staff to candidate, copies of 25.5% to candidate';
  assert.deepEqual(stagesOf(strategy).slice(0, 5), [
    'mirror 25.5%, stable full, candidate 25.5%, 100% stable, copies of 25.5% to candidate',
    `header route staff, stable full, candidate 25.5%, ${copied}`,
    `canary 0%, stable full, candidate 25.5%, ${copied}, verify 100 probe`,
    'canary 10%, stable full, candidate matchWeight, 90% stable, 10% candidate, x-staff to candidate, verify 100 probe',
    'canary 0%, stable full, candidate 1, 100% stable, x-staff to candidate, verify 100 probe',
  ]);
});

test('canary: a mirror is taken away by its own step, and an explicit scale counts more than its share', () => {
  const steps = [
    { kind: 'setCanaryScale', scale: { kind: 'count', replicas: 2 } },
    { kind: 'setMirror', shareBp: 10_000 },
    { kind: 'setCanaryScale', scale: { kind: 'matchWeight' } },
    { kind: 'setMirror', shareBp: 0 },
  ] as const;
  const strategy = { kind: 'canary', steps: [...steps], warmMs: 0 } as unknown as Strategy;
  assert.deepEqual(stagesOf(strategy).slice(0, 5), [
    'scale 2 replicas, stable full, candidate 2, 100% stable',
    'mirror 100%, stable full, candidate 2, 100% stable, copies of 100% to candidate',
    'scale by weight, stable full, candidate 100%, 100% stable, copies of 100% to candidate',
    'no mirror, stable full, candidate matchWeight, 100% stable',
    'canary 100%, stable full, candidate full, 100% candidate, verify 100 probe',
  ]);
});

test('canary: a last step to 100% is the switch itself, unless it declared fewer replicas', () => {
  const whole = { kind: 'setWeight', weightBp: 10_000 } as const;
  const one = { kind: 'setCanaryScale', scale: { kind: 'count', replicas: 1 } } as const;
  assert.deepEqual(stagesOf({ kind: 'canary', steps: [whole], warmMs: 0 }), [
    'canary 100%, stable full, candidate full, 100% candidate, verify 100 probe',
    PROMOTED,
  ]);
  assert.deepEqual(stagesOf({ kind: 'canary', steps: [one, whole], warmMs: 0 }), [
    'scale 1 replica, stable full, candidate 1, 100% stable',
    'canary 100%, stable full, candidate 1, 100% candidate, verify 100 probe',
    'canary 100%, stable full, candidate full, 100% candidate, verify 100 probe',
    PROMOTED,
  ]);
});

test('abTest: two versions side by side until somebody decides', () => {
  const approval = 'approval the experiment runs until `promote` or `abort`';
  const switched = ['switch, stable full, candidate full, 100% candidate, verify 100 probe', PROMOTED];
  const by = { kind: 'header', name: 'x-user' } as const;
  const ab = (more: object) => stagesOf({ kind: 'abTest', matches: [], warmMs: 0, ...more } as Strategy);
  assert.deepEqual(ab({ split: { weightBp: 3000, by } }), [
    `experiment, stable full, candidate full, 70% stable, 30% candidate, sticky x-user app#r1, verify 100 probe, ${approval}`,
    ...switched,
  ]);
  assert.deepEqual(ab({ split: { weightBp: 3000, by, salt: 'mine' }, candidateReplicas: 2 }), [
    `experiment, stable full, candidate 2, 70% stable, 30% candidate, sticky x-user mine, verify 100 probe, ${approval}`,
    ...switched,
  ]);
  assert.deepEqual(ab({ split: { weightBp: 0, by } }), [
    `experiment, stable full, candidate full, 100% stable, sticky x-user app#r1, ${approval}`,
    ...switched,
  ]);
  assert.deepEqual(ab({ matches: STAFF.match }), [
    `experiment, stable full, candidate full, 100% stable, x-staff to candidate, ${approval}`,
    ...switched,
  ]);
});

test('without a route only readiness moves a release', () => {
  const canary: Strategy = { kind: 'canary', steps: [{ kind: 'setWeight', weightBp: 2000 }], warmMs: 0 };
  for (const strategy of [
    canary,
    { kind: 'rolling', maxSurge: 1, maxUnavailable: 0 },
    { kind: 'recreate' },
    { kind: 'blueGreen', autoPromotion: true, warmMs: 0 },
  ] as const) {
    const routed = stagesOf(strategy).map((line) => line.replace(', verify 100 probe', ''));
    assert.deepEqual(stagesOf(strategy, WORKER), routed);
  }
});

test('a restart rolls, by its own strategy or by the default; an undo is one step back', () => {
  const canary: Strategy = { kind: 'canary', steps: [{ kind: 'setWeight', weightBp: 2000 }], warmMs: 0 };
  const rolling: Strategy = { kind: 'rolling', maxSurge: 3, maxUnavailable: 0 };
  const roll = (by: string) => [
    `roll, stable zero, candidate full, perReadyReplica stable+candidate, roll ${by}, ready, verify 100 probe, growThenReroute`,
    PROMOTED,
  ];
  assert.deepEqual(stagesOf(canary, {}, 'restart'), roll('25% 25%'));
  assert.deepEqual(stagesOf(rolling, {}, 'restart'), roll('3 0'));
  assert.deepEqual(stagesOf(canary, {}, 'undo'), [
    'switch back, stable full, candidate full, 100% candidate, verify 100 probe',
    PROMOTED,
  ]);
  assert.deepEqual(stagesOf(rolling, {}, 'undo'), roll('3 0'));
  assert.deepEqual(stagesOf(canary, {}, 'retry'), stagesOf(canary));
  for (const cause of ['restart', 'undo', 'retry'] as const)
    assert.deepEqual(stagesOf({ kind: 'recreate' }, {}, cause), stagesOf({ kind: 'recreate' }));
});
