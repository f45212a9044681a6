import type { Readable, Writable } from 'node:stream';
import type { GiveBackPlan, GiveBackStep } from '../adoption/give-back.ts';
import type { AdoptionPlan, AdoptionStep, AdoptionWish } from '../adoption/plan.ts';
import type { AppRef, Client } from '../api/client.ts';
import type { Manifest } from '../install/manifest.ts';

/** What `crossfade daemon` is asked to do; src/main.ts does it. */
export interface DaemonOptions {
  stateDir: string;
  /** An additional TCP listener; it needs tokens. */
  listen?: { host: string; port: number };
  /** Further names under which that listener may be asked for. */
  allowedHosts?: readonly string[];
}

/** Which cluster, and as whom. */
export interface ClusterTarget {
  /** Absent: as kubectl finds it. */
  kubeconfig?: string;
  /** Absent: the current one. */
  context?: string;
}

/** What a check found, and what to do about it. */
export interface Check {
  name: string;
  status: 'ok' | 'warning' | 'failed';
  /** What was found, in words. */
  found: string;
  /** What to do about it; absent when nothing is to be done. */
  todo?: string;
}

/** A cluster that commands talk to; src/main.ts opens it. */
export interface Cluster {
  /** Of the context. */
  namespace: string;
  client: Client;
  applyObject(object: Manifest): Promise<'created' | 'configured' | 'unchanged'>;
  check(namespace: string): Promise<Check[]>;
  /** @throws OperatingError E_ADOPTION_REFUSED, E_DEPLOYMENT_NOT_FOUND */
  planAdoption(wish: AdoptionWish): Promise<AdoptionPlan>;
  adopt(plan: AdoptionPlan, tell: (step: AdoptionStep) => void): Promise<void>;
  /** @throws OperatingError E_RELEASE_REFUSED, E_APP_NOT_FOUND */
  planGiveBack(app: AppRef): Promise<GiveBackPlan>;
  giveBack(plan: GiveBackPlan, tell: (step: GiveBackStep) => void): Promise<void>;
  close(): Promise<void>;
}

/** What `crossfade controller` is asked to do; src/main.ts does it. */
export interface ControllerOptions extends ClusterTarget {
  /** Absent: Apps of every namespace. */
  onlyNamespace?: string;
  /** Of its leases, and of records that belong to no App. Absent: the one of the pod or context. */
  namespace?: string;
  shards: number;
  /** Where the router of the cluster tells its counters. */
  routerMetrics: readonly string[];
  /** Where Ingresses are served. */
  ingressPort: number;
  /** For health, readiness and metrics. */
  listen?: { host: string; port: number };
}

/** Everything that a command touches outside of itself, so that tests can give their own. */
export interface CliContext {
  stdout: Writable & { columns?: number; rows?: number };
  stderr: Writable;
  stdin: Readable & { isTTY?: boolean };
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** stdout is a terminal. */
  isTTY: boolean;
  /** Program and first arguments that start this program again, absolute: [node, main.ts]. */
  entry: readonly string[];
  /** Runs the daemon in this process until it is stopped. */
  runDaemon(options: DaemonOptions): Promise<void>;
  /** Runs the controller of a cluster in this process until it is stopped. */
  runController(options: ControllerOptions): Promise<void>;
  openCluster(target: ClusterTarget): Promise<Cluster>;
  /** Starts a daemon of its own session; absent: `entry` is spawned. */
  startDaemon?(stateDir: string): Promise<void>;
}
