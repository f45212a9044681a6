import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atMost } from '../../../src/engines/kubernetes/at-most.ts';
import { Warnings } from '../../../src/engines/kubernetes/warnings.ts';
import type { Kube } from '../../../src/kubernetes/client.ts';
import type { KubeEvent } from '../../../src/kubernetes/workloads.ts';

const event = (uid: string, reason: string, message: string, lastTimestamp: string): KubeEvent => ({
  metadata: {},
  involvedObject: { uid },
  reason,
  message,
  lastTimestamp,
});
const EVENTS = [
  event('a', 'FailedMount', 'no such secret', '2026-01-01T00:00:02Z'),
  event('a', 'Failed', ' no such image ', '2026-01-01T00:00:01Z'),
  event('a', 'BackOff', 'Back-off restarting', '2026-01-01T00:00:03Z'),
  event('b', 'Unhealthy', 'probe failed', '2026-01-01T00:00:01Z'),
];

function asked(answer: () => KubeEvent[] = () => EVENTS) {
  const queries: unknown[] = [];
  const kube = {
    async list(_kind: unknown, query: unknown) {
      queries.push(query);
      return answer();
    },
  } as unknown as Kube;
  const closing = new AbortController();
  return { warnings: new Warnings(kube, closing.signal), queries, closing };
}

test('pods of a namespace are asked about together, and each is told the newest warning that says something', async () => {
  const { warnings, queries } = asked();
  const uids = ['a', 'b', 'c', 'a'];
  const found = await Promise.all(uids.map((uid) => warnings.of('shop', uid)));
  assert.deepEqual(
    found.map((warning) => warning?.message),
    ['no such secret', 'probe failed', undefined, 'no such secret'],
  );
  assert.deepEqual(queries, [{ namespace: 'shop', fieldSelector: 'involvedObject.kind=Pod,type=Warning' }]);
  await warnings.of('other', 'a');
  assert.equal(queries.length, 2);
});

test('who asks after an answer has begun is told by the next one', async () => {
  let text = 'before';
  const { warnings, queries } = asked(() => [event('a', 'Failed', text, '2026-01-01T00:00:01Z')]);
  assert.equal((await warnings.of('shop', 'a'))?.message, 'before');
  const later = [warnings.of('shop', 'a'), warnings.of('shop', 'a')];
  text = 'after';
  assert.deepEqual(
    (await Promise.all(later)).map((one) => one?.message),
    ['after', 'after'],
  );
  assert.equal(queries.length, 2);
});

test('a question that fails is asked again by whoever asks next, and none is asked once it is closed', async () => {
  let fails = true;
  const { warnings, closing } = asked(() => {
    if (fails) throw new Error('429');
    return EVENTS;
  });
  await assert.rejects(warnings.of('shop', 'a'), /429/);
  fails = false;
  assert.equal((await warnings.of('shop', 'a'))?.message, 'no such secret');
  closing.abort(new Error('closed'));
  await assert.rejects(warnings.of('shop', 'a'));
});

test('so many at once, the others in their order, also when one fails', async () => {
  const inTurn = atMost(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const all = [0, 1, 2, 3].map((number) =>
    inTurn(async () => {
      begun.push(number);
      await new Promise<void>((resolve) => ends.push(resolve));
      if (number === 0) throw new Error('failed');
      return number;
    }),
  );
  const done = Promise.allSettled(all);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  await turn();
  assert.deepEqual(begun, [0, 1]);
  ends[0]?.();
  await turn();
  assert.deepEqual(begun, [0, 1, 2]);
  for (const end of ends) end();
  await turn();
  for (const end of ends) end();
  assert.deepEqual(
    (await done).map(({ status }) => status),
    ['rejected', 'fulfilled', 'fulfilled', 'fulfilled'],
  );
  assert.deepEqual(begun, [0, 1, 2, 3]);
});
