import assert from 'node:assert/strict';
import { it } from 'node:test';
import { mergePatch } from '../../../src/engines/kubernetes/merge.ts';

const POD = {
  metadata: { labels: { app: 'shop' } },
  spec: {
    containers: [
      { name: 'app', image: 'shop:1', env: [{ name: 'A', value: '1' }], args: ['x', 'y'] },
      { name: 'side', image: 'side:1' },
    ],
    volumes: [{ name: 'data', emptyDir: {} }],
    tolerations: [{ key: 'a' }],
  },
};

it('lays mappings over each other field by field, and removes what is null', () => {
  const merged = mergePatch(POD, { metadata: { labels: { team: 'web', app: null } } });
  assert.deepEqual(merged, { ...POD, metadata: { labels: { team: 'web' } } });
});

it('merges lists of named things by their name, in the order that they have', () => {
  const { spec } = mergePatch(POD, {
    spec: {
      containers: [
        { name: 'side', image: 'side:2' },
        {
          name: 'app',
          env: [
            { name: 'B', value: '2' },
            { name: 'A', value: '3' },
          ],
        },
        { name: 'third', image: 'third:1' },
      ],
    },
  }) as { spec: { containers: object[] } };
  assert.deepEqual(spec.containers, [
    {
      name: 'app',
      image: 'shop:1',
      env: [
        { name: 'A', value: '3' },
        { name: 'B', value: '2' },
      ],
      args: ['x', 'y'],
    },
    { name: 'side', image: 'side:2' },
    { name: 'third', image: 'third:1' },
  ]);
});

it('replaces other lists as a whole', () => {
  const merged = mergePatch(POD, { spec: { tolerations: [], containers: [{ name: 'app', args: ['z'] }] } });
  const { spec } = merged as typeof POD;
  assert.deepEqual([spec.tolerations, spec.containers[0]?.args], [[], ['z']]);
});

it('deletes and replaces where that is said', () => {
  const merged = mergePatch(POD, {
    spec: {
      containers: [{ name: 'side', $patch: 'delete' }],
      volumes: [{ $patch: 'replace' }, { name: 'other', emptyDir: {} }],
    },
    metadata: { $patch: 'replace', annotations: {} },
  }) as typeof POD;
  assert.deepEqual(
    merged.spec.containers.map(({ name }) => name),
    ['app'],
  );
  assert.deepEqual(merged.spec.volumes, [{ name: 'other', emptyDir: {} }]);
  assert.deepEqual(merged.metadata, { annotations: {} });
});

it('changes nothing of what it was given', () => {
  const before = structuredClone(POD);
  mergePatch(POD, { spec: { containers: [{ name: 'app', image: 'shop:2' }], volumes: null } });
  assert.deepEqual(POD, before);
});
