/** What an App says about a cluster: names and shapes are Kubernetes' own, passed on as they are. */

/** JSON that Kubernetes defines and checks. */
export type KubernetesJson = Readonly<Record<string, unknown>>;

export type KubernetesRouter = 'gatewayApi' | 'ingressNginx' | 'service';

export interface KubernetesSpec {
  /** What splits requests. */
  router: KubernetesRouter;
  /** gatewayApi: the Gateways that a route of the App's own is attached to. */
  parentRefs?: ParentRef[];
  /** gatewayApi: an existing HTTPRoute; of it only the backends of this rule are written. */
  httpRoute?: { name: string; rule: string | number };
  /** ingressNginx: the class of the App's Ingress. */
  ingressClassName?: string;
  /** ingressNginx: an existing Ingress that leads to the App. */
  ingress?: string;
  /** An existing Service that leads to the App. */
  service?: string;
  /** The Deployment that was adopted: what is changed in its pod template is taken over into the App. */
  deployment?: string;
  /** Name of the App's container in its pods; absent: `app`. */
  container?: string;
  serviceAccountName?: string;
  imagePullSecrets: { name: string }[];
  imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  resources?: { requests?: Record<string, string | number>; limits?: Record<string, string | number> };
  /** Of the container. */
  securityContext?: KubernetesJson;
  env: { name: string; valueFrom: KubernetesJson }[];
  envFrom: EnvFrom[];
  volumes: ({ name: string } & KubernetesJson)[];
  volumeMounts: ({ name: string; mountPath: string } & KubernetesJson)[];
  topologySpreadConstraints: KubernetesJson[];
  podDisruptionBudget?: { minAvailable: number | string } | { maxUnavailable: number | string };
  /** Laid over the pod template, as a strategic merge patch is. */
  podTemplate?: PodTemplatePatch;
}

export interface ParentRef {
  name: string;
  namespace?: string;
  sectionName?: string;
  port?: number;
}

export interface EnvFrom {
  prefix?: string;
  configMapRef?: { name: string; optional?: boolean };
  secretRef?: { name: string; optional?: boolean };
}

export interface PodTemplatePatch {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec?: KubernetesJson;
}
