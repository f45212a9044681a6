import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { HttpRoute } from '../../../src/kubernetes/network.ts';
import { acceptanceOf } from '../../../src/routers/gateway-api/accepted.ts';
import {
  describeAsked,
  describeFound,
  requestFor,
  rulesOf,
  splitIndex,
  splitOf,
} from '../../../src/routers/gateway-api/route.ts';
import { tableOf } from './tables.ts';

it('a request for a rule of others has its path and its headers; what cannot be said so is not asked', () => {
  assert.equal(requestFor(undefined), undefined);
  assert.deepEqual(requestFor({ matches: [] }), {});
  const path = { type: 'PathPrefix', value: '/shop' };
  assert.deepEqual(requestFor({ matches: [{ path, headers: [{ name: 'X-Team', value: 'a' }] }, {}] }), {
    path: '/shop',
    headers: { 'x-team': 'a' },
  });
  for (const match of [
    { path: { type: 'RegularExpression', value: '/s.*' } },
    { headers: [{ name: 'a', type: 'RegularExpression' as const, value: '.*' }] },
    { method: 'POST' },
    { queryParams: [{ name: 'q', value: '1' }] },
  ])
    assert.equal(requestFor({ matches: [match] }), undefined);
});

it('weights are those of the table, to one ten thousandth, in an order that stays', () => {
  const backends = splitOf(tableOf({ '2-1': 833, '1-1': 9167 }));
  assert.deepEqual(
    backends.map(({ name, weight, port }) => [name, weight, port]),
    [
      ['shop-1-1', 9167, 80],
      ['shop-2-1', 833, 80],
    ],
  );
});

it('a roll gives every pod the same: weights are numbers of members', () => {
  const table = tableOf({ '1-1': 0, '2-1': 0 });
  const two = [...(table.members['1-1'] ?? []), { replica: 'other', address: '' }];
  const members = { ...table.members, '1-1': two };
  const route = { ...table.route, split: { kind: 'perReadyReplica' as const, to: ['1-1', '2-1'] } };
  const weights = splitOf({ ...table, members, route }).map(({ weight }) => weight);
  assert.deepEqual(weights, [2, 1]);
});

it('each answer names the table and the pool that it came by, unless the App does not want that', () => {
  const [backend] = splitOf(tableOf({ '1-1': 10_000 }));
  assert.match(JSON.stringify(backend?.filters), /"x-crossfade-revision","value":"v1-1-1".*"7\/1-1"/);
  const table = tableOf({ '1-1': 10_000 });
  assert.equal(
    splitOf({ ...table, front: { ...table.front, revisionHeader: false } })[0]?.filters,
    undefined,
  );
});

it('matches come first, in their order, and the split is the last rule', () => {
  const table = tableOf({ '1-1': 10_000, '2-1': 0 });
  const matches = [
    {
      when: { headers: [{ name: 'x-a', value: { kind: 'prefix' as const, value: 'a.b' } }], cookies: [] },
      to: '2-1',
    },
    {
      when: { headers: [], cookies: [{ name: 'c', value: { kind: 'exact' as const, value: '1' } }] },
      to: '1-1',
    },
  ];
  const asked = { ...table, route: { ...table.route, matches } };
  const rules = rulesOf(asked);
  assert.equal(splitIndex(asked), 2);
  assert.equal(rules.length, 3);
  assert.deepEqual(rules[0]?.matches?.[0]?.headers, [
    { name: 'x-a', type: 'RegularExpression', value: '^a\\.b.*' },
  ]);
  const cookie = new RegExp(rules[1]?.matches?.[0]?.headers?.[0]?.value ?? '');
  for (const [text, is] of [
    ['c=1', true],
    ['a=b; c=1; d=2', true],
    ['c=12', false],
    ['bc=1', false],
  ] as const)
    assert.equal(cookie.test(text), is, text);
  assert.deepEqual(
    rules[0]?.backendRefs?.map(({ name }) => name),
    ['shop-2-1'],
  );
});

it('copies are asked for in the rule of the split alone, and are read back', () => {
  const plain = tableOf({ '1-1': 10_000 });
  const matches = [
    { when: { headers: [{ name: 'x-a', value: { kind: 'present' as const } }], cookies: [] }, to: '2-1' },
  ];
  const copying = (share: number) => ({
    ...plain,
    route: { ...plain.route, matches, mirror: { to: '2-1', share } },
  });
  const to = { group: '', kind: 'Service', name: 'shop-2-1', port: 80 };
  for (const [share, part] of [
    [10_000, {}],
    [2500, { percent: 25 }],
    [1, { fraction: { numerator: 1, denominator: 10_000 } }],
  ] as const) {
    const [matched, split] = rulesOf(copying(share));
    assert.equal(matched?.filters, undefined);
    assert.deepEqual(split?.filters, [{ type: 'RequestMirror', requestMirror: { backendRef: to, ...part } }]);
    const said = `shop-1-1 10000, copies of ${share / 100}% to shop-2-1`;
    assert.equal(describeAsked(copying(share)), said);
    assert.equal(describeFound(copying(share), split), said);
  }
  const [, rule] = rulesOf(copying(1));
  const fifth = {
    type: 'RequestMirror' as const,
    requestMirror: { backendRef: to, fraction: { numerator: 20 } },
  };
  assert.match(describeFound(plain, { ...rule, filters: [fifth] }), /copies of 20% to shop-2-1$/);
  assert.equal(describeFound(plain, { ...rule, filters: [] }), 'shop-1-1 10000');
  assert.equal(describeFound(plain, { filters: [{ type: 'URLRewrite' }] }), 'nobody');
  assert.equal(describeFound(plain, undefined), 'no such rule');
});

it('what a shared rule copies is its owners’', () => {
  const table = tableOf({ '1-1': 10_000 });
  const cluster = { router: 'gatewayApi' as const, port: 8080, httpRoute: { name: 'web', rule: 0 } };
  const shared = { ...table, front: { ...table.front, cluster } };
  const filters = [{ type: 'RequestMirror' as const, requestMirror: { backendRef: { name: 'theirs' } } }];
  assert.equal(describeFound(shared, { backendRefs: splitOf(table), filters }), describeAsked(shared));
});

it('a route is accepted when every Gateway said so of the version that is there', () => {
  const said = (status: 'True' | 'False', observedGeneration: number) => ({
    parentRef: { name: 'web' },
    conditions: ['Accepted', 'ResolvedRefs'].map((type) => ({
      type,
      status,
      observedGeneration,
      reason: 'NoMatchingParent',
      message: 'no',
    })),
  });
  const route = (...parents: NonNullable<HttpRoute['status']>['parents'] & object): HttpRoute => ({
    metadata: { name: 'shop', generation: 4 },
    spec: { parentRefs: [{ name: 'web' }] },
    status: { parents },
  });
  assert.equal(acceptanceOf(route()).kind, 'waiting');
  assert.equal(acceptanceOf(route(said('True', 3))).kind, 'waiting');
  assert.equal(acceptanceOf(route(said('True', 4))).kind, 'accepted');
  const refused = acceptanceOf(route(said('False', 4)));
  assert.equal(refused.kind === 'refused' && refused.why.code, 'E_ROUTE_REFUSED');
  assert.match(
    refused.kind === 'refused' ? refused.why.message : '',
    /Gateway web .*HTTPRoute shop .*NoMatchingParent/,
  );
});
