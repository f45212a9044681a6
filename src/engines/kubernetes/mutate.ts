import { setTimeout as sleep } from 'node:timers/promises';
import { OperatingError } from '../../core/errors.ts';
import type { Ms, Pool, PoolId, ReplicaId, Revision } from '../../core/model.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { KubeError } from '../../kubernetes/error.ts';
import {
  APP_LABEL,
  type AppName,
  appLabels,
  appNameOf,
  IN_ROUTE_LABEL,
  POOL_LABEL,
  poolObjectName,
  REVISION_ANNOTATION,
  STATE_VERSION_ANNOTATION,
  stateVersionOf,
} from '../../kubernetes/names.ts';
import type { OwnerReference } from '../../kubernetes/types.ts';
import {
  DEPLOYMENTS,
  type Deployment,
  DISRUPTION_BUDGETS,
  PODS,
  type Pod,
} from '../../kubernetes/workloads.ts';
import type { ActionContext } from '../../ports/engine.ts';
import type { AppSpec } from '../../spec/app.ts';
import { STOPPING_ANNOTATION, stoppingOf } from './seen.ts';
import { deploymentOf } from './template.ts';
import { deploymentOfAbsent } from './view.ts';

/** What changes the cluster. Everything is read live first: a cache may be behind, and pods are not got back. */
export interface Cluster {
  kube: Kube;
  ownerOf(app: AppName): Promise<OwnerReference | undefined>;
  /** Our own writes, for the caches. */
  saw(object: Deployment): void;
}

/** Of two pods that could go, Kubernetes takes the cheaper one. */
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const CHEAPEST = '-2147483647';
const ATTEMPTS = 6;
const LOOK_EVERY_MS = 50;
/** The Deployment's controller takes milliseconds; beyond this it does not run. */
const MOST_LOOKS = 200;

export async function grow(
  cluster: Cluster,
  ctx: ActionContext,
  given: { pool: Pool; revision: Revision; spec: AppSpec; replicas: number },
): Promise<void> {
  const app = appNameOf(ctx.app);
  const name = poolObjectName(app.name, given.pool.id);
  const [found, owner] = await Promise.all([
    cluster.kube.get(DEPLOYMENTS, app.namespace, name),
    cluster.ownerOf(app),
  ]);
  if (!found) {
    const input = { ...given, app, owner, stateVersion: ctx.stateVersion };
    cluster.saw(await cluster.kube.create(DEPLOYMENTS, deploymentOf(input)));
    return;
  }
  refuseOther(app, found, given.revision, owner);
  refuseStale(ctx, found);
  if (found.spec.replicas >= given.replicas) return;
  // Grown before the one that is to stop has gone, the pool would keep that one.
  await untilStopped(cluster, app, found);
  const current = await live(cluster, app, name);
  if (current.spec.replicas >= given.replicas) return;
  await write(cluster, ctx, current, { replicas: given.replicas });
}

export async function stop(
  cluster: Cluster,
  ctx: ActionContext,
  replica: ReplicaId,
  graceMs: Ms,
): Promise<void> {
  const app = appNameOf(ctx.app);
  const absentOf = deploymentOfAbsent(replica);
  if (absentOf !== undefined) return stopAbsent(cluster, ctx, app, absentOf);
  const pod = await cluster.kube.get(PODS, app.namespace, replica);
  const pool = pod?.metadata.labels?.[POOL_LABEL];
  if (!pod || pool === undefined || pod.metadata.labels?.[APP_LABEL] !== app.name) return;
  const deployment = await cluster.kube.get(DEPLOYMENTS, app.namespace, poolObjectName(app.name, pool));
  if (deployment) refuseStale(ctx, deployment);
  if (pod.metadata.deletionTimestamp === undefined) {
    await mark(cluster, app, pod);
    if (!deployment) await remove(cluster, app, pod, graceMs);
    else if (!stoppingOf(deployment.metadata.annotations).includes(replica))
      await takeOff(cluster, ctx, app, deployment, replica);
  }
  await untilLeaving(cluster, app, pod, graceMs);
}

