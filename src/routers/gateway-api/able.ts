import type { NamedCapabilities, RouterCapabilities } from '../../core/capabilities.ts';
import { OperatingError } from '../../core/errors.ts';
import { FULL_WEIGHT, type WeightBp } from '../../core/model.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { isKubeError } from '../../kubernetes/error.ts';
import { GATEWAY_CLASSES, GATEWAYS, type ParentReference } from '../../kubernetes/network.ts';
import type { AppSpec } from '../../spec/app.ts';

/** What every implementation can; whether one mirrors is what its class says. Weights are whole numbers of ten thousandths. */
export const GATEWAY_API_CAN: RouterCapabilities = {
  weightResolutionBp: 1,
  header: true,
  cookie: true,
  sticky: false,
  hold: false,
  preview: true,
  mirrorResolutionBp: 1,
  measuredBy: 'router',
};

const NAME = 'gatewayApi';
/** Names of the Gateway API's features, as a class lists them. */
const MIRROR = 'HTTPRouteRequestMirror';
const MIRROR_OF_A_PART = 'HTTPRouteRequestPercentageMirror';

/** What can be done for this App, by whoever carries its route. @throws OperatingError E_CLUSTER_FORBIDDEN */
export async function gatewayApiFor(kube: Kube, { metadata, spec }: AppSpec): Promise<NamedCapabilities> {
  const { parentRefs = [], httpRoute } = spec.kubernetes ?? {};
  if (httpRoute) {
    const capabilities = { ...GATEWAY_API_CAN, header: false, cookie: false, mirrorResolutionBp: 0 };
    return { name: `${NAME} (of HTTPRoute ${httpRoute.name}, which is shared)`, capabilities };
  }
  if (!mirrors(spec.strategy)) return { name: NAME, capabilities: GATEWAY_API_CAN };
  const said = await mirrorOf(kube, metadata.namespace, parentRefs);
  return {
    name: said.by === undefined ? NAME : `${NAME} (GatewayClass ${said.by})`,
    capabilities: { ...GATEWAY_API_CAN, mirrorResolutionBp: said.resolutionBp },
  };
}

function mirrors(strategy: AppSpec['spec']['strategy']): boolean {
  if (strategy.kind !== 'canary') return false;
  return strategy.steps.some((step) => step.kind === 'setMirror' && step.shareBp > 0);
}

/**
 * What the classes of all Gateways of a route say of mirroring. One that says nothing is taken to have none: what an
 * implementation makes of a filter that it does not know is to answer each request with an error.
 * @returns by: the class that can do least; absent: there is no Gateway yet, which is told elsewhere
 * @throws OperatingError E_CLUSTER_FORBIDDEN
 */
export async function mirrorOf(
  kube: Kube,
  namespace: string,
  parents: readonly ParentReference[],
): Promise<{ by?: string; resolutionBp: WeightBp }> {
  let least: { by?: string; resolutionBp: WeightBp } = { resolutionBp: GATEWAY_API_CAN.mirrorResolutionBp };
  for (const parent of parents) {
    const gateway = await kube.get(GATEWAYS, parent.namespace ?? namespace, parent.name);
    const by = gateway?.spec.gatewayClassName;
    if (by === undefined) continue;
    const resolutionBp = resolutionOf(await featuresOf(kube, by));
    if (least.by === undefined || isCoarser(resolutionBp, least.resolutionBp)) least = { by, resolutionBp };
  }
  return least;
}

function resolutionOf(features: readonly string[]): WeightBp {
  if (!features.includes(MIRROR)) return 0;
  return features.includes(MIRROR_OF_A_PART) ? 1 : FULL_WEIGHT;
}

function isCoarser(a: WeightBp, b: WeightBp): boolean {
  return b !== 0 && (a === 0 || a > b);
}

async function featuresOf(kube: Kube, name: string): Promise<string[]> {
  try {
    const found = await kube.get(GATEWAY_CLASSES, '', name);
    return found?.status?.supportedFeatures?.map((feature) => feature.name) ?? [];
  } catch (error) {
    if (!isKubeError(error, 403)) throw error;
    const message = `whether GatewayClass ${name} mirrors requests cannot be seen: reading it is not allowed`;
    throw new OperatingError('E_CLUSTER_FORBIDDEN', message, {
      hint: 'take setMirror out of the strategy, or allow `get` of gatewayclasses (a controller of the whole cluster has it)',
      cause: error,
    });
  }
}
