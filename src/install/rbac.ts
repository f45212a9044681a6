import { API_GROUP, type Manifest } from './manifest.ts';
import { CONTROLLER, type InstallOptions, LABELS } from './options.ts';

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
  resourceNames?: string[];
}

const READ = ['get', 'list', 'watch'];
const WRITE = [...READ, 'create', 'patch', 'update', 'delete'];

/** What the controller needs where Apps are. Secrets only by name: it can read the ones that an App names, and list none. */
const APP_RULES: readonly Rule[] = [
  rule(API_GROUP, ['apps', 'appcommands'], [...READ, 'patch', 'update', 'delete']),
  rule(API_GROUP, ['apps/status', 'appcommands/status'], ['patch', 'update']),
  // Owners that block deletion need this right where the admission plugin for it is on.
  rule(API_GROUP, ['apps/finalizers'], ['update']),
  rule('apps', ['deployments'], WRITE),
  rule('apps', ['replicasets'], READ),
  rule('', ['pods'], [...READ, 'patch', 'delete']),
  rule('', ['pods/log'], ['get']),
  // Who looks, beside an old pod, for connections that are still open.
  rule('', ['pods/ephemeralcontainers'], ['patch']),
  rule('', ['services', 'configmaps'], WRITE),
  rule('', ['secrets'], ['get', 'create', 'patch', 'delete']),
  rule('', ['events'], [...READ, 'create', 'patch']),
  rule('events.k8s.io', ['events'], ['create', 'patch']),
  rule('discovery.k8s.io', ['endpointslices'], READ),
  rule('policy', ['poddisruptionbudgets'], WRITE),
  rule('networking.k8s.io', ['ingresses'], WRITE),
  rule('gateway.networking.k8s.io', ['httproutes'], WRITE),
  rule('gateway.networking.k8s.io', ['gateways'], READ),
];

/** Kinds without a namespace: not to be had in namespaced mode, where the controller does without. */
const CLUSTER_RULES: readonly Rule[] = [
  rule('gateway.networking.k8s.io', ['gatewayclasses'], READ),
  rule('networking.k8s.io', ['ingressclasses'], READ),
];

/** In the controller's own namespace. */
const OWN_RULES: readonly Rule[] = [
  rule('coordination.k8s.io', ['leases'], ['get', 'create', 'update', 'patch']),
];

function rule(apiGroup: string, resources: string[], verbs: string[]): Rule {
  return { apiGroups: [apiGroup], resources, verbs };
}

/** The controller's account and what it may do: in the whole cluster, or in its namespace alone. */
export function accessManifests({
  namespace,
  namespaced,
  gateways,
}: Pick<InstallOptions, 'namespace' | 'namespaced' | 'gateways'>): Manifest[] {
  const account: Manifest = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: CONTROLLER, namespace, labels: { ...LABELS } },
  };
  const own = grant('Role', `${CONTROLLER}-leases`, namespace, OWN_RULES);
  if (!namespaced) {
    const everywhere = [...APP_RULES, ...CLUSTER_RULES];
    return [account, ...own, ...grant('ClusterRole', CONTROLLER, namespace, everywhere)];
  }
  // Of the Gateway only its address is read: without it no request can be sent to see that a route is followed.
  const elsewhere = gateways.flatMap(({ namespace: home, name }) =>
    grant('Role', `${CONTROLLER}-${namespace}-${name}`, namespace, [gatewayRule(name)], home),
  );
  return [account, ...own, ...grant('Role', CONTROLLER, namespace, APP_RULES), ...elsewhere];
}

function gatewayRule(name: string): Rule {
  return { ...rule('gateway.networking.k8s.io', ['gateways'], ['get']), resourceNames: [name] };
}

function grant(
  kind: 'Role' | 'ClusterRole',
  name: string,
  namespace: string,
  rules: readonly Rule[],
  home = namespace,
): Manifest[] {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const metadata = { name, ...(kind === 'Role' ? { namespace: home } : {}), labels: { ...LABELS } };
  return [
    { apiVersion, kind, metadata, rules },
    {
      apiVersion,
      kind: `${kind}Binding`,
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
      subjects: [{ kind: 'ServiceAccount', name: CONTROLLER, namespace }],
    },
  ];
}

/** Rights for people, added to the roles that every cluster has: view sees Apps, edit changes and commands them. */
export function userManifests(): Manifest[] {
  const kinds = ['apps', 'appcommands'];
  return [
    aggregated('view', [rule(API_GROUP, kinds, READ)]),
    aggregated('edit', [
      rule(API_GROUP, ['apps'], WRITE),
      rule(API_GROUP, ['apps/scale'], ['get', 'patch', 'update']),
      // Not to be changed: a command is a record.
      rule(API_GROUP, ['appcommands'], [...READ, 'create']),
    ]),
  ];
}

function aggregated(to: 'view' | 'edit', rules: Rule[]): Manifest {
  const aggregation = { [`rbac.authorization.k8s.io/aggregate-to-${to}`]: 'true' };
  const alsoAdmin = to === 'edit' ? { 'rbac.authorization.k8s.io/aggregate-to-admin': 'true' } : {};
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: `crossfade-${to}`, labels: { ...LABELS, ...aggregation, ...alsoAdmin } },
    rules,
  };
}
