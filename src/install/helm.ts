import { stringify } from 'yaml';
import { actorPolicy } from './actor-policy.ts';
import { yamlOf } from './bundle.ts';
import { appCrd } from './crd-app.ts';
import { commandCrd } from './crd-command.ts';
import type { Manifest } from './manifest.ts';
import type { InstallOptions } from './options.ts';
import { accessManifests, userManifests } from './rbac.ts';
import { workloadManifests } from './workload.ts';

/** Path inside the chart -> content. */
export type Chart = Record<string, string>;

const NAMESPACE = '{{ .Release.Namespace }}';
/** Numbers stand for values of the chart while the manifests are made: a template in their place would be text. */
const REPLICAS = 9_100_001;
const SHARDS = 9_100_002;
const INGRESS_PORT = 9_100_003;
/** Stands for an argument each. */
const METRICS = 'metrics-of-the-router';
const METRICS_ARGUMENT = new RegExp(`^( *)- --router-metrics=${METRICS}\\n`, 'gm');

/** The same manifests as a Helm chart; what is a flag of `crossfade install` is a value of the chart. */
export function helmChart(options: InstallOptions, version: string): Chart {
  const { image, replicas, shards, namespaced, routerMetrics, ingressPort } = options;
  return {
    'Chart.yaml': stringify({
      apiVersion: 'v2',
      name: 'crossfade',
      description: 'Moves live traffic from one version of a service to the next without dropping a request.',
      type: 'application',
      version,
      appVersion: version,
    }),
    'values.yaml': stringify({ image, replicas, shards, namespaced, routerMetrics, ingressPort }),
    // Helm installs what is in crds/ first, and never deletes it: the Apps would go with it.
    'crds/apps.yaml': yamlOf([appCrd()]),
    'crds/appcommands.yaml': yamlOf([commandCrd()]),
    'templates/users.yaml': unless('namespaced', [...userManifests(), ...actorPolicy()]),
    'templates/access.yaml': choice('namespaced', accessOf(options, true), accessOf(options, false)),
    'templates/controller.yaml': choice('namespaced', workloadOf(true), workloadOf(false)),
  };
}

/** Rights elsewhere are as they were asked for: what they are for is known when the chart is made. */
function accessOf({ gateways }: InstallOptions, namespaced: boolean): Manifest[] {
  return accessManifests({ ...placeholders(namespaced), gateways });
}

function workloadOf(namespaced: boolean): Manifest[] {
  return workloadManifests(placeholders(namespaced));
}

function placeholders(namespaced: boolean): InstallOptions {
  return {
    namespace: NAMESPACE,
    image: '{{ .Values.image }}',
    replicas: REPLICAS,
    shards: SHARDS,
    namespaced,
    routerMetrics: [METRICS],
    ingressPort: INGRESS_PORT,
    gateways: [],
  };
}

function choice(value: string, then: readonly Manifest[], otherwise: readonly Manifest[]): string {
  return `{{- if .Values.${value} }}\n${template(then)}{{- else }}\n${template(otherwise)}{{- end }}\n`;
}

function unless(value: string, objects: readonly Manifest[]): string {
  return `{{- if not .Values.${value} }}\n${template(objects)}{{- end }}\n`;
}

function template(objects: readonly Manifest[]): string {
  return yamlOf(objects)
    .replaceAll(`${REPLICAS}`, '{{ .Values.replicas }}')
    .replaceAll(`${SHARDS}`, '{{ .Values.shards }}')
    .replaceAll(`${INGRESS_PORT}`, '{{ .Values.ingressPort }}')
    .replaceAll(
      METRICS_ARGUMENT,
      '$1{{- range .Values.routerMetrics }}\n$1- --router-metrics={{ . }}\n$1{{- end }}\n',
    );
}
