/** How the controller is to be installed. */
export interface InstallOptions {
  /** Namespace that the controller runs in. */
  namespace: string;
  /** Image whose entry point is the `crossfade` program. */
  image: string;
  /** Controllers: one leads, the others take over. */
  replicas: number;
  /** Leases that the Apps are shared out among; more than one lets several controllers work at once. */
  shards: number;
  /** Only Apps of its own namespace, and no right beyond it. */
  namespaced: boolean;
  /** Metrics pages of the cluster's router. */
  routerMetrics: readonly string[];
  /** Where Ingresses are served. */
  ingressPort: number;
  /** Gateways of other namespaces that the controller may read: in namespaced mode it can read no others. */
  gateways: readonly { namespace: string; name: string }[];
}

export const CONTROLLER = 'crossfade-controller';
/** /healthz, /readyz and /metrics. */
export const PROBE_PORT = 8080;

/** Labels of everything that is installed. */
export const LABELS: Readonly<Record<string, string>> = {
  'app.kubernetes.io/name': 'crossfade',
  'app.kubernetes.io/component': 'controller',
};
