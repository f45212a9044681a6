/** What every cluster has from the begin, beside the custom resources of the Gateway API. */
import { GATEWAY_CLASS, INGRESS_CLASS, ROUTER_PORT } from './layout.ts';

/** Where the Gateway is that routes of every namespace may use. */
export const GATEWAY = { namespace: 'routers', name: 'web', listener: 'http' };

export const FIRST_OBJECTS: readonly object[] = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: GATEWAY.namespace } },
  // Traefik matches a listener to its entry point by the port.
  ...gatewayOf(
    GATEWAY,
    { name: GATEWAY_CLASS, controllerName: 'traefik.io/gateway-controller' },
    ROUTER_PORT,
  ),
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: INGRESS_CLASS },
    spec: { controller: 'k8s.io/ingress-nginx' },
  },
];

/** A class, and its Gateway, which routes of every namespace may use. */
export function gatewayOf(
  { namespace, name, listener }: typeof GATEWAY,
  { name: gatewayClassName, controllerName }: { name: string; controllerName: string },
  port: number,
): object[] {
  const apiVersion = 'gateway.networking.k8s.io/v1';
  const allowedRoutes = { namespaces: { from: 'All' } };
  const listeners = [{ name: listener, protocol: 'HTTP', port, allowedRoutes }];
  return [
    { apiVersion, kind: 'GatewayClass', metadata: { name: gatewayClassName }, spec: { controllerName } },
    { apiVersion, kind: 'Gateway', metadata: { name, namespace }, spec: { gatewayClassName, listeners } },
  ];
}
