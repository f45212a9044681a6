import { stringify } from 'yaml';
import { actorPolicy } from './actor-policy.ts';
import { appCrd } from './crd-app.ts';
import { commandCrd } from './crd-command.ts';
import type { Manifest } from './manifest.ts';
import { type InstallOptions, LABELS } from './options.ts';
import { accessManifests, userManifests } from './rbac.ts';
import { workloadManifests } from './workload.ts';

/** Everything that a cluster needs, in the order in which it can be applied. */
export function manifests(options: InstallOptions): Manifest[] {
  return [...clusterManifests(options), ...ownManifests(options)];
}

/** What has no namespace: a cluster's administrator applies it once. */
export function clusterManifests({ namespaced }: Pick<InstallOptions, 'namespaced'>): Manifest[] {
  // In namespaced mode somebody else may have installed Crossfade too: the policy is not ours to impose on them.
  return [appCrd(), commandCrd(), ...userManifests(), ...(namespaced ? [] : actorPolicy())];
}

function ownManifests(options: InstallOptions): Manifest[] {
  const { namespace, namespaced } = options;
  const own: Manifest = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels: { ...LABELS } },
  };
  return [...(namespaced ? [] : [own]), ...accessManifests(options), ...workloadManifests(options)];
}

/** As one YAML text. */
export function yamlOf(objects: readonly Manifest[]): string {
  return objects
    .map((object) => stringify(object, { lineWidth: 110, aliasDuplicateObjects: false }))
    .join('---\n');
}
