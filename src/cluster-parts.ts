import type { Logger } from 'pino';
import { type Routers, routerNamed } from './cluster/chosen-router.ts';
import { knows } from './cluster/discovery.ts';
import { addressesOf } from './cluster/metrics-addresses.ts';
import type { NamedCapabilities, RouterCapabilities } from './core/capabilities.ts';
import { OperatingError } from './core/errors.ts';
import type { Ms } from './core/model.ts';
import { createKubernetesEngine } from './engines/kubernetes/index.ts';
import type { Kube } from './kubernetes/client.ts';
import type { AppName } from './kubernetes/names.ts';
import { HTTP_ROUTES, INGRESSES } from './kubernetes/network.ts';
import { Leaving } from './kubernetes/routing/leaving.ts';
import { traefikMetrics } from './kubernetes/routing/traefik.ts';
import type { OwnerReference } from './kubernetes/types.ts';
import type { Engine } from './ports/engine.ts';
import { GATEWAY_API_CAN, gatewayApiFor } from './routers/gateway-api/able.ts';
import { createGatewayApiRouter } from './routers/gateway-api/index.ts';
import { createIngressNginxRouter, INGRESS_NGINX_CAN } from './routers/ingress-nginx/index.ts';
import { createServiceRouter, SERVICE_CAN } from './routers/service/index.ts';
import type { AppSpec } from './spec/app.ts';
import type { KubernetesRouter } from './spec/app-kubernetes.ts';

/** What adapters are made of. */
export interface PartOptions {
  kube: Kube;
  /** Only this one is looked at; absent: all of them. */
  namespace?: string;
  /** The App object that everything of an App belongs to. */
  ownerOf(app: AppName): Promise<OwnerReference | undefined>;
  now: () => Ms;
  log: Logger;
}

export interface RouterPartOptions extends PartOptions {
  /** Where the router of the cluster tells its counters. */
  metricsUrls: readonly string[];
  /** Where Ingresses are served. */
  ingressPort: number;
}

/** What Apps of a cluster run on. Tests put in others; the program never does. */
export interface ClusterParts {
  engine(options: PartOptions & { contentKey: Buffer }): Promise<Engine>;
  routers(options: RouterPartOptions): Promise<Routers>;
}

export function standardClusterParts(): ClusterParts {
  return {
    engine: ({ log, ...options }) => createKubernetesEngine({ ...options, logger: log }),
    routers,
  };
}

const ROUTERS_CAN: Readonly<Record<KubernetesRouter, RouterCapabilities>> = {
  gatewayApi: GATEWAY_API_CAN,
  ingressNginx: INGRESS_NGINX_CAN,
  service: SERVICE_CAN,
};

/** What the router that an App names can do for it, whether this cluster has its kinds or not: for who only looks. */
export async function routerFor(kube: Kube, spec: AppSpec): Promise<NamedCapabilities> {
  const name = routerNamed(spec);
  const general = { name, capabilities: ROUTERS_CAN[name] };
  if (name !== 'gatewayApi') return general;
  try {
    return await gatewayApiFor(kube, spec);
  } catch (error) {
    // What this user may not see, the controller looks at before it takes the App up.
    if (error instanceof OperatingError && error.code === 'E_CLUSTER_FORBIDDEN') return general;
    throw error;
  }
}

/** Those whose kinds the cluster has. */
async function routers({ log, metricsUrls, ingressPort, ...options }: RouterPartOptions): Promise<Routers> {
  const { kube } = options;
  const metrics = traefikMetrics(() => addressesOf(metricsUrls));
  // Of the image that this program runs from, where it runs in a pod.
  const watcherImage = process.env.CROSSFADE_IMAGE;
  const watcher = watcherImage === undefined ? {} : { watcherImage };
  const leaving = new Leaving({ ...options, ...watcher, logger: log });
  const common = { ...options, ...(metricsUrls.length === 0 ? {} : { metrics }), leaving, logger: log };
  const [hasGateways, hasIngresses] = await Promise.all([knows(kube, HTTP_ROUTES), knows(kube, INGRESSES)]);
  const ingress = { ...common, port: ingressPort };
  return {
    ...(hasGateways ? { gatewayApi: await createGatewayApiRouter(common) } : {}),
    ...(hasIngresses ? { ingressNginx: await createIngressNginxRouter(ingress) } : {}),
    service: await createServiceRouter(common),
  };
}
