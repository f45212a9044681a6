import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { RouteTable } from '../../../src/core/model.ts';
import { givenAnnotation } from '../../../src/kubernetes/given.ts';
import type { HttpRoute } from '../../../src/kubernetes/network.ts';
import {
  leaveRule,
  movingRule,
  notedOnce,
  ruleToLeave,
  sharedRule,
} from '../../../src/kubernetes/routing/http-rule.ts';
import { recordAnnotation, recordText } from '../../../src/kubernetes/routing/record.ts';
import { scriptedApi, send } from '../kubernetes/scripted-api.ts';
import { tableOf } from './tables.ts';

const APP = { namespace: 'default', name: 'shop' };
const ORIGINAL = [{ name: 'shop', port: 80 }];

function shared(rule: string | number): RouteTable {
  const table = tableOf({ '1-1': 8000, '2-2': 2000 });
  return {
    ...table,
    front: {
      ...table.front,
      cluster: { router: 'gatewayApi', port: 8080, httpRoute: { name: 'web', rule }, service: 'shop' },
    },
  };
}

/** Rules that lead to these Services, written last with this table. */
function routeOf(
  services: readonly string[][],
  table?: RouteTable,
  names: readonly string[] = [],
): HttpRoute {
  return {
    metadata: {
      name: 'web',
      namespace: 'default',
      resourceVersion: '9',
      annotations: {
        [givenAnnotation('shop')]: JSON.stringify({ rule: 0, backendRefs: ORIGINAL }),
        ...(table ? { [recordAnnotation('shop')]: recordText({ stateVersion: 1, table }) } : {}),
      },
    },
    spec: {
      rules: services.map((backends, at) => ({
        ...(names[at] === undefined ? {} : { name: names[at] }),
        backendRefs: backends.map((name) => ({ name, port: 80 })),
      })),
    },
  } as HttpRoute;
}

it('a rule is the one of its name or its position', () => {
  assert.equal(sharedRule(shared(1), routeOf([['other'], ['placeholder']])), 1);
  assert.equal(sharedRule(shared('1'), routeOf([['other'], ['placeholder']])), 1);
  assert.equal(sharedRule(shared('api'), routeOf([['other'], ['other']], undefined, ['web', 'api'])), 1);
  assert.equal(sharedRule(shared('api'), routeOf([['other']])), -1);
  assert.equal(sharedRule(shared(3), routeOf([['other']])), -1);
});

it('a rule that somebody put before it is not taken for it', () => {
  const table = shared(0);
  const ruleOf = (...services: string[][]) => sharedRule(table, routeOf(services, table));
  assert.equal(ruleOf(['cart'], ['shop-1-1', 'shop-2-2']), 1);
  assert.equal(ruleOf(['cart'], ['shop']), 1, 'applied anew from a file');
  assert.equal(ruleOf(['shop-1-1'], ['shop-1-1']), 0, 'its rule was copied');
  assert.equal(ruleOf(['shop'], ['cart']), 0, 'it was put back');
});

it('what cannot be told from the rule of another is left alone', () => {
  const table = shared(0);
  const ruleOf = (...services: string[][]) => sharedRule(table, routeOf(services, table));
  assert.equal(ruleOf(['cart'], ['other']), -1, 'its rule is gone');
  assert.equal(ruleOf(['cart'], ['shop-1-1'], ['shop-1-1']), -1);
  assert.equal(
    ruleOf(['shop'], ['shop-2-2']),
    -1,
    'put back, and a rule of somebody for the new version alone',
  );
  const route = routeOf([['cart'], ['other']], table);
  Object.assign(route.spec.rules?.[0]?.backendRefs?.[0] ?? {}, { name: 'shop', namespace: 'legacy' });
  assert.equal(sharedRule(table, route), -1, 'a Service of that name elsewhere');
});

