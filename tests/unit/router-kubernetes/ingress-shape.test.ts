import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { RouteTable } from '../../../src/core/model.ts';
import type { Ingress } from '../../../src/kubernetes/network.ts';
import { sidesOf } from '../../../src/routers/ingress-nginx/canary.ts';
import { difference, hostsOf, rulesBeside, wayInto } from '../../../src/routers/ingress-nginx/shape.ts';
import { tableOf } from './tables.ts';

const to = (name: string) => ({ service: { name, port: { number: 80 } } });

/** An Ingress of several teams: two of its paths are the App's. */
function shared(own: string): Ingress {
  const path = (text: string, name: string, pathType = 'Prefix') => ({
    path: text,
    pathType,
    backend: to(name),
  });
  return {
    metadata: {
      name: 'web',
      managedFields: [{ manager: 'argocd', operation: 'Apply', time: '2026-01-02T03:04:05Z' }],
    },
    spec: {
      ingressClassName: 'nginx',
      rules: [
        { host: 'cart.example.com', http: { paths: [path('/', 'cart')] } },
        { host: 'shop.example.com', http: { paths: [path('/cart', 'cart'), path('/shop', own)] } },
        { host: 'm.example.com', http: { paths: [path('/', own)] } },
      ],
    },
  };
}

function table(weights: Record<string, number>): RouteTable {
  const made = tableOf(weights);
  const { host: _host, ...front } = made.front;
  const cluster = { router: 'ingressNginx', port: 8080, ingress: 'web', service: 'shop' } as const;
  return { ...made, front: { ...front, cluster } };
}

function canaryOf(main: Ingress, asked: RouteTable): Ingress {
  const { canary } = sidesOf(asked);
  assert.ok(canary);
  const managedFields = [{ manager: 'kubectl-edit', operation: 'Update', time: '2026-01-02T03:04:06Z' }];
  return {
    metadata: { name: 'shop-canary', annotations: canary.annotations, managedFields },
    spec: { rules: rulesBeside(main, asked, canary.pool) },
  };
}

const HALF = table({ '1-1': 5000, '2-1': 5000 });

it('a canary beside an Ingress of others has the hosts and paths of the App, and no others', () => {
  for (const own of ['shop', 'shop-1-1'])
    assert.deepEqual(rulesBeside(shared(own), HALF, '2-1'), [
      {
        host: 'shop.example.com',
        http: { paths: [{ path: '/shop', pathType: 'Prefix', backend: to('shop-2-1') }] },
      },
      {
        host: 'm.example.com',
        http: { paths: [{ path: '/', pathType: 'Prefix', backend: to('shop-2-1') }] },
      },
    ]);
  assert.deepEqual(hostsOf(shared('shop-1-1'), HALF), ['shop.example.com', 'm.example.com']);
});

it('a request of ours goes to a path of the App', () => {
  assert.deepEqual(wayInto(shared('shop-1-1'), HALF), { name: 'shop.example.com', path: '/shop' });
  const [, second] = shared('shop').spec.rules ?? [];
  const anyOf = (path: string) => {
    const paths = [{ path, pathType: 'ImplementationSpecific', backend: to('shop') }];
    return wayInto(
      { metadata: {}, spec: { rules: [{ ...second, host: '*.example.com', http: { paths } }] } },
      HALF,
    );
  };
  assert.deepEqual(anyOf('/shop(/|$)(.*)'), { name: 'crossfade-probe.example.com', path: '/' });
  assert.deepEqual(anyOf('/shop'), { name: 'crossfade-probe.example.com', path: '/shop' });
});

it('a route that is as it was asked for differs in nothing', () => {
  const main = shared('shop-1-1');
  assert.equal(difference(main, canaryOf(main, HALF), HALF), undefined);
  assert.equal(difference(main, undefined, table({ '1-1': 10_000 })), undefined);
});

it('who wrote the Service of before into the paths is named, with and without a canary', () => {
  const main = shared('shop');
  const alone = difference(main, undefined, table({ '1-1': 10_000 }));
  assert.equal(alone?.code, 'E_ROUTE_OVERWRITTEN');
  assert.match(
    alone.message,
    /^the Ingress of shop was changed by argocd .*main shop-1-1; found main shop\./,
  );
  const half = difference(main, canaryOf(main, HALF), HALF)?.message ?? '';
  assert.match(half, /argocd .*asked for 5000\/10000 .*main shop-1-1; found 5000\/10000 .*main shop\./);
});

it('who changed the weight or a host of the canary is named', () => {
  const main = shared('shop-1-1');
  const canary = canaryOf(main, HALF);
  canary.metadata.annotations = {
    ...canary.metadata.annotations,
    'nginx.ingress.kubernetes.io/canary-weight': '20',
  };
  assert.match(
    difference(main, canary, HALF)?.message ?? '',
    /^the canary Ingress of shop .*kubectl-edit .*found 20\/10000 /,
  );
  const elsewhere = canaryOf(main, HALF);
  elsewhere.spec.rules = [{ host: 'other.example.com', http: { paths: [] } }];
  assert.match(difference(main, elsewhere, HALF)?.message ?? '', /for other\.example\.com at nobody/);
});