export async function forget(cluster: Cluster, ctx: ActionContext, pool: PoolId): Promise<void> {
  const app = appNameOf(ctx.app);
  const deployment = await cluster.kube.get(DEPLOYMENTS, app.namespace, poolObjectName(app.name, pool));
  if (!deployment) return;
  refuseStale(ctx, deployment);
  const pods = await podsOf(cluster, app, pool);
  if (pods.length > 0 || deployment.spec.replicas > 0) {
    const count = Math.max(pods.length, deployment.spec.replicas);
    throw new OperatingError('E_POOL_IN_USE', `pool ${pool} of ${ctx.app} still has ${count} replicas`);
  }
  const { uid, resourceVersion, name = '' } = deployment.metadata;
  await cluster.kube.delete(DEPLOYMENTS, app.namespace, name, {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  });
}

/** How many pods of the App an eviction may take. One budget for all pools: users do not care which one answers. */
export async function setBudget(cluster: Cluster, app: AppName, spec: AppSpec): Promise<void> {
  const budget = spec.spec.kubernetes?.podDisruptionBudget;
  if (budget === undefined) return cluster.kube.delete(DISRUPTION_BUDGETS, app.namespace, app.name);
  const owner = await cluster.ownerOf(app);
  await cluster.kube.apply(DISRUPTION_BUDGETS, {
    metadata: {
      namespace: app.namespace,
      name: app.name,
      labels: appLabels(app.name),
      ...(owner ? { ownerReferences: [owner] } : {}),
    },
    spec: { selector: { matchLabels: { [APP_LABEL]: app.name, [IN_ROUTE_LABEL]: 'true' } }, ...budget },
  });
}

/**
 * Of an App of this name that is gone: its pods run another version, and the cluster removes them soon. Adopted pods have no
 * revision of ours.
 * @throws OperatingError E_POOL_IN_USE
 */
function refuseOther(
  { name }: AppName,
  { metadata }: Deployment,
  revision: Revision,
  owner: OwnerReference | undefined,
): void {
  const made = metadata.ownerReferences?.find(({ controller }) => controller === true);
  const isOther = made !== undefined && owner !== undefined && made.uid !== owner.uid;
  const runs = metadata.annotations?.[REVISION_ANNOTATION] ?? revision.id;
  if (!isOther && runs === revision.id) return;
  const message = `Deployment ${metadata.name} is of an App ${name} that is gone, and the cluster has not removed it yet`;
  throw new OperatingError('E_POOL_IN_USE', message);
}

/** @throws OperatingError E_STALE_WRITER */
function refuseStale(ctx: ActionContext, { metadata }: Deployment): void {
  const seen = stateVersionOf(metadata.annotations);
  if (ctx.stateVersion >= seen) return;
  throw staleWriter(ctx, seen);
}

export function staleWriter({ app, stateVersion }: ActionContext, seen: number): OperatingError {
  const message = `state version ${stateVersion} of ${app} is older than ${seen}, which was seen already`;
  return new OperatingError('E_STALE_WRITER', message, { hint: 'another controller decides now' });
}

/** Out of the route, if it is still in it, and the first to go. */
async function mark({ kube }: Cluster, app: AppName, { metadata }: Pod): Promise<void> {
  if (metadata.annotations?.[DELETION_COST] === CHEAPEST && metadata.labels?.[IN_ROUTE_LABEL] === 'false')
    return;
  await kube.patch(PODS, app.namespace, metadata.name ?? '', {
    metadata: {
      uid: metadata.uid,
      labels: { [IN_ROUTE_LABEL]: 'false' },
      annotations: { [DELETION_COST]: CHEAPEST },
    },
  });
}

/** One write: the pool is smaller by one, and by whom; a repeat finds the name and takes off nothing. */
async function takeOff(
  cluster: Cluster,
  ctx: ActionContext,
  app: AppName,
  deployment: Deployment,
  replica: ReplicaId,
): Promise<void> {
  const pool = deployment.metadata.labels?.[POOL_LABEL] ?? '';
  const there = new Set((await podsOf(cluster, app, pool)).map(({ metadata }) => metadata.name));
  const stopping = stoppingOf(deployment.metadata.annotations).filter((name) => there.has(name));
  await write(cluster, ctx, deployment, {
    replicas: Math.max(0, deployment.spec.replicas - 1),
    stopping: [...stopping, replica],
  });
}

