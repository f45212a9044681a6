import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { RouteTable } from '../../../src/core/model.ts';
import { givenAnnotation } from '../../../src/kubernetes/given.ts';
import type { HttpRoute } from '../../../src/kubernetes/network.ts';
import { leaveRule, sharedRule } from '../../../src/kubernetes/routing/http-rule.ts';
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
  assert.equal(sharedRule(table, routeOf([['cart'], ['shop-1-1', 'shop-2-2']], table)), 1);
  assert.equal(
    sharedRule(table, routeOf([['shop'], ['shop-1-1']], table)),
    1,
    'also one that leads to the Service',
  );
  assert.equal(sharedRule(table, routeOf([['cart'], ['shop']], table)), 1, 'applied anew from a file');
  assert.equal(sharedRule(table, routeOf([['cart'], ['other']], table)), 0, 'it was taken over');
  assert.equal(sharedRule(table, routeOf([['shop-1-1'], ['shop-1-1']], table)), 0);
});

it('another rule that is named from now on is taken at once', () => {
  assert.equal(sharedRule(shared(1), routeOf([['shop-1-1'], ['other']], shared(0))), 1);
});

it('it leads where it led before, wherever it is now, and no other rule is touched', async (t) => {
  const { kube, asked } = await scriptedApi(t, (_, response) => send(response, 200, { metadata: {} }));
  await leaveRule(kube, APP, routeOf([['cart'], ['shop-1-1', 'shop-2-2']], shared(0)));
  await leaveRule(kube, APP, routeOf([['cart']], shared(3)));
  const paths = (index: number) =>
    ((asked[index]?.body as { path: string }[] | undefined) ?? []).map(({ path }) => path);
  const operations = asked[0]?.body as object[];
  assert.deepEqual(
    operations.find((one) => 'value' in one && 'path' in one && String(one.path).startsWith('/spec')),
    {
      op: 'add',
      path: '/spec/rules/1/backendRefs',
      value: ORIGINAL,
    },
  );
  assert.equal(paths(0).filter((path) => path.startsWith('/spec')).length, 1);
  assert.deepEqual(
    paths(1).filter((path) => path.startsWith('/spec')),
    [],
    'its rule is gone',
  );
});
