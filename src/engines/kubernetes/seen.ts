import type { PoolId, ReplicaId } from '../../core/model.ts';
import {
  APP_LABEL,
  containerOf,
  POOL_LABEL,
  PORT_ANNOTATION,
  stateVersionOf,
} from '../../kubernetes/names.ts';
import type { ContainerState, Deployment, Pod } from '../../kubernetes/workloads.ts';

/** What is kept in memory of a pod and of a pool's Deployment: a few hundred bytes of many thousand. */

export interface SeenPod {
  /** `namespace/app` */
  app: string;
  pool: PoolId;
  name: ReplicaId;
  uid: string;
  /** Name of the one that is the App. */
  container: string;
  version: string;
  ip?: string;
  createdAt: string;
  startedAt?: string;
  deleting: boolean;
  ended: boolean;
  ready: { is: boolean; since?: string; message?: string };
  /** Why no node takes it. */
  unscheduled?: { reason: string; message: string };
  restarts: number;
  state: ContainerState;
  last: ContainerState;
  /** Of an init container that fails: what the pod waits for. */
  init?: { name: string; state: ContainerState; last: ContainerState };
}

export interface SeenPool {
  app: string;
  pool: PoolId;
  name: string;
  replicas: number;
  stateVersion: number;
  /** Pods that were asked to stop: each was taken off `replicas` in the same write. */
  stopping: readonly string[];
  port?: number;
  /** Why pods cannot be made: a quota, an admission webhook. */
  failure?: { reason: string; message: string };
}

/** Names of pods that were asked to stop. */
export const STOPPING_ANNOTATION = 'crossfade.dev/stopping';

export function seenPod({ metadata, status = {} }: Pod): SeenPod | undefined {
  const app = metadata.labels?.[APP_LABEL];
  const pool = metadata.labels?.[POOL_LABEL];
  if (app === undefined || pool === undefined) return undefined;
  const condition = (type: string) => status.conditions?.find((one) => one.type === type);
  const container = containerOf(metadata.annotations);
  const own =
    status.containerStatuses?.find(({ name }) => name === container) ?? status.containerStatuses?.[0];
  const ready = condition('Ready');
  const scheduled = condition('PodScheduled');
  const init = status.initContainerStatuses?.find(
    ({ state }) => state?.waiting?.reason !== 'PodInitializing' && state?.terminated?.exitCode !== 0,
  );
  return {
    app: `${metadata.namespace}/${app}`,
    pool,
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    container: own?.name ?? container,
    version: metadata.resourceVersion ?? '',
    createdAt: metadata.creationTimestamp ?? '',
    deleting: metadata.deletionTimestamp !== undefined,
    ended: status.phase === 'Failed' || status.phase === 'Succeeded',
    ready: {
      is: ready?.status === 'True',
      ...optional('since', ready?.lastTransitionTime),
      ...optional('message', ready?.message),
    },
    restarts: own?.restartCount ?? 0,
    state: own?.state ?? {},
    last: own?.lastState ?? {},
    ...optional('ip', status.podIP),
    ...optional('startedAt', status.startTime),
    ...(scheduled?.status === 'False'
      ? { unscheduled: { reason: scheduled.reason ?? '', message: scheduled.message ?? '' } }
      : {}),
    ...(init && !own?.state?.running
      ? { init: { name: init.name, state: init.state ?? {}, last: init.lastState ?? {} } }
      : {}),
  };
}

export function seenPool({ metadata, spec, status }: Deployment): SeenPool | undefined {
  const app = metadata.labels?.[APP_LABEL];
  const pool = metadata.labels?.[POOL_LABEL];
  if (app === undefined || pool === undefined) return undefined;
  const failure = status?.conditions?.find((one) => one.type === 'ReplicaFailure' && one.status === 'True');
  return {
    app: `${metadata.namespace}/${app}`,
    pool,
    name: metadata.name ?? '',
    replicas: spec.replicas,
    stateVersion: stateVersionOf(metadata.annotations),
    stopping: stoppingOf(metadata.annotations),
    ...optional('port', portOf(spec.template.spec, metadata.annotations)),
    ...(failure ? { failure: { reason: failure.reason ?? '', message: failure.message ?? '' } } : {}),
  };
}

export function stoppingOf(annotations: Record<string, string> | undefined): string[] {
  const text = annotations?.[STOPPING_ANNOTATION] ?? '';
  return text === '' ? [] : text.split(',');
}

function portOf(
  spec: Record<string, unknown>,
  annotations: Record<string, string> | undefined,
): number | undefined {
  const noted = Number(annotations?.[PORT_ANNOTATION]);
  if (noted > 0) return noted;
  const containers = spec.containers as { name: string; ports?: { containerPort: number }[] }[] | undefined;
  const own = containers?.find(({ name }) => name === containerOf(annotations)) ?? containers?.[0];
  return own?.ports?.[0]?.containerPort;
}

function optional<K extends string, V>(field: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [field]: value }) as { [P in K]?: V };
}
