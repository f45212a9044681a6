import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markOf, TAKEN_ANNOTATION, takeOver } from '../../../src/adoption/taken.ts';
import { deployment, TEMPLATE } from './found.ts';

const APP = {
  metadata: { name: 'shop', resourceVersion: '5', annotations: { [TAKEN_ANNOTATION]: markOf(deployment()) } },
  spec: { kubernetes: { container: 'web' } },
};

function withImage(image: string) {
  const [web, logs] = TEMPLATE.spec.containers;
  return { ...TEMPLATE, spec: { ...TEMPLATE.spec, containers: [{ ...web, image }, logs] } };
}

test('a Deployment that has not changed changes nothing, whatever labels of ours its template has', () => {
  assert.equal(takeOver(APP, deployment()), undefined);
  const labels = { ...TEMPLATE.metadata.labels, 'crossfade.dev/app': 'shop' };
  const labelled = { ...TEMPLATE, metadata: { ...TEMPLATE.metadata, labels } };
  assert.equal(takeOver(APP, deployment({ template: labelled })), undefined);
});

test('a new image is taken over with who wrote it, over exactly the version that was read', () => {
  const changed = deployment({ template: withImage('registry.example.com/shop:2') });
  changed.metadata.managedFields = [
    { manager: 'kubectl-create', time: '2026-01-01T00:00:00Z', fieldsV1: { 'f:spec': {} } },
    { manager: 'kubectl-set', time: '2026-01-02T00:00:00Z', fieldsV1: { 'f:spec': {} } },
    { manager: 'crossfade', time: '2026-01-03T00:00:00Z', fieldsV1: { 'f:spec': {} } },
  ];
  const patch = takeOver(APP, changed) as { op: string; path: string; value: unknown }[];
  const at = (path: string) => patch.find((one) => one.path === path)?.value;
  assert.deepEqual(patch[0], { op: 'test', path: '/metadata/resourceVersion', value: '5' });
  assert.equal(at('/spec/image'), 'registry.example.com/shop:2');
  assert.equal(at('/metadata/annotations/crossfade.dev~1actor'), 'kubectl-set');
  assert.equal(at('/spec/replicas'), undefined);
});

test('a scaled Deployment scales the App, and is no new revision', () => {
  const patch = takeOver(APP, deployment({ replicas: 5 })) as { path: string; value: unknown }[];
  assert.deepEqual(
    patch.filter(({ path }) => path.startsWith('/spec')),
    [{ op: 'add', path: '/spec/replicas', value: 5 }],
  );
});