it('another rule that is named from now on is taken at once, and the one before leads where it led', () => {
  const route = routeOf([['shop-1-1'], ['other']], shared(0));
  assert.equal(sharedRule(shared(1), route), 1);
  assert.deepEqual(movingRule(shared(1), route, 1), [
    { op: 'add', path: '/spec/rules/0/backendRefs', value: ORIGINAL },
    {
      op: 'add',
      path: '/metadata/annotations/given.crossfade.dev~1shop',
      value: JSON.stringify({ rule: 1, backendRefs: [{ name: 'other', port: 80 }] }),
    },
  ]);
  assert.deepEqual(movingRule(shared(0), route, 0), []);
});

it('where a rule led is noted once, before it leads to a pool', () => {
  const notedBy = (table: RouteTable, route: HttpRoute) => {
    delete route.metadata.annotations?.[givenAnnotation('shop')];
    return notedOnce(table, route, 1);
  };
  const value = JSON.stringify({ rule: 1, backendRefs: [{ name: 'other', port: 80 }] });
  assert.deepEqual(notedBy(shared(1), routeOf([['shop-1-1'], ['other']])), [
    { op: 'add', path: '/metadata/annotations/given.crossfade.dev~1shop', value },
  ]);
  assert.deepEqual(notedBy(shared(1), routeOf([['other'], ['shop-2-2']])), [], 'it leads to a pool');
  const before = { ...shared(1), ...tableOf({ '9-9': 10_000 }), front: shared(1).front };
  assert.deepEqual(notedBy(shared(1), routeOf([['other'], ['shop-9-9']], before)), [], 'to one of before');
  assert.deepEqual(notedOnce(shared(1), routeOf([['other'], ['other']]), 1), [], 'it was noted');
});

it('what was noted and cannot be read is nothing', () => {
  for (const text of ['{oops', '{}', 'null', '7']) {
    const route = routeOf([['shop-1-1']], shared(0));
    Object.assign(route.metadata.annotations ?? {}, { [givenAnnotation('shop')]: text });
    assert.equal(sharedRule(shared(0), route), 0);
    assert.equal(ruleToLeave(route, 'shop'), -1);
  }
});

it('it leads where it led before, wherever it is now, and no other rule is touched', async (t) => {
  const { kube, asked } = await scriptedApi(t, (_, response) => send(response, 200, { metadata: {} }));
  const written = async (services: string[][]) => {
    await leaveRule(kube, APP, routeOf(services, shared(0)));
    const operations = asked.at(-1)?.body as { path: string }[];
    return operations.filter(({ path }) => path.startsWith('/spec'));
  };
  assert.deepEqual(await written([['cart'], ['shop-1-1', 'shop-2-2']]), [
    { op: 'add', path: '/spec/rules/1/backendRefs', value: ORIGINAL },
  ]);
  assert.deepEqual(await written([['cart']]), [], 'its rule is gone');
  assert.deepEqual(await written([['cart'], ['other']]), []);
});

/** The same rule of the same route is led by an App of another name from now on. */
function renamed(rule: string | number): { old: RouteTable; fresh: RouteTable; route: HttpRoute } {
  const old = shared(rule);
  const fresh = { ...old, app: 'default/store' };
  const route = routeOf([['cart'], ['shop-1-1']], old, ['cart', 'api']);
  return { old, fresh, route };
}

it('where another App leads a rule, what it led to before that one is noted', () => {
  const { fresh, route } = renamed(1);
  const path = '/metadata/annotations/given.crossfade.dev~1store';
  const value = JSON.stringify({ rule: 1, backendRefs: ORIGINAL });
  assert.deepEqual(notedOnce(fresh, route, 1), [{ op: 'add', path, value }]);
  delete route.metadata.annotations?.[givenAnnotation('shop')];
  assert.deepEqual(notedOnce(fresh, route, 1), [], 'what is not known is not made up');
});

it('an App that goes leaves a rule that another leads by now', () => {
  for (const rule of [1, 'api']) {
    const { route } = renamed(rule);
    assert.equal(ruleToLeave(route, 'shop'), 1);
    const [, led] = route.spec.rules ?? [];
    if (led) led.backendRefs = [{ name: 'store-1-1', port: 80 }];
    assert.equal(ruleToLeave(route, 'shop'), -1, `rule ${rule}`);
  }
});
