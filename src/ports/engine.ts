import type { Remembered } from '../core/decide/catch-up.ts';
import type { AppKey, Ms, Pool, PoolId, Replica, ReplicaId, Revision, RunSpec } from '../core/model.ts';
import type { AppSpec } from '../spec/app.ts';

/** Every mutation carries the version of the state that asked for it; an engine refuses one older than it has seen. */
export interface ActionContext {
  app: AppKey;
  stateVersion: number;
}

export interface LogLine {
  replica: ReplicaId;
  at: Ms;
  stream: 'stdout' | 'stderr' | 'crossfade';
  text: string;
}

export interface LogQuery {
  app: AppKey;
  /** Absent: all replicas that are not forgotten. Named, by itself or by its pool: also one whose last lines were kept. */
  replica?: ReplicaId;
  pool?: PoolId;
  /** Last lines per replica; absent: all that is kept. */
  tail?: number;
  follow: boolean;
  signal?: AbortSignal;
}

/** Runs replicas. Every mutation is idempotent and returns when it is durable, not when it is finished. */
export interface Engine {
  readonly name: string;
  /**
   * Turns a spec into the immutable content of a revision: snapshot, build, config files, secret hashes.
   * The same content gives the same RunSpec. `dryRun` computes the same RunSpec without storing or building anything.
   * @throws OperatingError E_SOURCE_*, E_BUILD_*, E_SECRET_*, E_DISK_FULL
   */
  prepare(spec: AppSpec, options: PrepareOptions): Promise<RunSpec>;
  /** At least `replicas` replicas of the pool that are not stopping. Never shrinks. */
  grow(ctx: ActionContext, pool: Pool, revision: Revision, spec: AppSpec, replicas: number): Promise<void>;
  /** TERM to the whole group, KILL after graceMs. Returns once the intent is durable and TERM is sent. */
  stop(ctx: ActionContext, replica: ReplicaId, graceMs: Ms): Promise<void>;
  /** Removes what is left of a pool that has no replicas. */
  forget(ctx: ActionContext, pool: PoolId): Promise<void>;
  /** Everything of the App that exists or is still stopping; a replica leaves the list when nothing of it is left. */
  list(app: AppKey): Promise<Replica[]>;
  /** What it knows of the App by itself. Absent: it has no memory that a store that was put back could be behind of. */
  remembered?(app: AppKey): Promise<Omit<Remembered, 'serving'>>;
  logs(query: LogQuery): AsyncIterable<LogLine>;
  /**
   * Removes snapshots that none of these revisions uses, and all else of Apps that are not in the map.
   * @param inUse asked once what there is was noted: what comes after that is nobody's to remove
   */
  sweep(inUse: () => Promise<ReadonlyMap<AppKey, readonly Revision[]>>): Promise<void>;
  /** Called whenever list() of an App would answer something else. Returns the unsubscribe function. */
  onChange(listener: (app: AppKey) => void): () => void;
  /** Stops supervising; replicas go on running. */
  close(): Promise<void>;
}

export interface PrepareOptions {
  dryRun: boolean;
  progress: (line: string) => void;
  signal?: AbortSignal;
}
