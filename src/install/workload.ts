import type { Manifest } from './manifest.ts';
import { CONTROLLER, type InstallOptions, LABELS, PROBE_PORT } from './options.ts';

/** The controller as a Deployment: without root, without a writable file system, without a capability. */
export function workloadManifests(options: InstallOptions): Manifest[] {
  const { namespace, replicas } = options;
  const metadata = { name: CONTROLLER, namespace, labels: { ...LABELS } };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas,
        selector: { matchLabels: { ...LABELS } },
        template: { metadata: { labels: { ...LABELS } }, spec: podSpec(options) },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...metadata, name: `${CONTROLLER}-metrics` },
      spec: {
        selector: { ...LABELS },
        ports: [{ name: 'metrics', port: PROBE_PORT, targetPort: 'probes' }],
      },
    },
  ];
}

function argumentsOf({ shards, namespaced, routerMetrics, ingressPort }: InstallOptions): string[] {
  return [
    'controller',
    ...['--listen', `0.0.0.0:${PROBE_PORT}`],
    ...['--shards', `${shards}`],
    ...['--ingress-port', `${ingressPort}`],
    ...(namespaced ? ['--only-namespace', '$(POD_NAMESPACE)'] : []),
    ...routerMetrics.map((url) => `--router-metrics=${url}`),
  ];
}

function podSpec(options: InstallOptions): object {
  return {
    serviceAccountName: CONTROLLER,
    // Time to finish what is under way and to give the lease back.
    terminationGracePeriodSeconds: 30,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65_532,
      runAsGroup: 65_532,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name: 'controller',
        image: options.image,
        args: argumentsOf(options),
        env: [
          { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
          // What it puts beside old pods is of its own image.
          { name: 'CROSSFADE_IMAGE', value: options.image },
          // What lives longer than a moment here lives long: room for more would only be kept (docs/adr/0035).
          { name: 'NODE_OPTIONS', value: '--max-semi-space-size=4' },
        ],
        ports: [{ name: 'probes', containerPort: PROBE_PORT }],
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        livenessProbe: {
          httpGet: { path: '/healthz', port: 'probes' },
          periodSeconds: 10,
          failureThreshold: 6,
        },
        readinessProbe: { httpGet: { path: '/readyz', port: 'probes' }, periodSeconds: 5 },
        resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
      },
    ],
  };
}
