import type { Ms, Replica } from '../../core/model.ts';
import { failureOf, failureOfPool, waitsFor } from './failure.ts';
import type { SeenPod, SeenPool } from './seen.ts';

/** What the API does not say about a pod: found out beside it, or remembered. */
export interface Remembered {
  wasReady: boolean;
  /** Restarts that came after it had been ready. */
  crashes: number;
  /** The last warning about the pod. */
  event?: { message: string; at: Ms };
  /** Of its last life. */
  logTail?: string[];
}

/** Kubernetes tells times in whole seconds, and makes a pod's first conditions within the next one. */
const FIRST_CONDITIONS_MS = 2_000;

export function replicaOf(
  pod: SeenPod,
  pool: SeenPool | undefined,
  known: Remembered,
  image?: string,
): Replica {
  const stopping = pod.deleting || (pool?.stopping.includes(pod.name) ?? false);
  const ready = pod.ready.is && !stopping;
  const wasReady = known.wasReady || wasReadyBefore(pod);
  const failure = stopping ? undefined : failureOf(pod, image, known.event?.message);
  const lastExit = exitOf(pod);
  const lastProbe = probeOf(pod, wasReady, known);
  return {
    id: pod.name,
    pool: pod.pool,
    ...(pod.ip !== undefined && pool?.port !== undefined ? { address: addressOf(pod.ip, pool.port) } : {}),
    phase: stopping
      ? 'stopping'
      : failure || isBackingOff(pod)
        ? 'backoff'
        : wasReady
          ? 'running'
          : 'starting',
    ready,
    ...(ready && pod.ready.since !== undefined ? { readySince: Date.parse(pod.ready.since) } : {}),
    wasReady,
    startedAt: startOf(pod),
    restarts: pod.restarts,
    ...(known.crashes > 0 ? { crashes: known.crashes } : {}),
    ...(lastExit ? { lastExit } : {}),
    ...(lastProbe ? { lastProbe } : {}),
    ...(known.logTail && known.logTail.length > 0 ? { logTail: known.logTail } : {}),
    ...(failure ? { failure } : {}),
  };
}

/** A pod that the Deployment wants and that is not there (yet): so that it is counted, and the reason is told. */
export function absentReplica(pool: SeenPool, number: number, now: Ms): Replica {
  const failure = failureOfPool(pool);
  return {
    id: absentId(pool.name, number),
    pool: pool.pool,
    phase: failure ? 'backoff' : 'starting',
    ready: false,
    wasReady: false,
    startedAt: now,
    restarts: 0,
    ...(failure ? { failure } : {}),
  };
}

/** No pod can be called that. */
function absentId(deployment: string, number: number): string {
  return `${deployment}~${number}`;
}

/** @returns the Deployment whose missing pod it is */
export function deploymentOfAbsent(replica: string): string | undefined {
  const at = replica.indexOf('~');
  return at < 0 ? undefined : replica.slice(0, at);
}

function addressOf(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function isBackingOff({ state }: SeenPod): boolean {
  return state.waiting?.reason === 'CrashLoopBackOff';
}

/** Its Ready condition turned after the pod had begun: it turned to true and back. */
function wasReadyBefore({ ready, startedAt }: SeenPod): boolean {
  if (ready.is) return true;
  if (ready.since === undefined || startedAt === undefined) return false;
  return Date.parse(ready.since) - Date.parse(startedAt) > FIRST_CONDITIONS_MS;
}

function startOf({ state, startedAt, createdAt }: SeenPod): Ms {
  return Date.parse(state.running?.startedAt ?? startedAt ?? createdAt) || 0;
}

function exitOf({ state, last, restarts }: SeenPod): Replica['lastExit'] {
  const ended = state.terminated ?? (restarts > 0 ? last.terminated : undefined);
  if (!ended) return undefined;
  const signal = ended.reason === 'OOMKilled' ? 'SIGKILL (out of memory)' : signalOf(ended.signal);
  return {
    at: Date.parse(ended.finishedAt ?? '') || 0,
    code: signal === null ? ended.exitCode : null,
    signal,
  };
}

function signalOf(number: number | undefined): string | null {
  return number === undefined || number === 0 ? null : `signal ${number}`;
}

function probeOf(pod: SeenPod, wasReady: boolean, known: Remembered): Replica['lastProbe'] {
  const at = known.event?.at ?? startOf(pod);
  if (pod.ready.is) return { at: Date.parse(pod.ready.since ?? '') || at, ok: true, detail: 'ready' };
  const waits = waitsFor(pod);
  const detail = waits ?? known.event?.message ?? (wasReady ? pod.ready.message : undefined);
  return detail === undefined ? undefined : { at, ok: false, detail };
}
