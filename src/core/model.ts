/**
 * The model of a release, as plain data: what is stored, what is observed, what is asked for.
 * Everything here is JSON, so that a state is stored, compared and shown as it is.
 */
import type { AppSpec } from '../spec/app.ts';
import type { Route, RouterView, RouteTable } from './route.ts';

export type { Admit, Front, Member, Route, RouterView, RouteTable } from './route.ts';

/** Milliseconds: a duration, or a point in time since the Unix epoch. */
export type Ms = number;
/** Basis points of all requests: an integer, 0 to 10_000 (10_000 = 100%). */
export type WeightBp = number;
/** Canonical, versioned content hash of a revision: `v1-` and 12 hex digits. */
export type RevisionId = string;
/** The replicas of one revision in one incarnation: `<revision number>-<incarnation>`, unique within an App. */
export type PoolId = string;
/** Names a replica within its App; given by the engine, never reused within a pool. */
export type ReplicaId = string;
/** A name within a release for a pool: `stable`, `candidate`. */
export type Arm = string;
export type ActionKey = string;
/** Given by whoever sends the command; the same id is never applied twice. */
export type CommandId = string;

export const FULL_WEIGHT: WeightBp = 10_000;

/** (namespace, name) as one string: `namespace/name`. */
export type AppKey = string;

/** Where a revision came from; not part of its hash. */
export interface Provenance {
  createdAt: Ms;
  /** Who applied it, as the API server knew it. */
  actor: string;
  /** What was written in the App file: a folder, or an image reference. */
  source: string;
  /** Commit the source was at, when the source is a git checkout. */
  commit?: string;
}

/** The run configuration that a revision hash covers. Secret values appear only as keyed hashes. */
export interface RunSpec {
  artifact:
    | { kind: 'snapshot'; digest: string }
    /** `digest`: where the reference says it; a tag alone may mean another image tomorrow. */
    | { kind: 'image'; reference: string; digest?: string }
    | { kind: 'none' };
  /** Empty: the image's own. */
  command: readonly string[];
  /** Literal values. */
  env: Readonly<Record<string, string>>;
  /** Name of the variable -> secret's name and the HMAC-SHA256 of its value under a key of this installation. */
  secretEnv: Readonly<Record<string, { secret: string; hmac: string }>>;
  /** Path inside the working folder -> digest of its content. */
  configFiles: Readonly<Record<string, string>>;
  user?: string;
  workingDir?: string;
  /** The App has a port: each replica is given one of its own as PORT. */
  hasPort: boolean;
  health: AppSpec['spec']['health'];
  /** On Kubernetes only; absent elsewhere, so that it is no part of those hashes. */
  pod?: PodSpec;
}

/** The part of a revision that only a pod has. */
export interface PodSpec {
  /** The number that the container listens on. */
  port?: number;
  /** Fields of the App file that shape a pod, as they were written. */
  fields: Readonly<Record<string, unknown>>;
  /** `configmap/NAME` and `secret/NAME` -> digest of the content that was copied. Absent ones that may be: no entry. */
  content: Readonly<Record<string, string>>;
}

export interface Revision {
  id: RevisionId;
  hashVersion: number;
  /** Per-App number, from 1, never reused. */
  number: number;
  run: RunSpec;
  provenance: Provenance;
}

export interface Pool {
  id: PoolId;
  revision: RevisionId;
  incarnation: number;
  colour?: 'blue' | 'green';
}

/** Unknown is not empty: nothing is decided from a world that could not be seen. */
export type Known<T> = { kind: 'known'; value: T; at: Ms } | { kind: 'unknown'; since: Ms; why: string };

/** Resolved against App.replicas at every tick, so that scaling in mid-release just works. */
export type Scale =
  | { kind: 'full' }
  | { kind: 'zero' }
  /** ceil(weight x replicas), at least 1 when the weight is above 0. */
  | { kind: 'matchWeight' }
  | { kind: 'count'; replicas: number }
  /** 0 to 100. */
  | { kind: 'percent'; of: number };

export type Gate =
  /** Every arm with a scale has its replicas ready, for minReadySeconds. Implied before every route change. */
  | { kind: 'ready' }
  | { kind: 'verify'; minRequests: number; onNoTraffic: 'probe' | 'hold' }
  /** Absent duration: until promote. */
  | { kind: 'pause'; durationMs?: Ms }
  /** Until `promote` by a person; unlike a pause it is never passed by `promote --full` of the same actor's script without a reason. */
  | { kind: 'approval'; message?: string };

export interface Stage {
  name: string;
  scale: Record<Arm, Scale>;
  route: Route<Arm>;
  via: { kind: 'step' } | { kind: 'roll'; maxSurge: number | string; maxUnavailable: number | string };
  gates: Gate[];
  onAbort: 'reroute' | 'growThenReroute' | 'outage';
  /** Entered: the candidate is the stable one; from here undo takes abort's place. */
  commits: boolean;
  /** The outage that this stage declares, in words, for `plan`. */
  outage?: 'refused' | 'held';
}

