/** What travels between server, CLI and dashboard. JSON only; times are ISO 8601 strings, durations carry their unit. */

/** Where an App stands, in one word. Listed with meanings in docs/reference/status.md. */
export type AppPhase =
  /** Applied, nothing decided yet. */
  | 'Pending'
  /** A release is moving. */
  | 'Progressing'
  /** A release waits for a person: a pause without duration, an approval, or `rollout pause`. */
  | 'Paused'
  /** A release does not move because the measured split is not the one asked for, or an outcome needs a person. */
  | 'Holding'
  /** A release is going back to stable. */
  | 'Aborting'
  /** No release, stable is ready at full count. */
  | 'Healthy'
  /** No release, fewer replicas ready than asked for; or the last release was aborted. */
  | 'Degraded'
  /** A broken invariant was found: nothing is changed until an operator looks. */
  | 'Frozen'
  | 'Deleting';

export interface ReasonView {
  code: string;
  message: string;
}

export interface RouteShare {
  revision: string;
  revisionNumber: number;
  role: 'stable' | 'candidate' | 'warm' | 'retiring';
  /** Asked for; null where the split is not weighted. */
  weightPercent: number | null;
  /** Measured in the current stage, by which replica answered; null while nothing was measured. */
  measuredPercent: number | null;
  requests: number;
  failed: number;
  p50Ms: number | null;
  p99Ms: number | null;
}

export interface GateView {
  kind: string;
  state: 'pending' | 'waiting' | 'measuring' | 'passed' | 'held';
  detail: string;
}

export interface StageView {
  name: string;
  /** `aborted`: the release was given up in it. */
  state: 'done' | 'current' | 'todo' | 'skipped' | 'aborted';
  askedPercent: number | null;
  measuredPercent: number | null;
  requests: number | null;
  gates: GateView[];
  startedAt: string | null;
  endedAt: string | null;
}

export interface ReleaseView {
  id: string;
  cause: string;
  strategy: string;
  actor: string;
  revision: string;
  revisionNumber: number;
  fromRevision: string | null;
  fromRevisionNumber: number | null;
  startedAt: string;
  endedAt: string | null;
  /** Null while it runs. */
  verdict: 'promoted' | 'aborted' | 'superseded' | 'inconclusive' | null;
  reason: ReasonView | null;
  paused: boolean;
  stages: StageView[];
  /** Recreate: how long users were refused or held. */
  outageMs: number | null;
  refused: number;
  held: number;
  /** First answer of the new revision after the route that named it alone, or first, was committed. */
  cutoverMs: number | null;
}

export interface RevisionView {
  id: string;
  number: number;
  role: 'stable' | 'candidate' | 'warm' | 'retiring' | 'old';
  held: ReasonView | null;
  createdAt: string;
  actor: string;
  source: string;
  commit: string | null;
  command: string[];
}

export interface ReplicaView {
  id: string;
  revision: string;
  revisionNumber: number;
  role: 'stable' | 'candidate' | 'warm' | 'retiring';
  colour: 'blue' | 'green' | null;
  address: string | null;
  phase: string;
  ready: boolean;
  inRoute: boolean;
  restarts: number;
  inFlight: number;
  startedAt: string;
  lastProbe: string | null;
  problem: string | null;
}

export interface AppView {
  apiVersion: 'crossfade.dev/v1';
  kind: 'App';
  metadata: {
    name: string;
    namespace: string;
    generation: number;
    labels: Record<string, string>;
    annotations: Record<string, string>;
  };
  /** Expanded spec, as `render` prints it. Secret values never appear: only references exist. */
  spec: unknown;
  status: {
    phase: AppPhase;
    /** One sentence: what it waits for, or what is wrong. */
    message: string;
    observedGeneration: number;
    url: string | null;
    previewUrl: string | null;
    replicas: number;
    readyReplicas: number;
    /** Of the revision that the running release brings; without a release, of the stable one. */
    updatedReplicas: number;
    stableRevision: string | null;
    stableRevisionNumber: number | null;
    candidateRevision: string | null;
    candidateRevisionNumber: number | null;
    liveColour: 'blue' | 'green' | null;
    route: RouteShare[];
    warmUntil: string | null;
    heldRevisions: { revision: string; reason: ReasonView }[];
    release: ReleaseView | null;
    lastRelease: ReleaseView | null;
  };
}

export interface ApplyRequest {
  /** The document as written (short forms allowed) or expanded. */
  app: unknown;
  /** Folder that relative paths in the document mean. Only over the Unix socket. */
  baseDir?: string;
  dryRun?: boolean;
  reason?: string;
}

export interface ApplyResponse {
  result: 'created' | 'configured' | 'unchanged' | 'held';
  app: AppView;
  /** What happens next, in a sentence. */
  message: string;
}

export interface CommandRequest {
  id: string;
  verb: 'promote' | 'abort' | 'pause' | 'resume' | 'undo' | 'restart' | 'retry';
  reason?: string;
  full?: boolean;
  toRevision?: string;
}

export interface CommandResponse {
  result: 'done' | 'refused' | 'accepted';
  reason: ReasonView | null;
  message: string;
  app: AppView;
}

export interface EventView {
  id: number;
  namespace: string;
  app: string;
  at: string;
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
  release: string | null;
  actor: string | null;
}

export interface LogLineView {
  replica: string;
  at: string;
  stream: 'stdout' | 'stderr' | 'crossfade';
  text: string;
}

export type { PlanView } from '../core/plan.ts';

export interface ErrorBody {
  error: { code: string; message: string; hint?: string; details?: Record<string, unknown> };
}

export interface VersionView {
  version: string;
  apiVersion: 'v1';
  pid: number;
  startedAt: string;
  stateDir: string;
}

/** GET /healthz */
export interface HealthView {
  status: 'ok' | 'degraded';
  /** What does not work, in sentences; empty when all does. */
  problems: string[];
}

/** Every list answer. */
export interface ListView<T> {
  items: T[];
}

/** POST .../scale */
export interface ScaleRequest {
  replicas: number;
  reason?: string;
}

/** POST .../env: changes `run.env` of the stored App, which makes a new revision. */
export interface EnvRequest {
  set: Record<string, string>;
  unset: string[];
  reason?: string;
}

/** POST .../image: changes `spec.image` of the stored App, which makes a new revision. */
export interface ImageRequest {
  image: string;
  reason?: string;
}

/** A secret's value never leaves the daemon. */
export interface SecretView {
  name: string;
  namespace: string;
  /** Null when the audit log does not go back that far. */
  updatedAt: string | null;
  updatedBy: string | null;
}

export type Role = 'viewer' | 'deployer' | 'admin';

export interface TokenView {
  id: string;
  /** The user it identifies: the actor in the audit log. */
  user: string;
  role: Role;
  createdAt: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
}

/** POST /v1/tokens; `token` is shown this once. */
export interface TokenCreated extends TokenView {
  token: string;
}

export interface AuditView {
  at: string;
  namespace: string | null;
  app: string | null;
  actor: string;
  verified: boolean;
  action: string;
  reason: string | null;
  commandId: string | null;
}
