import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statusFields } from '../../../src/cluster/status-fields.ts';
import type { Snapshot } from '../../../src/server/view/snapshot.ts';
import { sampleObject, stateAt } from '../../conformance/store/samples.ts';

function snapshot(change: Partial<Snapshot> = {}): Snapshot {
  const object = sampleObject('shop', 3);
  delete object.spec.spec.route;
  const unknown = { kind: 'unknown', since: 0, why: 'not asked' } as const;
  return {
    object,
    state: stateAt(1, { generationSeen: 3 }),
    observed: {
      app: { kind: 'known', value: object, at: 0 },
      commands: [],
      replicas: { kind: 'known', value: [], at: 0 },
      router: unknown,
      measured: unknown,
      outcomes: [],
      latency: {},
      inFlight: {},
    },
    nowMs: 5_000,
    ...change,
  };
}

const statuses = (of: Snapshot) =>
  Object.fromEntries(statusFields(of, 'a=b').conditions?.map(({ type, status }) => [type, status]) ?? []);

test('what was applied and is not there yet is progressing, and nothing that stalls', () => {
  const fields = statusFields(snapshot(), 'crossfade.dev/app=shop');
  assert.equal(fields.phase, 'Pending');
  assert.equal(fields.observedGeneration, 3);
  assert.equal(fields.ready, '0/3');
  assert.equal(fields.selector, 'crossfade.dev/app=shop');
  assert.deepEqual(statuses(snapshot()), { Ready: 'False', Progressing: 'True', Stalled: 'False' });
});

test('stable with all its replicas is ready', () => {
  const object = sampleObject('shop', 3);
  delete object.spec.spec.route;
  object.spec.spec.replicas = 0;
  const { revision } = object;
  const state = stateAt(4, {
    generationSeen: 3,
    stable: '1-1',
    pools: { '1-1': { id: '1-1', revision: revision.id, incarnation: 1 } },
    revisions: { [revision.id]: revision },
  });
  const healthy = snapshot({ object, state });
  assert.deepEqual(statuses(healthy), { Ready: 'True', Progressing: 'False', Stalled: 'False' });
  const fields = statusFields(healthy, 'a=b');
  assert.equal(fields.stable, '#1');
  assert.equal(fields.candidate, null);
  const ready = fields.conditions?.find(({ type }) => type === 'Ready');
  assert.deepEqual(ready, {
    type: 'Ready',
    status: 'True',
    reason: 'Healthy',
    message: fields.message,
    observedGeneration: 3,
    lastTransitionTime: '1970-01-01T00:00:05.000Z',
  });
});

test('frozen stalls: a person has to look', () => {
  const frozen = stateAt(4, { generationSeen: 3, frozen: { code: 'E_INVARIANT', message: 'broken' } });
  assert.deepEqual(statuses(snapshot({ state: frozen })), {
    Ready: 'False',
    Progressing: 'False',
    Stalled: 'True',
  });
});
