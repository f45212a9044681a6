/** What Contour and Envoy need beside their command lines. Pure. */
import {
  clusterNode,
  ENVOY_PORT,
  FIRST_NODE,
  MAX_NODES,
  MIRRORING_CLASS,
  MIRRORING_PORT,
  XDS_PORT,
} from './layout.ts';
import { GATEWAY, gatewayOf } from './objects.ts';

/** Where the Gateway is that mirrors requests; routes of every namespace may use it. */
export const MIRRORING = { namespace: GATEWAY.namespace, name: 'mirroring', listener: 'http' };

/** Contour ends when one of its kinds is not served yet. */
export const CONTOUR_KINDS = ['httpproxies', 'tlscertificatedelegations', 'extensionservices'].map(
  (kind) => `${kind}.projectcontour.io`,
);

/** One Gateway, and no leader election: this Contour is alone. */
export function contourConfig(): object {
  const { namespace, name } = MIRRORING;
  return {
    gateway: { gatewayRef: { namespace, name } },
    'ingress-status-address': FIRST_NODE.address,
    // A line for every request would fill the disk in a test that makes millions.
    'accesslog-level': 'disabled',
  };
}

/** Makes Envoy's file, in which Contour is what it asks for everything else. */
export function bootstrapArgs(file: string): string[] {
  const xds = ['--xds-address=127.0.0.1', `--xds-port=${XDS_PORT}`];
  return ['bootstrap', ...xds, '--admin-address=/run/crossfade/envoy-admin.sock', file];
}

const labels = { 'kubernetes.io/service-name': MIRRORING.name };
const ENVOY = { name: MIRRORING.name, namespace: MIRRORING.namespace };

export const MIRRORING_OBJECTS: readonly object[] = [
  ...gatewayOf(
    MIRRORING,
    { name: MIRRORING_CLASS, controllerName: 'projectcontour.io/gateway-controller' },
    MIRRORING_PORT,
  ),
  // As Contour is installed elsewhere: Envoy listens on another port than the Gateway says, and a Service leads there.
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: ENVOY,
    spec: {
      externalIPs: Array.from({ length: MAX_NODES }, (_, index) => clusterNode(index + 1).address),
      ports: [{ name: 'http', port: MIRRORING_PORT, targetPort: ENVOY_PORT }],
    },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...ENVOY, labels },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: ENVOY_PORT }],
    endpoints: [{ addresses: [FIRST_NODE.address] }],
  },
];
