/** A split that is not followed is told in words that lead to whoever does it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeShares, explainMismatch } from '../../../src/core/decide/mismatch.ts';
import type { RouterView, RouteTable } from '../../../src/core/model.ts';
import { draftOf, halfway } from './support.ts';

const VERDICT = {
  kind: 'disagrees' as const,
  total: 150,
  asked: { '1-1': 0.8, '2-2': 0.2 },
  measured: { '1-1': 0.99995, '2-2': 0.33333, '7-7': 0.5 },
};

/** What is said when the router serves our table with this change. */
function said(change: (table: RouteTable) => void, seen: Partial<RouterView> = {}): string {
  const world = halfway();
  const serving = structuredClone(world.state.table ?? assert.fail('no table'));
  change(serving);
  const { router } = world.observed();
  assert.ok(router.kind === 'known');
  const draft = draftOf(world, { router: { ...router, value: { ...router.value, serving, ...seen } } });
  const { code, message } = explainMismatch(draft, VERDICT);
  assert.equal(code, 'E_SPLIT_MISMATCH');
  return message;
}

const ASKED = 'asked for revision 1 80%, revision 2 20%; ';
const MEASURED = '; measured revision 1 100%, revision 2 33.33%, revision 7-7 50% of 150 requests. Likely: ';
const OURS = 'the route of default/shop (generation 2) carries revision 1 80%, revision 2 20%';
const WROTE = 'something else than this Crossfade wrote the table of the router';

test('the router has our table and does otherwise: somebody answers at a wrong address, or goes round it', () => {
  assert.equal(
    said(() => undefined),
    `${ASKED}${OURS}${MEASURED}a replica answers at an address that the route gives to another revision, or clients go round the router`,
  );
});

test('the route says something else', () => {
  const message = said((table) => {
    table.generation = 7;
    table.route.split = { kind: 'weights', to: [{ key: '1-1', weight: 10_000 }] };
  });
  assert.equal(
    message,
    `${ASKED}the route of default/shop (generation 7) carries revision 1 100%${MEASURED}${WROTE}`,
  );
});

test('the route is by replica', () => {
  const message = said((table) => {
    table.route.split = { kind: 'perReadyReplica', to: ['1-1', '2-2', '7-7'] };
  });
  const carries = 'the same share per replica: 3 of revision 1, 1 of revision 2, 0 of revision 7-7';
  assert.equal(
    message,
    `${ASKED}the route of default/shop (generation 2) carries ${carries}${MEASURED}${WROTE}`,
  );
});

test('a replica of one revision stands in the place of another', () => {
  let address = '';
  const message = said((table) => {
    address = table.members['1-1']?.[0]?.address ?? '';
    table.members['2-2'] = [{ replica: '2-2-1', address }];
  });
  assert.equal(
    message,
    `${ASKED}${OURS}${MEASURED}the route gives ${address} to revision 2, and revision 1 runs there: ${WROTE}`,
  );
});

test('the route has other members than it was given, that nobody knows', () => {
  const message = said((table) => {
    table.members['2-2'] = [{ replica: '2-2-1', address: '10.0.0.1:80' }];
  });
  assert.equal(message, `${ASKED}${OURS}${MEASURED}${WROTE}: it serves other replicas than it was given`);
});

test('what the router serves is left out where it does not tell', () => {
  const message = said(() => undefined, { serving: undefined as never });
  assert.ok(message.startsWith(`${ASKED}measured revision 1 100%`), message);
  assert.match(message, /or clients go round the router$/);
});

test('a router that cannot be seen carries nothing that could be told', () => {
  const draft = draftOf(halfway(), { router: { kind: 'unknown', since: 0, why: 'it does not answer' } });
  const { message } = explainMismatch(draft, VERDICT);
  assert.ok(message.startsWith(`${ASKED}${MEASURED.slice(2)}a replica answers at an address`), message);
});

test('shares are told with as many decimals as they need, two at most', () => {
  const draft = draftOf(halfway());
  assert.equal(describeShares(draft, { '1-1': 0.125, '2-2': 0.1 }), 'revision 1 12.5%, revision 2 10%');
});