/** Why something ended or waits: a stable code (docs/errors.md), a sentence, and what to look at. */
export interface Reason {
  code: string;
  message: string;
}

export interface Counts {
  /** Requests sent to a replica of the pool (retries counted once, at the replica that answered). */
  requests: number;
  /** Answers below 500. */
  ok: number;
  /** Answers of 500 and above, timeouts and broken answers. */
  failed: number;
  /** The part of `requests` that the split decided (not a match, not preview), users only. */
  split: number;
  /** Marked requests of Crossfade itself that the split decided; never part of the others. */
  probes: number;
  /** Of `probes`: answers below 500. Absent: none yet, or a router that does not tell. */
  probesOk?: number;
  /** Of `probes`: answers of 500 and above, timeouts and broken answers. Absent: as above. */
  probesFailed?: number;
}

export type GateState =
  | { kind: 'pending' }
  | { kind: 'waiting'; since: Ms; why: string }
  | {
      kind: 'measuring';
      since: Ms;
      epoch: string;
      /** Counts per pool when the measurement began. */
      base: Record<PoolId, Counts>;
      probesAsked: number;
      probesAskedAt?: Ms;
      /** The last measurement did not agree: the release holds, and goes on measuring. */
      mismatch?: Reason;
    }
  | { kind: 'passed'; at: Ms; note?: string; by?: string };

export type Verdict = 'promoted' | 'aborted' | 'superseded' | 'inconclusive';

export interface StageRecord {
  name: string;
  startedAt: Ms;
  /** Route of this stage acknowledged by every router worker. */
  routedAt?: Ms;
  endedAt?: Ms;
  /** Share of the candidate that was asked for; absent where the split is not weighted. */
  askedBp?: WeightBp;
  /** Share of the candidate that was measured, and over how many requests (users and probes). */
  measuredBp?: number;
  requests?: number;
  /** Routed counts when the stage began to be routed, to take differences from. */
  base?: { epoch: string; perPool: Record<PoolId, Counts> };
}

export interface Release {
  /** `r` and a number, unique within the App. */
  id: string;
  cause: 'apply' | 'undo' | 'restart' | 'retry';
  startedAt: Ms;
  endedAt?: Ms;
  actor: string;
  arms: Record<Arm, PoolId>;
  revision: RevisionId;
  fromRevision?: RevisionId;
  strategy: string;
  /** Frozen when it starts; a changed strategy counts for the next one. */
  stages: readonly Stage[];
  /** How long the old stable stays warm after promotion; 0: it is retired at once. */
  warmMs: Ms;
  /** A command, not a gate: never blocks abort or health. */
  pausedBy?: string;
  phase:
    | { kind: 'advancing'; stage: number; since: Ms; fullSpeed: boolean }
    | { kind: 'aborting'; stage: number; since: Ms; why: Reason; supersededBy?: RevisionId }
    | { kind: 'done'; verdict: Verdict; why?: Reason };
  /** Gate states of the current stage, by index in stage.gates. */
  gates: GateState[];
  record: StageRecord[];
  /** The stage whose route was asked for last; -1: still the route from before the release. */
  routedStage: number;
  /** Last moment of visible progress, for progressDeadlineSeconds, and what it looked like then. */
  progressAt: Ms;
  progressMark: string;
  /** When the route first named the candidate in its split, and its first answer after that. */
  cutover?: { routeAt: Ms; firstAnswerAt?: Ms };
  /** The candidate's counts when it was first routed: the base of its first 20 requests. */
  firstRouted?: { epoch: string; counts: Counts };
  /** The old ones were still served by open connections when all else was done. */
  lingering?: true;
  /** Recreate: first refused or held request until the first new answer. */
  outage?: { from: Ms; to?: Ms; refused: number; held: number };
}

export interface Leaving {
  pool: PoolId;
  /** First generation of the route that no longer names it. */
  generation: number;
  /** Drain deadline, once the router has acknowledged that generation. */
  deadline?: Ms;
  stopped: boolean;
}

