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

/** The same manifests as a Helm chart; what is a flag of `crossfade install` is a value of the chart. */
export function helmChart(options: InstallOptions, version: string): Chart {
  const { image, replicas, shards, namespaced } = options;
  return {
    'Chart.yaml': stringify({
      apiVersion: 'v2',
      name: 'crossfade',
      description: 'Moves live traffic from one version of a service to the next without dropping a request.',
      type: 'application',
      version,
      appVersion: version,
    }),
    'values.yaml': stringify({ image, replicas, shards, namespaced }),
    // Helm installs what is in crds/ first, and never deletes it: the Apps would go with it.
    'crds/apps.yaml': yamlOf([appCrd()]),
    'crds/appcommands.yaml': yamlOf([commandCrd()]),
    'templates/users.yaml': unless('namespaced', [...userManifests(), ...actorPolicy()]),
    'templates/access.yaml': choice('namespaced', accessOf(true), accessOf(false)),
    'templates/controller.yaml': choice('namespaced', workloadOf(true), workloadOf(false)),
  };
}

function accessOf(namespaced: boolean): Manifest[] {
  return accessManifests(placeholders(namespaced));
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
    .replaceAll(`${SHARDS}`, '{{ .Values.shards }}');
}
