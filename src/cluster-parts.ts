import type { Logger } from 'pino';
import type { Routers } from './cluster/chosen-router.ts';
import { knows } from './cluster/discovery.ts';
import { addressesOf } from './cluster/metrics-addresses.ts';
import type { RouterCapabilities } from './core/capabilities.ts';
import type { Ms } from './core/model.ts';
import { createKubernetesEngine } from './engines/kubernetes/index.ts';
import type { Kube } from './kubernetes/client.ts';
import type { AppName } from './kubernetes/names.ts';
import { HTTP_ROUTES, INGRESSES } from './kubernetes/network.ts';
import { Leaving } from './kubernetes/routing/leaving.ts';
import { traefikMetrics } from './kubernetes/routing/traefik.ts';
import type { OwnerReference } from './kubernetes/types.ts';
import type { Engine } from './ports/engine.ts';
import { createGatewayApiRouter, GATEWAY_API_CAN } from './routers/gateway-api/index.ts';
import { createIngressNginxRouter, INGRESS_NGINX_CAN } from './routers/ingress-nginx/index.ts';
import { createServiceRouter, SERVICE_CAN } from './routers/service/index.ts';
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

/** What each can do, whether this cluster has its kinds or not: what is only looked at is held against it. */
export const ROUTERS_CAN: Readonly<Record<KubernetesRouter, RouterCapabilities>> = {
  gatewayApi: GATEWAY_API_CAN,
  ingressNginx: INGRESS_NGINX_CAN,
  service: SERVICE_CAN,
};

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
