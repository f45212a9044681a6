import type { FoundDeployment, RolledDeployment } from '../../../src/adoption/found.ts';
import type { Service } from '../../../src/kubernetes/network.ts';
import type { Pod, ReplicaSet } from '../../../src/kubernetes/workloads.ts';

/** A Deployment `shop` of three pods as a cluster has it, and its Service. */

export const TEMPLATE = {
  metadata: { labels: { app: 'shop', team: 'web' }, annotations: { note: 'x' } },
  spec: {
    containers: [
      {
        name: 'web',
        image: 'registry.example.com/shop:1',
        ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
        readinessProbe: { httpGet: { path: '/healthz', port: 8080 } },
        env: [{ name: 'A', value: '1' }],
      },
      { name: 'logs', image: 'registry.example.com/logs:7' },
    ],
    terminationGracePeriodSeconds: 45,
    restartPolicy: 'Always',
  },
};

const owner = (name: string, uid: string) => [
  { apiVersion: 'apps/v1', kind: 'Deployment', name, uid, controller: true },
];

export function deployment(more: Partial<RolledDeployment['spec']> = {}): RolledDeployment {
  const replicas = more.replicas ?? 3;
  return {
    metadata: { name: 'shop', namespace: 'team', uid: 'd1', generation: 4, resourceVersion: '9' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'shop' } },
      template: TEMPLATE,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } },
      progressDeadlineSeconds: 120,
      ...more,
    },
    status: { observedGeneration: 4, replicas, updatedReplicas: replicas, availableReplicas: replicas },
  };
}

export function replicaSet(name: string, replicas: number, template = TEMPLATE): ReplicaSet {
  const { metadata, spec } = template;
  const labels = { ...metadata.labels, 'pod-template-hash': name };
  return {
    metadata: { name, namespace: 'team', uid: `u-${name}`, labels, ownerReferences: owner('shop', 'd1') },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'shop', 'pod-template-hash': name } },
      template: { metadata: { ...metadata, labels }, spec },
    },
  };
}

export function service(name = 'shop', selector: Record<string, string> = { app: 'shop' }): Service {
  return {
    metadata: { name, namespace: 'team' },
    spec: { selector, ports: [{ port: 80, targetPort: 'http' }] },
  };
}

export function found(more: Partial<FoundDeployment> = {}): FoundDeployment {
  const older = { ...TEMPLATE, metadata: { ...TEMPLATE.metadata, annotations: { note: 'old' } } };
  const pods: Pod[] = ['b', 'a', 'c'].map((name) => ({ metadata: { name, namespace: 'team' } }));
  return {
    deployment: deployment(),
    replicaSets: [replicaSet('shop-old', 0, older), replicaSet('shop-new', 3)],
    pods,
    services: [service()],
    autoscalers: [],
    app: false,
    ...more,
  };
}
