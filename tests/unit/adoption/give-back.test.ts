import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FoundApp, planGiveBack } from '../../../src/adoption/give-back.ts';
import { emptyState } from '../../../src/core/decide/state.ts';
import type { AppState } from '../../../src/core/model.ts';
import type { ReplicaSet } from '../../../src/kubernetes/workloads.ts';
import { deployment, replicaSet, TEMPLATE } from './found.ts';

function ownedBy(uid: string, set: ReplicaSet): ReplicaSet {
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x', uid, controller: true };
  return { ...set, metadata: { ...set.metadata, ownerReferences: [owner] } };
}

const OURS = { 'crossfade.dev/app': 'shop', 'crossfade.dev/pool': '2-3' };

/** A ReplicaSet that a release has made. */
function released(): ReplicaSet {
  const labels = { ...TEMPLATE.metadata.labels, ...OURS };
  const set = replicaSet('shop-2-3-hash', 3, { ...TEMPLATE, metadata: { ...TEMPLATE.metadata, labels } });
  return ownedBy('p2', {
    ...set,
    spec: { ...set.spec, selector: { matchLabels: { ...OURS, 'pod-template-hash': 'h' } } },
  });
}

const pool = (name: string, uid: string) => ({ ...deployment(), metadata: { name, namespace: 'team', uid } });

function found(state: Partial<AppState>, more: Partial<FoundApp> = {}): FoundApp {
  return {
    namespace: 'team',
    app: 'shop',
    replicas: 5,
    state: { ...emptyState(), ...state },
    deployment: { ...deployment(), spec: { ...deployment().spec, paused: true } },
    pools: [pool('shop-1-1', 'p1'), pool('shop-2-3', 'p2')],
    replicaSets: [ownedBy('p1', replicaSet('shop-new', 3)), released()],
    parked: ['shop-old'],
    service: { name: 'shop', selector: { app: 'shop' } },
    copies: [],
    ...more,
  };
}

test('the pods that were adopted are given back as they came, without a label of ours', () => {
  const plan = planGiveBack(found({ stable: '1-1' }));
  assert.equal(plan.isOriginal, true);
  assert.deepEqual(plan.template, TEMPLATE);
  assert.deepEqual(
    plan.steps.map(({ kind, object }) => `${kind} ${object}`),
    [
      'keep deployment/shop-1-1',
      'letGo app/shop',
      'template deployment/shop',
      'handOver replicaset/shop-new',
      'others deployment/shop-2-3',
      'unpin service/shop',
      'unlabel pods',
      'unpark replicaset/shop-old',
      'resume deployment/shop',
      'app app/shop',
    ],
  );
});

test('pods of a later revision keep the labels that their ReplicaSet selects by; a label is never taken from them', () => {
  const copies = [
    { name: 'shop-config-1', kind: 'configmap' },
    { name: 'shop-config-2', kind: 'configmap' },
  ];
  const set = released();
  set.spec.template.spec = {
    ...set.spec.template.spec,
    volumes: [{ name: 'c', configMap: { name: 'shop-config-2' } }],
  };
  const plan = planGiveBack(found({ stable: '2-3' }, { copies, replicaSets: [set] }));
  assert.equal(plan.isOriginal, false);
  assert.deepEqual(plan.template.metadata.labels, { ...TEMPLATE.metadata.labels, ...OURS });
  assert.deepEqual(plan.copies, [copies[1]]);
  assert.deepEqual(plan.others, ['shop-1-1']);
  assert.equal(plan.replicas, 5);
  assert.ok(!plan.steps.some(({ kind }) => kind === 'unlabel'));
});

test('what was interrupted after the pods had changed hands goes on', () => {
  const given = found(
    { stable: '1-1' },
    { pools: [], replicaSets: [ownedBy('d1', replicaSet('shop-new', 3))] },
  );
  assert.equal(planGiveBack(given).replicaSet, 'shop-new');
});

test('nothing is given back in the middle of a release, or when nothing was adopted', () => {
  const release = { id: 'r4' } as AppState['release'] & object;
  assert.throws(() => planGiveBack(found({ stable: '1-1', release })), /release r4 is running/);
  assert.throws(() => planGiveBack(found({ stable: '1-1' }, { deployment: undefined })), {
    code: 'E_RELEASE_REFUSED',
  });
});
