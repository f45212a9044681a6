import type { Front } from '../../core/model.ts';
import type { Router } from '../../ports/router.ts';
import type { AppSpec } from '../../spec/app.ts';
import { listenerOf } from './claims.ts';

/**
 * Asks the router for listeners that no App has yet; one that is ours already is not to be asked for again.
 * @throws OperatingError E_PORT_TAKEN, E_ROUTER_DOWN
 */
export async function checkFront(router: Router, spec: AppSpec, stored: Iterable<AppSpec>): Promise<void> {
  const front = frontOf(spec);
  if (!front) return;
  const ours = new Set([...stored].flatMap(listenersOf));
  if (listenersOf(spec).some((listener) => !ours.has(listener))) await router.check(front);
}

function listenersOf({ spec: { route } }: AppSpec): string[] {
  if (!route) return [];
  return [route.listen, ...(route.previewListen ? [route.previewListen] : [])].map(listenerOf);
}

function frontOf({ spec: { route, drainLongTimeoutMs } }: AppSpec): Front | undefined {
  if (!route) return undefined;
  return {
    listen: route.listen,
    ...(route.host === undefined ? {} : { host: route.host }),
    ...(route.previewListen === undefined ? {} : { previewListen: route.previewListen }),
    revisionHeader: route.revisionHeader,
    ...(route.trustedProxies === undefined ? {} : { trustedProxies: route.trustedProxies }),
    upstreamTimeoutMs: route.upstreamTimeoutMs,
    drainLongMs: drainLongTimeoutMs,
  };
}
