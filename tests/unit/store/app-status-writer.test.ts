import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatingError } from '../../../src/core/errors.ts';
import type { Kube } from '../../../src/kubernetes/client.ts';
import type { AppResource } from '../../../src/kubernetes/crossfade.ts';
import { type AppCache, statusWriter } from '../../../src/store/app-status/apps.ts';
import type { Row } from '../../../src/store/app-status/row.ts';

/** An API server with one App: it refuses what was made over another version, and answers when it is told to. */
function lab() {
  let version = 1;
  const held: (() => void)[] = [];
  const kube = {
    async patch(_kind: unknown, _namespace: string, name: string, { metadata }: AppResource) {
      await new Promise<void>((resolve) => held.push(resolve));
      if (name === 'broken') throw new OperatingError('E_CLUSTER_DOWN', 'no answer');
      if (metadata.resourceVersion !== String(version))
        throw new OperatingError('E_CONFLICT', 'another version');
      version += 1;
      return { metadata: { ...metadata, resourceVersion: String(version) } };
    },
  } as unknown as Kube;
  const row = { key: 'team/shop', uid: 'u', resourceVersion: '1' } as Row;
  const cache = {
    saw({ metadata }: AppResource) {
      row.resourceVersion = metadata.resourceVersion ?? '';
    },
  } as unknown as AppCache;
  return { writer: statusWriter(kube, cache), row, held };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('two writes of an App at once are made one after the other, the second over what the first has made', async () => {
  const { writer, row, held } = lab();
  const made: string[] = [];
  const write = () =>
    writer.write('team/shop', () => {
      made.push(row.resourceVersion);
      return { row: { ...row }, status: {} };
    });
  const both = [write(), write()];
  await turn();
  assert.deepEqual([made, writer.isUnderWay('team/shop')], [['1'], true]);
  held.shift()?.();
  await both[0];
  await turn();
  assert.deepEqual([made, writer.isUnderWay('team/shop')], [['1', '2'], true]);
  held.shift()?.();
  await both[1];
  assert.equal(writer.isUnderWay('team/shop'), false);
});

test('Apps do not wait for each other, and a write that fails holds up nobody', async () => {
  const { writer, row, held } = lab();
  const broken = { ...row, key: 'team/broken' };
  const first = writer.write('team/broken', () => ({ row: broken, status: {} }));
  const second = writer.write('team/broken', () => {
    throw new OperatingError('E_CONFLICT', 'decided over an old state');
  });
  const other = writer.write('team/shop', () => ({ row: { ...row }, status: {} }));
  const failures = Promise.allSettled([first, second]);
  await turn();
  assert.equal(held.length, 2);
  for (const answer of held) answer();
  const codes = (await failures).map((one) => one.status === 'rejected' && one.reason.code);
  assert.deepEqual(codes, ['E_CLUSTER_DOWN', 'E_CONFLICT']);
  assert.equal((await other).uid, 'u');
  assert.equal(writer.isUnderWay('team/broken'), false);
});
