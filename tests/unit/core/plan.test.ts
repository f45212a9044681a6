/** What `plan` says before anything happens. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PlanView, planFor } from '../../../src/core/plan.ts';
import { parseAppFile } from '../../../src/spec/parse.ts';

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
