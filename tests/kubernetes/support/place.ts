/** An installation whose controller carries routes by every router of the cluster, and Apps behind each of them. */
import type { TestContext } from 'node:test';
import {
  FIRST_NODE,
  INGRESS_CLASS,
  ROUTER_ADMIN_PORT,
  ROUTER_PORT,
} from '../../../scripts/cluster/layout.ts';
import { GATEWAY } from '../../../scripts/cluster/objects.ts';
import { CONTROLLER } from '../../../src/install/options.ts';
import type { OwnTestCluster } from '../../support/cluster.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type RunningController, type Site, site, worker } from './controller.ts';
import { hostOf } from './settle.ts';

export interface Place extends Site {
  startController(): Promise<RunningController>;
  /** Waits until that field of the App `shop` is so; an App without it has ''. */
  until(field: string, wanted: string | RegExp): Promise<void>;
  events(): Promise<string>;
}

const UNTIL_MS = 180_000;
const FLAGS = [
  ...['--router-metrics', `http://${FIRST_NODE.address}:${ROUTER_ADMIN_PORT}/metrics`],
  ...['--ingress-port', `${ROUTER_PORT}`],
];

export async function place(t: TestContext, cluster: OwnTestCluster): Promise<Place> {
  const made = await site(t, cluster);
  await mayReadGateway(t, cluster);
  return {
    ...made,
    startController: () => made.startController(...FLAGS),
    async until(field, wanted) {
      const isSo = (text: string) => (typeof wanted === 'string' ? text === wanted : wanted.test(text));
      let seen = '';
      const look = async () => {
        seen = await made.field('shop', field);
        return isSo(seen);
      };
      try {
        await waitFor(look, { timeoutMs: UNTIL_MS, intervalMs: 250, what: `${field} to be ${wanted}` });
      } catch (error) {
        const message = await made.field('shop', 'status.message');
        throw new Error(`${(error as Error).message}; it is "${seen}": ${message}`, { cause: error });
      }
    },
    events: async () => (await made.crossfade(['get', 'events', 'shop'])).stdout,
  };
}

/** The Gateway of the tests is in another namespace than the controller, which has no rights there. */
async function mayReadGateway(t: TestContext, { namespace, kubectl, apply }: OwnTestCluster): Promise<void> {
  const metadata = { name: `crossfade-${namespace}`, namespace: GATEWAY.namespace };
  const rules = [
    {
      apiGroups: ['gateway.networking.k8s.io'],
      resources: ['gateways'],
      resourceNames: [GATEWAY.name],
      verbs: ['get'],
    },
  ];
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  await apply(
    { apiVersion, kind: 'Role', metadata, rules },
    {
      apiVersion,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: CONTROLLER, namespace }],
    },
  );
  t.after(() =>
    kubectl(['delete', `role/${metadata.name}`, `rolebinding/${metadata.name}`, '-n', GATEWAY.namespace]),
  );
}

export type RouterName = 'gatewayApi' | 'ingressNginx' | 'service';

interface RoutedOptions {
  version: string;
  router: RouterName;
  strategy: object;
  [field: string]: unknown;
}

const FRONTS: Record<RouterName, object> = {
  gatewayApi: { parentRefs: [{ name: GATEWAY.name, namespace: GATEWAY.namespace }] },
  ingressNginx: { ingressClassName: INGRESS_CLASS },
  service: {},
};

/** A service of a test image behind one of the routers. */
export function routed(cluster: OwnTestCluster, { version, router, ...more }: RoutedOptions): object {
  const spec = {
    replicas: 3,
    route: hostOf(cluster),
    drain: { timeout: '3s' },
    kubernetes: { router, ...FRONTS[router] },
    ...more,
  };
  return worker('shop', version, spec);
}
