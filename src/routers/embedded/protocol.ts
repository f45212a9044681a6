/**
 * The control protocol: one JSON object per line over the Unix socket `<stateDir>/router/control.sock`.
 * The first request of a connection is `hello` with the protocol numbers that the daemon speaks; the router answers with the
 * one that is used, so a daemon and a router one version apart understand each other.
 */
import type { AppKey, Front, Ms, ReplicaId, RouteTable } from '../../core/model.ts';
import type { RouterObservation } from '../../ports/router.ts';

/** Newest first. */
export const PROTOCOLS: readonly number[] = [1];
/** No request or answer is longer; a longer line ends the connection. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

export interface Hello {
  protocol: number;
  /** Which program the worker runs; see build.ts. */
  build?: string;
  /** Changes when counters begin again from zero. */
  epoch: string;
  bootId: string;
  workers: number;
  workerPid: number;
  /** Null while the parent is dead and a new one is not there yet. */
  parentPid: number | null;
  /** Apps that have a table. */
  apps: AppKey[];
  /** Marks requests of Crossfade itself: value of `x-crossfade-probe`. */
  probeToken: string;
}

/** What each operation takes and gives. */
export interface Operations {
  hello: { takes: { protocols: readonly number[] }; gives: Hello };
  apply: {
    takes: { stateVersion: number; table: RouteTable };
    gives: { generation: number; workers: number };
  };
  drain: {
    takes: { app: AppKey; stateVersion: number; replica: ReplicaId; forMs: Ms };
    gives: Record<string, never>;
  };
  remove: { takes: { app: AppKey; stateVersion: number }; gives: Record<string, never> };
  observe: { takes: { app: AppKey }; gives: RouterObservation };
  check: { takes: { front: Front }; gives: Record<string, never> };
  /**
   * Replaces the worker without losing a request, if it still is the one with this pid. `workerEntry`: the file of another
   * version.
   */
  upgrade: { takes: { workerEntry?: string; workerPid?: number }; gives: Record<string, never> };
  /** Answered before it is done. */
  shutdown: { takes: Record<string, never>; gives: { workerPid: number; parentPid: number | null } };
}

export type OperationName = keyof Operations;

export interface WireError {
  code: string;
  message: string;
  hint?: string;
  details?: Record<string, unknown>;
}

export type Request = {
  [Name in OperationName]: { id: number; op: Name } & Operations[Name]['takes'];
}[OperationName];
export type Answer = { id: number; result: unknown } | { id: number; error: WireError };
/** observe() of the App would answer something else. */
export interface Push {
  push: 'changed';
  app: AppKey;
}
