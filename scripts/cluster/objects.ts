/** What every cluster has from the begin, beside the custom resources of the Gateway API. */
import { GATEWAY_CLASS, INGRESS_CLASS, ROUTER_PORT } from './layout.ts';

/** Where the Gateway is that routes of every namespace may use. */
export const GATEWAY = { namespace: 'routers', name: 'web', listener: 'http' };

export const FIRST_OBJECTS: readonly object[] = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: GATEWAY.namespace } },
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GatewayClass',
    metadata: { name: GATEWAY_CLASS },
    spec: { controllerName: 'traefik.io/gateway-controller' },
  },
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: GATEWAY.name, namespace: GATEWAY.namespace },
    spec: {
      gatewayClassName: GATEWAY_CLASS,
      // Traefik matches a listener to its entry point by the port.
      listeners: [
        {
          name: GATEWAY.listener,
          protocol: 'HTTP',
          port: ROUTER_PORT,
          allowedRoutes: { namespaces: { from: 'All' } },
        },
      ],
    },
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: INGRESS_CLASS },
    spec: { controller: 'k8s.io/ingress-nginx' },
  },
];
