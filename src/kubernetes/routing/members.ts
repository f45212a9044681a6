import { setTimeout as sleep } from 'node:timers/promises';
import type { Member, PoolId, ReplicaId, RouteTable } from '../../core/model.ts';
import type { Kube } from '../client.ts';
import { isKubeError, KubeError } from '../error.ts';
import {
  APP_LABEL,
  type AppName,
  appLabels,
  IN_ROUTE_LABEL,
  LEFT_ANNOTATION,
  POOL_LABEL,
  poolObjectName,
} from '../names.ts';
import { ENDPOINT_SLICES, SERVICES, type Service } from '../network.ts';
import type { OwnerReference } from '../types.ts';
import { PODS, type Pod } from '../workloads.ts';
import { poolsOf } from './carrier.ts';

/** Who is in the route: a Service per pool, and a label that takes single pods out of it. */

export const SERVICE_PORT = 80;
const LOOK_EVERY_MS = 50;
const MOST_LOOKS = 300;

export interface Members {
  kube: Kube;
  ownerOf(app: AppName): Promise<OwnerReference | undefined>;
}

/** Services of pools of which this process knows that they are there, and of which App, by its uid. */
export type KnownServices = Map<string, string>;

export async function ensureServices(
  { kube, ownerOf }: Members,
  app: AppName,
  table: RouteTable,
  known: KnownServices,
): Promise<void> {
  for (const pool of poolsOf(table)) {
    // Those of an App that is gone go with it.
    const owner = await ownerOf(app);
    const key = `${app.namespace}/${poolObjectName(app.name, pool)}`;
    const of = owner?.uid ?? '';
    if (known.get(key) === of) continue;
    await kube.apply(SERVICES, poolService(app, pool, table.front.cluster?.port ?? SERVICE_PORT, owner));
    known.set(key, of);
  }
}

function poolService(app: AppName, pool: PoolId, port: number, owner: OwnerReference | undefined): Service {
  return {
    metadata: {
      namespace: app.namespace,
      name: poolObjectName(app.name, pool),
      labels: { ...appLabels(app.name), [POOL_LABEL]: pool },
      ...(owner ? { ownerReferences: [owner] } : {}),
    },
    spec: {
      selector: { [APP_LABEL]: app.name, [POOL_LABEL]: pool, [IN_ROUTE_LABEL]: 'true' },
      ports: [{ name: 'http', port: SERVICE_PORT, targetPort: port, protocol: 'TCP' }],
    },
  };
}

/** Services of pools that no table names any more. */
export async function removeServices(
  { kube }: Members,
  app: AppName,
  keep: readonly PoolId[],
  known: KnownServices,
): Promise<void> {
  const labelSelector = `${APP_LABEL}=${app.name},${POOL_LABEL}`;
  for (const { metadata } of await kube.list(SERVICES, { namespace: app.namespace, labelSelector })) {
    const { name = '', labels } = metadata;
    if (keep.includes(labels?.[POOL_LABEL] ?? '')) continue;
    await kube.delete(SERVICES, app.namespace, name);
    known.delete(`${app.namespace}/${name}`);
  }
}

/** Members by name; a table that refuses requests has none. */
export function membersOf(table: RouteTable | undefined): Map<ReplicaId, PoolId> {
  if (!table || table.route.admit.kind === 'refuse') return new Map();
  return new Map(
    Object.entries(table.members).flatMap(([pool, members]: [PoolId, Member[]]) =>
      members.map(({ replica }): [ReplicaId, PoolId] => [replica, pool]),
    ),
  );
}

/**
 * Puts pods into the route, or takes them out of it; the pods stay with their Deployment. Gone ones are let be.
 * @returns the pods as they are then
 */
export async function label(
  { kube }: Members,
  app: AppName,
  replicas: Iterable<ReplicaId>,
  inRoute: boolean,
  generation?: number,
): Promise<Pod[]> {
  const left = inRoute || generation === undefined ? undefined : { [LEFT_ANNOTATION]: String(generation) };
  return labelPods(kube, app, replicas, { [IN_ROUTE_LABEL]: String(inRoute) }, left);
}

