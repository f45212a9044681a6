import type { RouteShare } from '../../api/types.ts';
import type { PoolId, RouteTable } from '../../core/model.ts';
import { poolRole, revisionNumber, type Snapshot } from './snapshot.ts';
import { NO_TRAFFIC, percentOfBp, trafficOf } from './traffic.ts';

const ROLE_ORDER = ['stable', 'candidate', 'warm', 'retiring'];

/** The split that is asked for, beside the one that was measured. Stable first. */
export function routeShares(snapshot: Snapshot): RouteShare[] {
  const { state, observed } = snapshot;
  const { table } = state;
  if (!table) return [];
  const traffic = trafficOf(snapshot);
  const shares = Object.keys(table.members).map((pool): RouteShare => {
    const { counts, measuredPercent } = traffic.get(pool) ?? NO_TRAFFIC;
    const latency = observed.latency[pool];
    const revision = table.revisions[pool] ?? '';
    return {
      revision,
      revisionNumber: revisionNumber(state, revision),
      role: poolRole(state, pool),
      weightPercent: weightPercent(table, pool),
      measuredPercent,
      requests: counts.requests,
      failed: counts.failed,
      p50Ms: latency && latency.count > 0 ? latency.p50Ms : null,
      p99Ms: latency && latency.count > 0 ? latency.p99Ms : null,
    };
  });
  return shares.sort((a, b) => ROLE_ORDER.indexOf(a.role) - ROLE_ORDER.indexOf(b.role));
}

function weightPercent({ route: { split } }: RouteTable, pool: PoolId): number | null {
  if (split.kind === 'perReadyReplica') return null;
  return percentOfBp(split.to.find((share) => share.key === pool)?.weight ?? 0);
}

/** Where users find the App; a listener on every address is shown as this machine. */
export function urlOf({ object }: Snapshot): string | null {
  const { route, image } = object.spec.spec;
  // In a cluster there is no listener of ours: without a host it is what leads to the App that knows.
  if (image !== undefined && route?.host === undefined) return null;
  return route ? httpUrl(route.host ?? route.listen.host, route.listen.port) : null;
}

/** Where the preview is, while the route has one. */
export function previewUrlOf({ object, state }: Snapshot): string | null {
  const { route } = object.spec.spec;
  if (!route || state.table?.route.preview === undefined) return null;
  if (route.previewListen) return httpUrl(route.previewListen.host, route.previewListen.port);
  return route.host === undefined ? null : httpUrl(`preview.${route.host}`, route.listen.port);
}

function httpUrl(host: string, port: number): string {
  const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  const bracketed = shown.includes(':') ? `[${shown}]` : shown;
  return `http://${bracketed}${port === 80 ? '' : `:${port}`}`;
}
