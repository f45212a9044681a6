/**
 * An App as the rest of the program sees it: complete (defaults filled in), expanded (no short forms), typed.
 * The zod schemas in schema.ts are the definition of the file format; their output is this type.
 */

import type { KubernetesSpec } from './app-kubernetes.ts';

/** Milliseconds. */
type Ms = number;

export interface AppSpec {
  apiVersion: 'crossfade.dev/v1';
  kind: 'App';
  metadata: {
    name: string;
    namespace: string;
    labels: Record<string, string>;
    annotations: Record<string, string>;
  };
  spec: {
    replicas: number;
    /** Folder, absolute once the file's own folder is known. Absent: nothing is snapshotted, the command stands alone. */
    source?: string;
    /** What runs on engines that run images. With it there is no source. */
    image?: string;
    build?: { command: string[]; timeoutMs: Ms };
    run: RunConfig;
    /** The App serves HTTP on the port it is given as PORT. The number itself matters on engines with an address per replica. */
    port?: number;
    health: Health;
    route?: RouteSpec;
    strategy: Strategy;
    verify: { minRequests?: number; onNoTraffic: 'probe' | 'hold' };
    onNewRevision: 'supersede' | 'queue' | 'reject';
    /** How long a release may go without progress before it ends. */
    progressDeadlineSeconds: number;
    terminationGracePeriodSeconds: number;
    /** How long a replica that left the route may finish its requests before it is stopped. */
    drainTimeoutMs: Ms;
    /** The same for upgraded and streaming connections. */
    drainLongTimeoutMs: Ms;
    revisionHistoryLimit: number;
    /** What exists on Kubernetes alone. */
    kubernetes?: KubernetesSpec;
  };
}

export interface RunConfig {
  /** Each `{port}` in an argument is replaced by the replica's port. Empty: the image's own. */
  command: string[];
  env: Record<string, EnvValue>;
  /** Files of NAME=value lines, absolute; later ones win, `env` wins over all. */
  envFiles: string[];
  /** Path inside the working folder -> content, or file to take it from, absolute. */
  configFiles: Record<string, { content: string } | { fromFile: string }>;
  user?: string;
  /** Relative to the snapshot; in an image absolute. */
  workingDir?: string;
}

/** `fromFile`: absolute; its content without the last line break. `secret`: a name, never the value. */
export type EnvValue = string | { fromFile: string } | { secret: string };

export interface Health {
  ready?: Probe;
  live?: Probe;
  /** A replica counts as available when it has been ready for this long. */
  minReadySeconds: number;
}

export interface Probe {
  action:
    | { kind: 'httpGet'; path: string; port?: number; headers: Record<string, string>; host?: string }
    | { kind: 'tcpSocket'; port?: number }
    | { kind: 'exec'; command: string[] };
  initialDelaySeconds: number;
  periodSeconds: number;
  timeoutSeconds: number;
  successThreshold: number;
  failureThreshold: number;
}

export interface RouteSpec {
  listen: { host: string; port: number };
  host?: string;
  /** A listener of its own for the preview; the preview host works without it. */
  previewListen?: { host: string; port: number };
  /** `x-crossfade-revision` on every answer. */
  revisionHeader: boolean;
  upstreamTimeoutMs: Ms;
  /** Addresses and CIDR ranges whose X-Forwarded-* are believed. Absent: nobody's. */
  trustedProxies?: string[];
}

/** All that are given must hold. Each list is in the order of its names; header names are in lower case. */
export interface Match {
  headers: { name: string; value: StringMatch }[];
  cookies: { name: string; value: StringMatch }[];
}

export type StringMatch =
  | { kind: 'exact'; value: string }
  | { kind: 'prefix'; value: string }
  | { kind: 'present' };

/** What identifies a user. `cookie` with `issue`: the router gives one to users who have none. */
export type UserKey =
  | { kind: 'header'; name: string }
  | { kind: 'cookie'; name: string; issue: boolean; maxAgeSeconds: number };

export type Strategy =
  | { kind: 'recreate'; hold?: { maxRequests: number; maxMs: Ms } }
  | { kind: 'rolling'; maxSurge: number | string; maxUnavailable: number | string }
  | {
      kind: 'blueGreen';
      autoPromotion: boolean;
      /** Wait this long at the preview stage before promoting by itself. */
      autoPromotionMs?: Ms;
      previewReplicas?: number;
      /** How long the previous colour stays warm. */
      warmMs: Ms;
    }
  | { kind: 'canary'; steps: CanaryStep[]; sticky?: UserKey; warmMs: Ms }
  | {
      kind: 'abTest';
      /** Who is in the experiment by name. */
      matches: Match[];
      /** Share of users in basis points, by a salted hash of `by`. */
      split?: { weightBp: number; by: UserKey; salt?: string };
      candidateReplicas?: number;
      warmMs: Ms;
    };

export type CanaryStep =
  | { kind: 'setWeight'; weightBp: number }
  | {
      kind: 'setCanaryScale';
      scale: { kind: 'count'; replicas: number } | { kind: 'percent'; of: number } | { kind: 'matchWeight' };
    }
  | { kind: 'pause'; durationMs?: Ms }
  | { kind: 'approval'; message?: string }
  | { kind: 'setHeaderRoute'; name: string; match: Match[] }
  /** Share of requests in basis points that the new version gets a copy of. */
  | { kind: 'setMirror'; shareBp: number }
  | { kind: 'verify'; minRequests?: number };