export async function labelPods(
  kube: Kube,
  app: AppName,
  replicas: Iterable<ReplicaId>,
  labels: Record<string, string>,
  annotations?: Record<string, string>,
): Promise<Pod[]> {
  const labelled: Pod[] = [];
  const metadata = { labels, ...(annotations ? { annotations } : {}) };
  for (const replica of replicas) {
    try {
      labelled.push(await kube.patch(PODS, app.namespace, replica, { metadata }));
    } catch (error) {
      if (!isKubeError(error, 404)) throw error;
    }
  }
  return labelled;
}

/** Of all pods of the App, those that the label keeps out of the route. */
export async function keptOut({ kube }: Members, app: AppName): Promise<ReplicaId[]> {
  const labelSelector = `${APP_LABEL}=${app.name},${IN_ROUTE_LABEL}=false`;
  const pods = await kube.list(PODS, { namespace: app.namespace, labelSelector });
  return pods.map(({ metadata }) => metadata.name ?? '');
}

/** Ready endpoints per pool, as those who carry requests are told them. */
async function endpointsOf({ kube }: Members, app: AppName): Promise<Map<PoolId, Set<ReplicaId>>> {
  const labelSelector = `${APP_LABEL}=${app.name},${POOL_LABEL}`;
  const found = new Map<PoolId, Set<ReplicaId>>();
  for (const slice of await kube.list(ENDPOINT_SLICES, { namespace: app.namespace, labelSelector })) {
    const pool = slice.metadata.labels?.[POOL_LABEL] ?? '';
    const names = found.get(pool) ?? new Set();
    found.set(pool, names);
    for (const { conditions, targetRef } of slice.endpoints ?? [])
      if (conditions?.ready !== false && targetRef?.name !== undefined) names.add(targetRef.name);
  }
  return found;
}

/** Resolves when nobody who left is an endpoint any more, and each pool that is named anew has somebody. @throws KubeError */
export async function untilEndpoints(
  members: Members,
  app: AppName,
  table: RouteTable,
  { gone, fresh }: { gone: ReadonlySet<ReplicaId>; fresh: ReadonlySet<PoolId> },
): Promise<void> {
  let last = '';
  for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
    const endpoints = await endpointsOf(members, app);
    const wrong = complaint(endpoints, table, gone, fresh);
    if (wrong === undefined) return;
    last = wrong;
    await sleep(LOOK_EVERY_MS);
  }
  throw new KubeError('E_ROUTE_UNPROVEN', `the endpoints of ${app.name} do not follow: ${last}`, {
    status: 0,
    hint: 'see that kube-controller-manager runs, and that the pods are ready',
  });
}

/** Resolves when the ready endpoints of a Service are among these pods, and some of them are. @throws KubeError */
export async function untilBehind(
  kube: Kube,
  app: AppName,
  service: string,
  pods: ReadonlySet<ReplicaId>,
): Promise<void> {
  const labelSelector = `kubernetes.io/service-name=${service}`;
  let found: string[] = [];
  for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
    const slices = await kube.list(ENDPOINT_SLICES, { namespace: app.namespace, labelSelector });
    found = slices
      .flatMap(({ endpoints = [] }) => endpoints.filter(({ conditions }) => conditions?.ready !== false))
      .map(({ targetRef }) => targetRef?.name ?? '');
    if (found.every((name) => pods.has(name)) && (pods.size === 0 || found.length > 0)) return;
    await sleep(LOOK_EVERY_MS);
  }
  throw new KubeError(
    'E_ROUTE_UNPROVEN',
    `the endpoints of Service ${service} do not follow: ${found.join(', ')}`,
    {
      status: 0,
      hint: 'see that kube-controller-manager runs, and that the pods are ready',
    },
  );
}

function complaint(
  endpoints: Map<PoolId, Set<ReplicaId>>,
  table: RouteTable,
  gone: ReadonlySet<ReplicaId>,
  fresh: ReadonlySet<PoolId>,
): string | undefined {
  for (const names of endpoints.values())
    for (const name of names) if (gone.has(name)) return `pod ${name} left the route and is in it`;
  if (table.route.admit.kind === 'refuse') return undefined;
  for (const [pool, members] of Object.entries(table.members)) {
    const names = endpoints.get(pool);
    if (fresh.has(pool) && members.length > 0 && !members.some(({ replica }) => names?.has(replica)))
      return `no pod of pool ${pool} is in it`;
  }
  return undefined;
}
