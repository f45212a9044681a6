/** Milliseconds: a duration, or a point in time since the Unix epoch (read from a clock that never jumps). */
export type Ms = number;

/** Why a request counts as failed. Listed with meanings in docs/reference/cli.md. */
export type FailureKind =
  /** Nobody listened. */
  | 'refused'
  /** No way to the address: name not known, host or network not reachable. */
  | 'unreachable'
  /** No TLS came about: not spoken there, or a certificate that is not trusted. */
  | 'tls'
  /** The connection was reset (TCP RST). */
  | 'reset'
  /** The connection was closed before any answer. */
  | 'closed'
  /** No complete answer within the time limit. */
  | 'timeout'
  /** The answer began and died before its end. */
  | 'bad_body'
  /** What came back is not HTTP. */
  | 'bad_answer'
  /** The router itself answered 503 (`x-crossfade-error`): nobody was there to answer. */
  | 'http_503_router'
  /** The router itself answered with another error. */
  | 'http_router'
  | 'http_5xx'
  | 'http_4xx';

export type ConnectionKind = 'kept' | 'fresh';

/** What came back for one request. */
export interface Answer {
  /** Null: no answer's head arrived. */
  status: number | null;
  /** Who answered; null when nobody did, or the router itself. `unknown`: an answer that does not say. */
  revision: string | null;
  failure: FailureKind | null;
  /** Start of the body on one line, or what went wrong. */
  detail: string;
}

/** One line of the ledger. */
export interface RequestRecord extends Answer {
  /** From 1, in the order of the intended starts. */
  number: number;
  /** When it was due; later than that is waiting that a user would have felt. */
  intendedAt: Ms;
  startedAt: Ms;
  endedAt: Ms;
  connection: ConnectionKind;
}

/** One revision taking over, or coming in beside another. */
export interface SwitchView {
  /** Null: nobody had answered before. */
  from: string | null;
  to: string;
  firstNewAt: Ms;
  lastOldAt: Ms | null;
  /** How long both answered; negative: how long nobody did. */
  overlapMs: Ms | null;
  /** Slowest and failed requests that were open within a second of it. */
  slowestMs: Ms;
  failed: number;
}

export interface ProbeSummary {
  requests: number;
  failed: number;
  failures: Partial<Record<FailureKind, number>>;
  /** From the intended start when a rate was asked for; of answered and timed out requests. */
  p50Ms: Ms;
  p99Ms: Ms;
  slowestMs: Ms;
  /** Share of the answered requests, in per cent. */
  byRevision: Record<string, { requests: number; percent: number }>;
  byStatus: Record<string, number>;
  /** Time from the first start to the last end. */
  durationMs: Ms;
  requestsPerSecond: number;
  /** Were due before the end and never sent, because `concurrency` requests were open. */
  notSent: number;
  switches: SwitchView[];
}
