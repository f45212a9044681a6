import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { clusterManifests, manifests, yamlOf } from '../../../src/install/bundle.ts';
import { helmChart } from '../../../src/install/helm.ts';
import type { Manifest } from '../../../src/install/manifest.ts';
import type { InstallOptions } from '../../../src/install/options.ts';

const OPTIONS: InstallOptions = {
  namespace: 'xf',
  image: 'registry.example/crossfade:1',
  replicas: 2,
  shards: 3,
  namespaced: false,
  routerMetrics: ['http://traefik.routers:9100/metrics'],
  ingressPort: 80,
  gateways: [],
};
const kindsOf = (objects: readonly Manifest[]) => objects.map(({ kind }) => kind);

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

test('the whole cluster: kinds first, then rights, then the controller', () => {
  const kinds = kindsOf(manifests(OPTIONS));
  assert.deepEqual(kinds.slice(0, 2), ['CustomResourceDefinition', 'CustomResourceDefinition']);
  assert.ok(kinds.indexOf('Namespace') < kinds.indexOf('ServiceAccount'));
  assert.ok(kinds.indexOf('ClusterRole') < kinds.indexOf('Deployment'));
});

test('namespaced: no right beyond the namespace, and nothing of the cluster but the kinds and roles for users', () => {
  const objects = manifests({ ...OPTIONS, namespaced: true });
  assert.deepEqual(
    objects.filter(({ metadata }) => metadata.namespace === undefined).map(({ kind }) => kind),
    ['CustomResourceDefinition', 'CustomResourceDefinition', 'ClusterRole', 'ClusterRole'],
  );
  assert.ok(!kindsOf(objects).includes('ClusterRoleBinding'));
  const deployment = JSON.stringify(objects.find(({ kind }) => kind === 'Deployment'));
  assert.match(deployment, /"--only-namespace","\$\(POD_NAMESPACE\)"/);
});

test('namespaced: a Gateway elsewhere can be read when it is named, and nothing else there', () => {
  const gateways = [{ namespace: 'routers', name: 'web' }];
  const objects = manifests({ ...OPTIONS, namespaced: true, gateways });
  const there = objects.filter(({ metadata }) => metadata.namespace === 'routers');
  assert.deepEqual(kindsOf(there), ['Role', 'RoleBinding']);
  assert.deepEqual(there[0]?.rules, [
    {
      apiGroups: ['gateway.networking.k8s.io'],
      resources: ['gateways'],
      verbs: ['get'],
      resourceNames: ['web'],
    },
  ]);
  assert.deepEqual(there[1]?.subjects, [
    { kind: 'ServiceAccount', name: 'crossfade-controller', namespace: 'xf' },
  ]);
});

test('the controller is told where the router counts, and where Ingresses are served', () => {
  const deployment = JSON.stringify(manifests(OPTIONS).find(({ kind }) => kind === 'Deployment'));
  assert.match(
    deployment,
    /"--ingress-port","80".*"--router-metrics=http:\/\/traefik\.routers:9100\/metrics"/,
  );
});

test('no rule allows everything, and no secret can be listed', () => {
  const roles = manifests(OPTIONS).filter(({ kind }) => kind.endsWith('Role'));
  const rules = roles.flatMap((role) => role.rules as Rule[]);
  assert.ok(rules.length > 10);
  for (const { apiGroups, resources, verbs } of rules) {
    for (const word of [...apiGroups, ...resources, ...verbs]) assert.ok(!word.includes('*'), word);
    if (resources.includes('secrets'))
      assert.deepEqual(
        verbs.filter((verb) => /list|watch/.test(verb)),
        [],
      );
  }
});

test('the controller runs without root, without a writable file system, without a capability', () => {
  const deployment = manifests(OPTIONS).find(({ kind }) => kind === 'Deployment');
  assert.ok(deployment);
  const { template } = deployment.spec as { template: { spec: PodSpec } };
  const [container] = template.spec.containers;
  assert.equal(template.spec.securityContext.runAsNonRoot, true);
  assert.equal(container?.securityContext.readOnlyRootFilesystem, true);
  assert.equal(container?.securityContext.allowPrivilegeEscalation, false);
  assert.deepEqual(container?.securityContext.capabilities, { drop: ['ALL'] });
});

interface PodSpec {
  securityContext: { runAsNonRoot: boolean };
  containers: {
    securityContext: {
      readOnlyRootFilesystem: boolean;
      allowPrivilegeEscalation: boolean;
      capabilities: unknown;
    };
  }[];
}

test('what an administrator applies brings nothing that runs', () => {
  const kinds = kindsOf(clusterManifests({ namespaced: false }));
  assert.ok(!kinds.includes('Deployment') && !kinds.includes('ServiceAccount'), kinds.join());
  assert.equal(objectsIn(yamlOf(clusterManifests({ namespaced: false }))).length, kinds.length);
});

/** What Helm does with the little that the chart asks of it. */
function helm(text: string, options: InstallOptions): string {
  const { namespace, image, replicas, shards, namespaced, routerMetrics, ingressPort } = options;
  const range = /^ *\{\{- range \.Values\.routerMetrics \}\}\n(.*\n) *\{\{- end \}\}\n/gm;
  const [, not, first = '', second = ''] =
    /^\{\{- if (not )?\.Values\.namespaced \}\}\n([\s\S]*?)(?:\{\{- else \}\}\n([\s\S]*?))?\{\{- end \}\}\n$/.exec(
      text,
    ) ?? [];
  const taken = namespaced === (not === undefined) ? first : second;
  return taken
    .replaceAll('{{ .Release.Namespace }}', namespace)
    .replaceAll('{{ .Values.image }}', image)
    .replaceAll('{{ .Values.replicas }}', `${replicas}`)
    .replaceAll('{{ .Values.shards }}', `${shards}`)
    .replaceAll('{{ .Values.ingressPort }}', `${ingressPort}`)
    .replaceAll(range, (_, line: string) =>
      routerMetrics.map((url) => line.replace('{{ . }}', url)).join(''),
    );
}

function objectsIn(text: string): unknown[] {
  return parseAllDocuments(text).flatMap((document) => document.toJS() ?? []);
}

test('the Helm chart makes the same objects', () => {
  for (const namespaced of [false, true]) {
    const gateways = namespaced ? [{ namespace: 'routers', name: 'web' }] : [];
    const routerMetrics = namespaced ? [] : OPTIONS.routerMetrics;
    const options = { ...OPTIONS, namespaced, gateways, routerMetrics };
    const chart = helmChart(options, '1.2.3');
    const crds = Object.entries(chart).filter(([file]) => file.startsWith('crds/'));
    const templates = Object.entries(chart).filter(([file]) => file.startsWith('templates/'));
    const made = [
      ...crds.flatMap(([, text]) => objectsIn(text)),
      ...templates.flatMap(([, text]) => objectsIn(helm(text, options))),
    ];
    assert.ok(!made.some((object) => JSON.stringify(object).includes('{{')));
    // Helm makes the namespace by itself, and an installation of one namespace brings no roles for users.
    const plain = manifests(options).filter(
      ({ kind, metadata }) =>
        kind !== 'Namespace' &&
        !(namespaced && kind === 'ClusterRole' && metadata.name.startsWith('crossfade-')),
    );
    const sorted = (list: readonly unknown[]) => list.map((object) => JSON.stringify(object)).sort();
    assert.deepEqual(sorted(made), sorted(plain));
  }
});