export interface AppState {
  /** Version of this document's shape. */
  schema: 1;
  /** Compare-and-swap: one more with every commit. */
  version: number;
  generationSeen: number;
  nextRevisionNumber: number;
  nextReleaseNumber: number;
  revisions: Record<RevisionId, Revision>;
  pools: Record<PoolId, Pool>;
  stable?: PoolId;
  release?: Release;
  /** Ended releases, newest last, bounded by revisionHistoryLimit. */
  history: Release[];
  queued?: { revision: RevisionId; actor: string };
  /** What undo can go back to at once. */
  warm: { pool: PoolId; until: Ms }[];
  retiring: PoolId[];
  /** Failed or undone: apply and automation never start these by themselves. */
  held: { revision: RevisionId; why: Reason }[];
  /** The table that was last sent to the router. */
  table?: RouteTable;
  /** Generation of the table that a state which was behind has found: what it says is no decision of this state. */
  foundTable?: number;
  routeGeneration: number;
  /** Counts when `generation` was first seen acknowledged: what came since was answered under that table. */
  routed?: { generation: number; epoch: string; perPool: Record<PoolId, Counts> };
  leaving: Record<ReplicaId, Leaving>;
  pending: Record<ActionKey, Action>;
  commandsDone: Record<CommandId, CommandResult>;
  /** Set when the App is being deleted; the App is gone when everything it ran is. */
  deleting?: { since: Ms };
  /** A broken invariant: the release is stopped and the route left as it is until an operator looks. */
  frozen?: Reason;
  /** Actions that failed and when to try again. */
  backoff: Record<ActionKey, { failures: number; until: Ms }>;
  /** What the controller could not do, for people; cleared when it succeeds. */
  trouble?: Reason & { at: Ms };
}

export type Verb = 'promote' | 'abort' | 'pause' | 'resume' | 'undo' | 'restart' | 'retry';

export interface Command {
  id: CommandId;
  verb: Verb;
  actor: string;
  reason?: string;
  at: Ms;
  /** promote --full */
  full?: boolean;
  /** undo --to-revision: a revision id or number. */
  toRevision?: string;
}

export interface CommandResult {
  at: Ms;
  verb: Verb;
  result: { kind: 'done'; message: string } | { kind: 'refused'; reason: Reason };
}

export interface Replica {
  id: ReplicaId;
  pool: PoolId;
  /** `host:port`, present once the replica has a port; workers have none. */
  address?: string;
  /** `starting` until first ready; `stopping` from the moment that stop was asked for. */
  phase: 'starting' | 'running' | 'backoff' | 'stopping';
  ready: boolean;
  readySince?: Ms;
  /** It was ready at least once in this boot of the machine. */
  wasReady: boolean;
  startedAt: Ms;
  /** Times it was started again after an exit that nobody asked for. */
  restarts: number;
  /** Those of its restarts that came after it had been ready; absent: none. */
  crashes?: number;
  lastExit?: { at: Ms; code: number | null; signal: string | null };
  /** The last readiness or liveness probe's answer, in words. */
  lastProbe?: { at: Ms; ok: boolean; detail: string };
  /** Last log lines, secrets redacted; present when something went wrong. */
  logTail?: string[];
  /** The engine could not start it at all (no such command, no free port, no disk). */
  failure?: Reason;
}

export interface Measured {
  source: 'router' | 'replica' | 'probe';
  epoch: string;
  /** By which replica answered, not by what the table says. */
  perPool: Record<PoolId, Counts>;
}

/** What the user wants, as stored. */
export interface AppObject {
  key: AppKey;
  /** Grows with every change of the spec. */
  generation: number;
  spec: AppSpec;
  /** The revision of this spec; content-addressed, so the same spec gives the same one. */
  revision: Revision;
  /** Who made this generation. */
  actor: string;
  deleting: boolean;
}

export interface Observed {
  app: Known<AppObject>;
  commands: Command[];
  replicas: Known<Replica[]>;
  router: Known<RouterView>;
  measured: Known<Measured>;
  outcomes: Outcome[];
}

export interface Outcome {
  key: ActionKey;
  result: 'ok' | 'failed' | 'unknown';
  reason?: Reason;
}

export type Action = { key: ActionKey; stateVersion: number } & (
  | /** At least this many replicas of the pool that are not stopping. Only grows; stop shrinks. */ {
      kind: 'grow';
      pool: PoolId;
      replicas: number;
    }
  | { kind: 'route'; table: RouteTable }
  /** The router stops reusing connections to it and, at the deadline, closes what is still open. */
  | { kind: 'drain'; replica: ReplicaId; deadline: Ms }
  | { kind: 'stop'; replica: ReplicaId; pool: PoolId; graceMs: Ms }
  /** Marked requests through the route, counted apart. */
  | { kind: 'probe'; requests: number; generation: number }
  /** Everything of this pool may be removed from disk. */
  | { kind: 'forget'; pool: PoolId }
  /** The router forgets the App. */
  | { kind: 'unroute' }
);

export interface Event {
  at: Ms;
  /** `Normal` or `Warning`, as in Kubernetes. */
  type: 'Normal' | 'Warning';
  /** CamelCase, stable, listed in docs/reference/events.md. */
  reason: string;
  message: string;
  release?: string;
  actor?: string;
}

export interface Decision {
  next: AppState;
  events: Event[];
  actions: Action[];
  /** The latest moment at which to decide again though nothing was observed. */
  wakeAt?: Ms;
  /** Deleted, and nothing of it is left: the store may forget it. */
  gone?: boolean;
}
