/** How requests are split and what a router is given, as plain data. */
import type { Match, UserKey } from '../spec/app.ts';
import type { KubernetesSpec } from '../spec/app-kubernetes.ts';
import type { AppKey, Ms, PoolId, Reason, ReplicaId, RevisionId, WeightBp } from './model.ts';

/** What happens to a request that the route admits nobody for. */
export type Admit =
  | { kind: 'open' }
  /** Answered 503 with Retry-After by the router itself. */
  | { kind: 'refuse' }
  /** Queued; ends by itself in the router: beyond maxRequests or maxMs a request is answered 503. */
  | { kind: 'hold'; maxRequests: number; maxMs: Ms };

/** How requests are split. Key: Arm inside a stage, PoolId on the wire. */
export interface Route<Key extends string> {
  split:
    | { kind: 'weights'; to: { key: Key; weight: WeightBp }[] }
    /** Every member of these pools gets the same share. */
    | { kind: 'perReadyReplica'; to: Key[] };
  /** First match wins and goes to its pool whatever the split says. */
  matches: { when: Match; to: Key }[];
  /** The split by a salted hash of a user key instead of by counting. */
  sticky?: { by: UserKey; salt: string };
  /** So many of the requests that the split decides go to this one as well, which nobody gets an answer of. */
  mirror?: { to: Key; share: WeightBp };
  /** Requests that carry the preview host (`preview.<host>`) or arrive at the preview listener go here. */
  preview?: Key;
  admit: Admit;
}

export interface Member {
  replica: ReplicaId;
  /** `host:port` of the replica. */
  address: string;
}

/** What a router is given: everything it needs to know about one App. */
export interface RouteTable {
  app: AppKey;
  /** Grows with every table of an App. */
  generation: number;
  /** The App's public face: listener, host, whether answers name their revision. */
  front: Front;
  route: Route<PoolId>;
  members: Record<PoolId, Member[]>;
  /** For the `x-crossfade-revision` header and for people. */
  revisions: Record<PoolId, RevisionId>;
}

export interface ClusterFront
  extends Pick<
    KubernetesSpec,
    'router' | 'parentRefs' | 'httpRoute' | 'ingressClassName' | 'ingress' | 'service'
  > {
  port: number;
}

export interface Front {
  listen: { host: string; port: number };
  /** Absent: every host on this listener. */
  host?: string;
  /** A listener of its own for the preview pool. */
  previewListen?: { host: string; port: number };
  revisionHeader: boolean;
  /** Addresses and CIDR ranges whose X-Forwarded-* are passed on and added to. Absent: those of every client are replaced. */
  trustedProxies?: string[];
  /** Upper bound for one answer's head to arrive from a replica; beyond it the request fails with 504. */
  upstreamTimeoutMs: Ms;
  /** On Kubernetes: what carries the route there, and the port that containers listen on. */
  cluster?: ClusterFront;
  /** Beyond this, upgraded and streaming connections of a drained replica are closed, spread over time. */
  drainLongMs: Ms;
}

export interface RouterView {
  /** Changes when counters begin again from zero. */
  epoch: string;
  /** Workers that have acknowledged, of how many; a generation counts as acknowledged only when all have. */
  workers: number;
  /** 0: the router has no table of this App. */
  ackedGeneration: number;
  /** Newest state version that gave it a table of this App, where it remembers that. */
  stateVersion?: number;
  /** Of several workers, the table of the one that is furthest behind; absent only when none of them serves anything. */
  serving?: RouteTable;
  /** Newest generation that any worker has, where that is more than what `serving` has. */
  newestGeneration?: number;
  /** Requests and connections still open per replica, also of replicas no longer in the table. */
  inFlight: Record<ReplicaId, number>;
  admission: { refused: number; held: number; firstAt?: Ms };
  /** First answer of each pool under the serving generation. */
  firstAnswerAt: Record<PoolId, Ms>;
  /** The route is not carried as it was asked for: by whom or why, in words that stay the same while it lasts. */
  trouble?: Reason;
  /** What the split comes to, 0 to 1, where the router cannot do exactly what was asked for. */
  shares?: Record<PoolId, number>;
  /** Requests count when they are answered: those under way when a measurement begins are counted in it. */
  countsAnswers?: true;
  /** A connection stays with the replica that it was opened to, whatever the route says later. */
  perConnection?: true;
  /** `inFlight` says of some that they may have connections: nobody can see whether they do, or nobody has looked yet. */
  connectionsUnseen?: 'never' | 'yet';
  /** Each request is sent by chance: counts are judged as such, not as exact ones. */
  byChance?: true;
}
