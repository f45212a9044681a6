import type { NamedCapabilities, RouterCapabilities } from '../core/capabilities.ts';
import type { AppKey, Counts, Front, Ms, PoolId, ReplicaId, RouterView, RouteTable } from '../core/model.ts';
import type { AppSpec } from '../spec/app.ts';
import type { ActionContext } from './engine.ts';

/** What one replica answered, counted at the address that the request was really sent to. */
export interface Answered {
  /** The replica that the table claimed to be at this address. */
  replica: ReplicaId;
  /** The pool that the table claimed. */
  pool: PoolId;
  address: string;
  counts: Counts;
}

export interface LatencySummary {
  count: number;
  p50Ms: number;
  p90Ms: number;
  p99Ms: number;
}

export interface RouterObservation {
  view: RouterView;
  answered: Answered[];
  latency: Record<PoolId, LatencySummary>;
}

/** Carries requests. */
export interface Router {
  readonly name: string;
  readonly capabilities: RouterCapabilities;
  /**
   * Absent: it can do the same for every App.
   * @throws OperatingError E_CLUSTER_FORBIDDEN
   */
  capabilitiesFor?(spec: AppSpec): Promise<NamedCapabilities>;
  /** What is wrong with it though it serves, for people; undefined: nothing. */
  readonly trouble?: string | undefined;
  /**
   * Installs the table as one atomic change. Resolves when every worker has acknowledged its generation.
   * An older generation than the one served, or an older stateVersion, is refused.
   * @throws OperatingError E_PORT_TAKEN, E_ROUTER_DOWN, E_STALE_WRITER
   */
  apply(ctx: ActionContext, table: RouteTable): Promise<void>;
  /** No new request goes to the replica; idle upstream connections are closed; what is open at `deadline` is closed politely. */
  drain(ctx: ActionContext, replica: ReplicaId, deadline: Ms): Promise<void>;
  /** Forgets the App; its listener closes when no other App uses it. */
  remove(ctx: ActionContext): Promise<void>;
  /** What the router really serves. @throws OperatingError E_ROUTER_DOWN: unknown, which is not empty */
  observe(app: AppKey): Promise<RouterObservation>;
  /** Apps of which it has something that does not go with them. Absent: it keeps nothing that a store could have forgotten. */
  apps?(): Promise<AppKey[]>;
  /** Sends marked requests through the route of the App; they are counted apart. Resolves with how many were answered. */
  probe(app: AppKey, requests: number): Promise<number>;
  /** Whether the front could be served; asked before a release starts. @throws OperatingError E_PORT_TAKEN */
  check(front: Front): Promise<void>;
  /** Called when an acknowledgement, an in-flight count reaching zero or a first answer would change observe(). */
  onChange(listener: (app: AppKey) => void): () => void;
  /** Closes the control connection; the data plane goes on serving. */
  close(): Promise<void>;
  /** Ends the data plane itself (`daemon stop --replicas`). */
  shutdown(): Promise<void>;
}
