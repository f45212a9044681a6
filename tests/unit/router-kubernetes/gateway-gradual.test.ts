import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { BackendRef, HttpRoute } from '../../../src/kubernetes/network.ts';
import { recordAnnotation, recordText } from '../../../src/kubernetes/routing/record.ts';
import { isGradual, leaving, namedFirst } from '../../../src/routers/gateway-api/gradual.ts';
import { rulesOf } from '../../../src/routers/gateway-api/route.ts';
import { tableOf } from './tables.ts';

const silent = (name: string): BackendRef => ({ group: '', kind: 'Service', name, port: 80, weight: 0 });

function routeOf(controllers: (string | undefined)[]): HttpRoute {
  const parents = controllers.map((controllerName) => ({
    parentRef: { name: 'web' },
    ...(controllerName === undefined ? {} : { controllerName }),
  }));
  return { metadata: { name: 'shop' }, spec: {}, status: { parents } };
}

it('steps are for whoever is not known to take all at once, and for nobody where nobody has looked yet', () => {
  const [traefik, contour] = ['traefik.io/gateway-controller', 'projectcontour.io/gateway-controller'];
  assert.equal(isGradual(routeOf([traefik])), false);
  assert.equal(isGradual(routeOf([contour])), true);
  assert.equal(isGradual(routeOf([traefik, contour])), true, 'each of them serves it');
  assert.equal(isGradual(routeOf([undefined])), true);
  assert.equal(isGradual(routeOf([])), false);
  assert.equal(isGradual({ metadata: {}, spec: {} }), false);
});

it('whoever is named anew is named at weight 0 first, for copies and matches too; the others stay as they are', () => {
  const table = tableOf({ '2-2': 10_000 });
  const match = { when: { headers: [], cookies: [] }, to: '3-3' };
  const route = { ...table.route, matches: [match], mirror: { to: '4-4', share: 100 } };
  const there = { name: 'shop-1-1', port: 80, weight: 10_000 };
  const asked = { ...table, route };
  assert.deepEqual(namedFirst(asked, { backendRefs: [there] }), [
    there,
    ...['shop-2-2', 'shop-3-3', 'shop-4-4'].map(silent),
  ]);
  const all = ['shop-2-2', 'shop-3-3', 'shop-4-4'].map(silent);
  assert.equal(namedFirst(asked, { backendRefs: all }), undefined, 'nobody is new');
  assert.deepEqual(namedFirst(tableOf({ '2-2': 10_000 }), {}), [silent('shop-2-2')]);
});

it('whom the table before named stays at weight 0, until it is dropped', () => {
  const before = tableOf({ '1-1': 8000, '2-2': 2000 });
  const text = recordText({ stateVersion: 1, table: before });
  const route: HttpRoute = {
    metadata: { name: 'shop', annotations: { [recordAnnotation('shop')]: text } },
    spec: {},
  };
  const table = tableOf({ '2-2': 10_000 });
  assert.deepEqual(leaving(table, route), [silent('shop-1-1')]);
  assert.deepEqual(leaving(before, route), []);
  assert.deepEqual(leaving(table, { metadata: { name: 'shop' }, spec: {} }), []);
  const [rule] = rulesOf(table, leaving(table, route));
  assert.deepEqual(
    rule?.backendRefs?.map(({ name, weight }) => [name, weight]),
    [
      ['shop-2-2', 10_000],
      ['shop-1-1', 0],
    ],
  );
});
