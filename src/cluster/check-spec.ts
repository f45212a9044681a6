import { checkCapabilities } from '../core/capabilities.ts';
import { OperatingError } from '../core/errors.ts';
import type { AppSpec } from '../spec/app.ts';
import { type Routers, routerIn, routerNamed } from './chosen-router.ts';

/**
 * What only a cluster asks of an App: something that it can run, and a router that can do what the strategy needs.
 * @throws OperatingError E_NEEDS_IMAGE, E_ROUTER_MISSING, E_ROUTER_CANNOT, E_CLUSTER_FORBIDDEN
 */
export async function checkForCluster(spec: AppSpec, routers: Routers): Promise<void> {
  if (spec.spec.image === undefined) {
    throw new OperatingError('E_NEEDS_IMAGE', 'spec.image is missing: a cluster runs images', {
      hint: 'build an image of the source, push it to where the cluster pulls from, and name it',
    });
  }
  if (!spec.spec.route) return;
  const router = routerIn(routers, routerNamed(spec));
  const { name, capabilities } = (await router.capabilitiesFor?.(spec)) ?? router;
  checkCapabilities(spec, name, capabilities);
}
