import type { RouteTable } from '../../../../src/core/model.ts';

export interface TableParts {
  app?: string;
  generation?: number;
  /** Pool -> addresses of its members. */
  members: Record<string, string[]>;
  /** Pool -> basis points. Absent: all to the first pool. */
  weights?: Record<string, number>;
  route?: Partial<RouteTable['route']>;
  front?: Partial<RouteTable['front']>;
}

/** A complete table from the parts that a test is about. Replicas are named `<pool>/<index>`. */
export function tableOf(parts: TableParts): RouteTable {
  const pools = Object.keys(parts.members);
  const weights = parts.weights ?? { [pools[0] ?? 'none']: 10_000 };
  return {
    app: parts.app ?? 'default/shop',
    generation: parts.generation ?? 1,
    front: {
      listen: { host: '127.0.0.1', port: 0 },
      revisionHeader: true,
      upstreamTimeoutMs: 10_000,
      drainLongMs: 0,
      ...parts.front,
    },
    route: {
      split: { kind: 'weights', to: Object.entries(weights).map(([key, weight]) => ({ key, weight })) },
      matches: [],
      admit: { kind: 'open' },
      ...parts.route,
    },
    members: Object.fromEntries(
      Object.entries(parts.members).map(([pool, addresses]) => [
        pool,
        addresses.map((address, i) => ({ replica: `${pool}/${i}`, address })),
      ]),
    ),
    revisions: Object.fromEntries(pools.map((pool) => [pool, `v1-${pool}`])),
  };
}