/** A pod that could not be made is not wanted any more. */
async function stopAbsent(cluster: Cluster, ctx: ActionContext, app: AppName, name: string): Promise<void> {
  const deployment = await cluster.kube.get(DEPLOYMENTS, app.namespace, name);
  if (!deployment) return;
  refuseStale(ctx, deployment);
  const pods = await podsOf(cluster, app, deployment.metadata.labels?.[POOL_LABEL] ?? '');
  const living = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length;
  if (living < deployment.spec.replicas)
    await write(cluster, ctx, deployment, { replicas: deployment.spec.replicas - 1 });
}

/**
 * A conflict most often means that the cluster has reported a Deployment's status meanwhile: everything is read and
 * decided anew, which a newer writer's mark would end.
 */
export async function observedAgain(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const conflict = error instanceof KubeError && error.code === 'E_CONFLICT';
      if (!conflict || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Over exactly the version that was read. @throws KubeError E_CONFLICT: observed and decided again */
async function write(
  cluster: Cluster,
  ctx: ActionContext,
  { metadata }: Deployment,
  change: { replicas: number; stopping?: string[] },
): Promise<void> {
  const { namespace, name = '', resourceVersion } = metadata;
  const annotations = {
    [STATE_VERSION_ANNOTATION]: String(ctx.stateVersion),
    ...(change.stopping ? { [STOPPING_ANNOTATION]: change.stopping.join(',') } : {}),
  };
  const patch = { metadata: { resourceVersion, annotations }, spec: { replicas: change.replicas } };
  cluster.saw(await cluster.kube.patch(DEPLOYMENTS, namespace, name, patch));
}

async function live({ kube }: Cluster, app: AppName, name: string): Promise<Deployment> {
  const found = await kube.get(DEPLOYMENTS, app.namespace, name);
  if (!found) throw new KubeError('E_CONFLICT', `Deployment ${name} is gone`, { status: 409 });
  return found;
}

function podsOf({ kube }: Cluster, app: AppName, pool: PoolId): Promise<Pod[]> {
  const labelSelector = `${APP_LABEL}=${app.name},${POOL_LABEL}=${pool}`;
  return kube.list(PODS, { namespace: app.namespace, labelSelector });
}

async function remove({ kube }: Cluster, app: AppName, { metadata }: Pod, graceMs: Ms): Promise<void> {
  const { uid, name = '' } = metadata;
  await kube.delete(PODS, app.namespace, name, {
    ...(uid === undefined ? {} : { uid }),
    gracePeriodSeconds: Math.ceil(graceMs / 1000),
  });
}

async function untilStopped(cluster: Cluster, app: AppName, deployment: Deployment): Promise<void> {
  for (const name of stoppingOf(deployment.metadata.annotations))
    await look(async () => isLeaving(await cluster.kube.get(PODS, app.namespace, name), undefined), name);
}

/** Returns once the pod has been told to end; a shorter time than its own is told to it then. */
async function untilLeaving(cluster: Cluster, app: AppName, pod: Pod, graceMs: Ms): Promise<void> {
  const { name = '', uid } = pod.metadata;
  let found: Pod | undefined;
  await look(async () => {
    found = await cluster.kube.get(PODS, app.namespace, name);
    return isLeaving(found, uid);
  }, name);
  const given = found?.metadata.uid === uid ? found?.metadata.deletionGracePeriodSeconds : undefined;
  if (found && given !== undefined && graceMs === 0 && given > 0) await remove(cluster, app, found, 0);
}

function isLeaving(pod: Pod | undefined, uid: string | undefined): boolean {
  if (!pod || (uid !== undefined && pod.metadata.uid !== uid)) return true;
  return pod.metadata.deletionTimestamp !== undefined;
}

async function look(isDone: () => Promise<boolean>, name: string): Promise<void> {
  for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
    if (await isDone()) return;
    await sleep(LOOK_EVERY_MS);
  }
  throw new KubeError(
    'E_CLUSTER_STALLED',
    `pod ${name} is not told to end: the controller manager does not act`,
    {
      status: 0,
      hint: 'see that kube-controller-manager runs',
    },
  );
}
