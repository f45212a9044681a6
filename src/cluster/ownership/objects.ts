import { setTimeout as sleep } from 'node:timers/promises';
import { controllerOf } from '../../adoption/found.ts';
import { OperatingError } from '../../core/errors.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { KubeError } from '../../kubernetes/error.ts';
import { untilBehind } from '../../kubernetes/routing/members.ts';
import type { KubeObject, OwnerReference, Resource } from '../../kubernetes/types.ts';
import { DEPLOYMENTS, PODS, type Pod, REPLICA_SETS, type ReplicaSet } from '../../kubernetes/workloads.ts';

/** @throws KubeError E_CLUSTER_NOT_FOUND */
export async function live<T extends KubeObject>(
  kube: Kube,
  resource: Resource<T>,
  namespace: string,
  name: string,
): Promise<T> {
  const found = await kube.get(resource, namespace, name);
  if (found) return found;
  throw new KubeError('E_CLUSTER_NOT_FOUND', `${resource.kind} ${name} of ${namespace} is gone`, {
    status: 404,
  });
}

export async function podsOfSet(kube: Kube, { metadata }: ReplicaSet): Promise<Pod[]> {
  const pods = await kube.list(PODS, { namespace: metadata.namespace ?? '' });
  return pods.filter(
    (pod) => controllerOf(pod)?.uid === metadata.uid && pod.metadata.deletionTimestamp === undefined,
  );
}

/** Makes an object the one controller of what names it as an owner. */
export function controlledBy<T extends KubeObject>(
  { apiVersion, kind }: Resource<T>,
  { metadata: { name = '', uid = '' } }: KubeObject,
): OwnerReference {
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** Resolves when the ready endpoints of the Service are pods of the ReplicaSet, and there are some. @throws KubeError */
export async function untilLeadsTo(
  kube: Kube,
  { namespace, app, replicaSet }: { namespace: string; app: string; replicaSet: string },
  service: string,
): Promise<void> {
  const pods = await podsOfSet(kube, await live(kube, REPLICA_SETS, namespace, replicaSet));
  const names = new Set(pods.map(({ metadata }) => metadata.name ?? ''));
  await untilBehind(kube, { namespace, name: app }, service, names);
}

/** A merge patch that removes these names. */
export function withoutNames(fields: Record<string, string>): Record<string, null> {
  return Object.fromEntries(Object.keys(fields).map((name) => [name, null]));
}

const LOOK_EVERY_MS = 100;
const MOST_LOOKS = 1_200;

/** What was written is known to who runs Deployments: its next look at a ReplicaSet is with that in mind. */
export async function untilObserved(
  kube: Kube,
  namespace: string,
  name: string,
  generation: number,
): Promise<void> {
  await until(async () => {
    const { status } = await live(kube, DEPLOYMENTS, namespace, name);
    return (status?.observedGeneration ?? 0) >= generation;
  }, `Deployment ${name} is not looked at`);
}

export async function until(isDone: () => Promise<boolean>, otherwise: string): Promise<void> {
  for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
    if (await isDone()) return;
    await sleep(LOOK_EVERY_MS);
  }
  throw new OperatingError('E_CLUSTER_STALLED', otherwise, {
    hint: 'see that kube-controller-manager runs; then run the same command again',
  });
}
