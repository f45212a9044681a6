import type { RouteTable } from '../../../src/core/model.ts';

/** A table of two pools with one replica each. */
export function tableOf(weights: Record<string, number>, more: Partial<RouteTable> = {}): RouteTable {
  return {
    app: 'default/shop',
    generation: 7,
    front: {
      listen: { host: '0.0.0.0', port: 80 },
      host: 'shop.example.com',
      revisionHeader: true,
      upstreamTimeoutMs: 5000,
      drainLongMs: 0,
      cluster: { router: 'gatewayApi', port: 8080, parentRefs: [{ name: 'web' }] },
    },
    route: {
      split: { kind: 'weights', to: Object.entries(weights).map(([key, weight]) => ({ key, weight })) },
      matches: [],
      admit: { kind: 'open' },
    },
    members: Object.fromEntries(
      Object.keys(weights).map((pool) => [pool, [{ replica: `pod-${pool}`, address: '10.0.0.1:8080' }]]),
    ),
    revisions: Object.fromEntries(Object.keys(weights).map((pool) => [pool, `v1-${pool}`])),
    ...more,
  };
}
