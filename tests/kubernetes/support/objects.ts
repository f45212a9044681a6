/** Kubernetes objects that several tests need. */
import { GATEWAY } from '../../../scripts/cluster/objects.ts';

const PORT = 8080;

export interface DeploymentOptions {
  name: string;
  image: string;
  replicas?: number;
  /** More labels of the pods, beside `app`. */
  labels?: Record<string, string>;
}

export function deployment({ name, image, replicas = 1, labels = {} }: DeploymentOptions): object {
  const selected = { app: name };
  const container = {
    name: 'app',
    image,
    ports: [{ containerPort: PORT }],
    readinessProbe: { httpGet: { path: '/healthz', port: PORT }, periodSeconds: 1, timeoutSeconds: 5 },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: selected },
      template: { metadata: { labels: { ...selected, ...labels } }, spec: { containers: [container] } },
    },
  };
}

export function service(name: string, selector: Record<string, string> = { app: name }): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector, ports: [{ name: 'http', port: 80, targetPort: PORT }] },
  };
}

/** Weights by the name of a Service. */
export function httpRoute(name: string, host: string, weights: Record<string, number>): object {
  const backendRefs = Object.entries(weights).map(([to, weight]) => ({ name: to, port: 80, weight }));
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name },
    spec: {
      hostnames: [host],
      parentRefs: [{ name: GATEWAY.name, namespace: GATEWAY.namespace }],
      rules: [{ backendRefs }],
    },
  };
}

export function ingress(
  name: string,
  host: string,
  to: string,
  annotations: Record<string, string> = {},
): object {
  const prefixed = Object.entries(annotations).map(([key, value]) => [
    `nginx.ingress.kubernetes.io/${key}`,
    value,
  ]);
  const backend = { service: { name: to, port: { number: 80 } } };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, annotations: Object.fromEntries(prefixed) },
    spec: {
      ingressClassName: 'nginx',
      rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
    },
  };
}
