import { setTimeout as sleep } from 'node:timers/promises';
import { OperatingError } from '../core/errors.ts';
import type { Ms } from '../core/model.ts';
import type { Kube } from '../kubernetes/client.ts';
import { API_GROUP } from '../kubernetes/crossfade.ts';
import type { KubeObject, Resource } from '../kubernetes/types.ts';

export interface LeaseResource extends KubeObject {
  spec?: {
    holderIdentity?: string | null;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

export const LEASES: Resource<LeaseResource> = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};

/** By which `doctor` finds it. */
const LEASE_LABELS: Readonly<Record<string, string>> = { [`${API_GROUP}/lease`]: 'controller' };
export const LEASE_SELECTOR = `${API_GROUP}/lease=controller`;

export interface LeaseTimes {
  /** Others wait this long after the last renewal that they saw. */
  durationMs: Ms;
  /** The holder stops acting when it could not renew for this long: well before the others begin. */
  deadlineMs: Ms;
  retryMs: Ms;
}

/** Those of the programs of Kubernetes itself. */
const LEASE_TIMES: LeaseTimes = { durationMs: 15_000, deadlineMs: 10_000, retryMs: 2_000 };

export interface LeaseOptions {
  kube: Kube;
  namespace: string;
  name: string;
  /** Who we are: unique for each process. */
  identity: string;
  times?: LeaseTimes;
  log: { info(what: object, text: string): void; warn(what: object, text: string): void };
}

export interface Held {
  /** Aborted when the lease is lost: from that moment on nothing may be done in its name. */
  lost: AbortSignal;
  /** Gives it back, so that the next one need not wait. */
  release(): Promise<void>;
}

/** What was seen of somebody else's lease, and since when by our own clock: theirs may be wrong. */
interface Sighting {
  version: string;
  at: Ms;
}

/** Waits until the lease is ours, and keeps it. @throws the signal's reason when it is aborted first */
export async function acquireLease(options: LeaseOptions, signal: AbortSignal): Promise<Held> {
  const { log, name, times = LEASE_TIMES } = options;
  let seen: Sighting | undefined;
  for (;;) {
    signal.throwIfAborted();
    try {
      const found = await options.kube.get(LEASES, options.namespace, name);
      const version = found?.metadata.resourceVersion ?? '';
      if (seen?.version !== version) seen = { version, at: performance.now() };
      if (!found || isFree(found, seen)) {
        const renewedAt = performance.now();
        const mine = await write(options, found);
        log.info({ lease: name }, 'this controller leads');
        return keep(options, mine, renewedAt);
      }
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      if (!RACE.has(error.code)) log.warn({ lease: name, code: error.code }, error.message);
    }
    await sleep(times.retryMs * (0.75 + Math.random() / 2), undefined, { signal });
  }
}

/** Somebody else was faster. */
const RACE = new Set(['E_CONFLICT', 'E_CLUSTER_EXISTS', 'E_CLUSTER_NOT_FOUND']);

function isFree({ spec }: LeaseResource, seen: Sighting): boolean {
  if (!spec?.holderIdentity) return true;
  return performance.now() - seen.at > (spec.leaseDurationSeconds ?? 0) * 1000;
}

function write(options: LeaseOptions, found: LeaseResource | undefined): Promise<LeaseResource> {
  const { kube, namespace, name, identity, times = LEASE_TIMES } = options;
  const now = microTime();
  const changed = found?.spec?.holderIdentity !== identity;
  const spec = {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(times.durationMs / 1000),
    renewTime: now,
    ...(changed
      ? { acquireTime: now, leaseTransitions: (found?.spec?.leaseTransitions ?? -1) + 1 }
      : {
          acquireTime: found?.spec?.acquireTime ?? now,
          leaseTransitions: found?.spec?.leaseTransitions ?? 0,
        }),
  };
  if (!found)
    return kube.create(LEASES, { metadata: { namespace, name, labels: { ...LEASE_LABELS } }, spec });
  return kube.replace(LEASES, { ...found, spec });
}

function keep(options: LeaseOptions, first: LeaseResource, firstRenewedAt: Ms): Held {
  const { kube, namespace, name, identity, log, times = LEASE_TIMES } = options;
  const lost = new AbortController();
  const stop = new AbortController();
  let lease = first;
  let renewedAt = firstRenewedAt;
  let deadline = setTimeout(lose, times.deadlineMs);

  function lose(): void {
    log.warn({ lease: name }, 'the lease could not be renewed in time: this controller stops acting');
    lost.abort(new Error(`the lease ${name} is lost`));
    stop.abort();
  }

  /** From when the renewal was sent: when it arrived nobody knows. */
  function renewed(at: Ms): void {
    renewedAt = at;
    clearTimeout(deadline);
    deadline = setTimeout(lose, Math.max(0, times.deadlineMs - (performance.now() - renewedAt)));
  }

  async function renewOnce(): Promise<void> {
    const at = performance.now();
    try {
      lease = await write(options, lease);
      renewed(at);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      if (stop.signal.aborted) return;
      if (error.code === 'E_CONFLICT') await reread();
      else log.warn({ lease: name, code: error.code }, error.message);
    }
  }

  /** Our own renewal may have arrived though its answer did not; or somebody else holds it. */
  async function reread(): Promise<void> {
    const found = await kube.get(LEASES, namespace, name).catch(() => undefined);
    if (!found) return;
    if (found.spec?.holderIdentity === identity) lease = found;
    else lose();
  }

  async function renewals(): Promise<void> {
    while (!stop.signal.aborted) {
      await sleep(times.retryMs, undefined, { signal: stop.signal }).catch(() => undefined);
      if (!stop.signal.aborted) await renewOnce();
    }
  }

  const running = renewals();
  return {
    lost: lost.signal,
    async release() {
      stop.abort();
      clearTimeout(deadline);
      await running;
      if (lost.signal.aborted) return;
      const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime() };
      await kube.replace(LEASES, { ...lease, spec }).catch((error: unknown) => {
        log.warn({ lease: name, err: error }, 'the lease could not be given back; it runs out by itself');
      });
    },
  };
}

function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z');
}
