import type { AppKey, Revision } from '../../core/model.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { APP_LABEL, KEEP_ANNOTATION } from '../../kubernetes/names.ts';
import { type KubeObject, keyOf, type Resource } from '../../kubernetes/types.ts';
import { CONFIG_MAPS, DEPLOYMENTS, DISRUPTION_BUDGETS, SECRETS } from '../../kubernetes/workloads.ts';
import { CONTENT_LABEL } from './prepare.ts';
import { copiesOf } from './references.ts';
import { filesName } from './template.ts';

/** A prepared revision is kept for this long though nothing uses it: its apply may still be under way. */
const PREPARED_KEPT_MS = 10 * 60_000;

/**
 * Removes copies that no revision runs with, and what is left of Apps that are not there any more. Secrets are
 * found by the ConfigMap that stands for each: listing Secrets is a right that is not asked for.
 */
export async function sweep(
  { kube, namespace }: { kube: Kube; namespace?: string },
  ask: () => Promise<ReadonlyMap<AppKey, readonly Revision[]>>,
): Promise<void> {
  const place = namespace === undefined ? {} : { namespace };
  const copies = await kube.list(CONFIG_MAPS, {
    ...place,
    labelSelector: CONTENT_LABEL,
    metadataOnly: true,
  });
  // Asked after they were listed: what is prepared meanwhile is not among them.
  const inUse = await ask();
  const used = usedCopies(inUse);
  for (const copy of copies) {
    if (used.has(keyOf(copy)) || (inUse.has(appOf(copy)) && isYoung(copy))) continue;
    const { namespace: home, name = '', labels } = copy.metadata;
    if (labels?.[CONTENT_LABEL] === 'secret') await kube.delete(SECRETS, home, name);
    await kube.delete(CONFIG_MAPS, home, name);
  }
  for (const resource of [DEPLOYMENTS, DISRUPTION_BUDGETS] as const) {
    // One that is being adopted, or given back, runs users' pods and belongs to no App for a moment.
    const isOrphan = (object: KubeObject) =>
      !inUse.has(appOf(object)) && object.metadata.annotations?.[KEEP_ANNOTATION] === undefined;
    await removeAll(kube, resource, { ...place, labelSelector: APP_LABEL, metadataOnly: true }, isOrphan);
  }
}

function usedCopies(inUse: ReadonlyMap<AppKey, readonly Revision[]>): Set<string> {
  const used = new Set<string>();
  for (const [app, revisions] of inUse) {
    const [namespace = '', name = ''] = app.split('/');
    for (const { run } of revisions) {
      for (const copy of copiesOf(name, run.pod)) used.add(`${namespace}/${copy}`);
      const files = filesName(name, run.configFiles);
      if (files !== undefined) used.add(`${namespace}/${files}`);
    }
  }
  return used;
}

async function removeAll(
  kube: Kube,
  resource: Resource,
  options: { namespace?: string; labelSelector: string; metadataOnly: boolean },
  isUnused: (object: KubeObject) => boolean,
): Promise<void> {
  for (const object of await kube.list(resource, options)) {
    const { namespace, name = '', uid } = object.metadata;
    if (!isUnused(object)) continue;
    await kube.delete(resource, namespace, name, uid === undefined ? {} : { uid });
  }
}

function appOf({ metadata }: KubeObject): AppKey {
  return `${metadata.namespace}/${metadata.labels?.[APP_LABEL] ?? ''}`;
}

function isYoung({ metadata }: KubeObject): boolean {
  return Date.now() - Date.parse(metadata.creationTimestamp ?? '') < PREPARED_KEPT_MS;
}
