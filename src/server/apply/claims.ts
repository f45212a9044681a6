import { OperatingError } from '../../core/errors.ts';
import type { AppKey } from '../../core/model.ts';
import type { AppSpec, RouteSpec } from '../../spec/app.ts';

interface Claim {
  listener: string;
  /** Undefined: every host on this listener. */
  host: string | undefined;
  field: string;
}

/**
 * Two Apps may share a listener, but not a host on it: requests would go to one of them by chance.
 * @throws OperatingError E_ROUTE_CLAIMED naming both
 */
export function checkClaims(spec: AppSpec, others: ReadonlyMap<AppKey, AppSpec>): void {
  const own = claimsOf(spec.spec.route);
  const key = `${spec.metadata.namespace}/${spec.metadata.name}`;
  for (const [other, otherSpec] of others) {
    if (other === key) continue;
    for (const theirs of claimsOf(otherSpec.spec.route)) {
      const mine = own.find((claim) => claim.listener === theirs.listener && claim.host === theirs.host);
      if (mine) throw claimed(key, mine, other, theirs);
    }
  }
}

function claimsOf(route: RouteSpec | undefined): Claim[] {
  if (!route) return [];
  const listener = listenerOf(route.listen);
  const claims: Claim[] = [{ listener, host: route.host, field: 'route.listen' }];
  if (route.host !== undefined) {
    claims.push({ listener, host: `preview.${route.host}`, field: 'the preview of route.host' });
  }
  if (route.previewListen) {
    claims.push({ listener: listenerOf(route.previewListen), host: undefined, field: 'route.previewListen' });
  }
  return claims;
}

export function listenerOf({ host, port }: { host: string; port: number }): string {
  return `${host}:${port}`;
}

function claimed(key: AppKey, mine: Claim, other: AppKey, theirs: Claim): OperatingError {
  const what = mine.host === undefined ? 'every host' : mine.host;
  return new OperatingError(
    'E_ROUTE_CLAIMED',
    `App ${key} (${mine.field}) and App ${other} (${theirs.field}) both claim ${what} on ${mine.listener}.`,
    {
      hint: 'Give one of them another port or another route.host.',
      details: { apps: [key, other], listener: mine.listener, host: mine.host ?? null },
    },
  );
}
