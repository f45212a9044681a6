import { formatListen, overlaps } from './address.ts';
import type { AppSpec, RouteSpec } from './app.ts';

/**
 * Why two Apps cannot both be served: the same host on the same listener, or one's preview where the other one is.
 * Undefined: they can. Apps that share a listener with different hosts are fine; one without a host takes the rest.
 */
export function routeClash(a: AppSpec, b: AppSpec): string | undefined {
  const one = a.spec.route;
  const other = b.spec.route;
  // In a cluster each App has a Service of its own.
  if (!one || !other || a.spec.image !== undefined || b.spec.image !== undefined) return undefined;
  const claimed = claims(one).find((claim) => claims(other).some((theirs) => isSame(claim, theirs)));
  if (!claimed) return undefined;
  const where = claimed.host === undefined ? 'every host' : `host ${claimed.host}`;
  return `${appName(a)} and ${appName(b)} both claim ${where} on ${formatListen(claimed.listen)}`;
}

/** `namespace/name` */
export function appName(app: AppSpec): string {
  return `${app.metadata.namespace}/${app.metadata.name}`;
}

interface Claim {
  listen: RouteSpec['listen'];
  host?: string;
}

function claims(route: RouteSpec): Claim[] {
  const { listen, host, previewListen } = route;
  const found: Claim[] = [host === undefined ? { listen } : { listen, host }];
  found.push({ listen, host: `preview.${host ?? 'localhost'}` });
  if (previewListen) found.push({ listen: previewListen });
  return found;
}

/** Different hosts share a listener only when it is the same one: two that overlap cannot both be opened. */
function isSame(a: Claim, b: Claim): boolean {
  if (!overlaps(a.listen, b.listen)) return false;
  return a.listen.host !== b.listen.host || a.host === b.host;
}
