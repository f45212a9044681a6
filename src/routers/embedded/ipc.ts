/**
 * What parent and worker say to each other over Node's IPC channel. Sockets travel beside a message, as handles.
 * The same channel is used whichever of the two started the other: a worker whose parent died starts a new parent.
 */
import type { AppKey, Ms, ReplicaId } from '../../core/model.ts';
import type { Identity } from './identity.ts';
import type { BoundHandle, Listen } from './parent/sockets.ts';
import type { WireError } from './protocol.ts';
import type { StoredTable } from './table-store.ts';

export interface WorkerConfig {
  stateDir: string;
  bootId: string;
  probeToken: string;
}

/** Open requests per App and replica. */
export type InFlight = Record<AppKey, Record<ReplicaId, number>>;

/** What one worker does and the others that still answer must do too. */
export type Change =
  | { kind: 'table'; stored: StoredTable }
  | { kind: 'remove'; app: AppKey }
  | { kind: 'drain'; app: AppKey; replica: ReplicaId; forMs: Ms };

/** Exit code of a parent that found another one in its place. */
export const ANOTHER_PARENT = 3;

/** With each of the handles comes the socket itself. */
export type ToWorker =
  /**
   * `retiring`: workers that still answer; they may not have made the last changes yet. `build`: the parent's program, which
   * may be an older one than the worker's.
   */
  | {
      t: 'init';
      build: string;
      config: WorkerConfig;
      tables: StoredTable[];
      sockets: number;
      retiring: Identity[];
    }
  /** + handle */
  | { t: 'socket'; listen: Listen }
  /** + handle */
  | { t: 'control' }
  /** + handle */
  | { t: 'bound'; id: number }
  | { t: 'bindFailed'; id: number; error: WireError }
  | { t: 'tried'; id: number }
  /** Another worker serves now: stop accepting, answer the rest, end. */
  | { t: 'retire' }
  /** End soon; what is open has a moment to finish. */
  | { t: 'stop' }
  | { t: 'upgradeFailed'; error: WireError }
  /** What workers that retire still have open. */
  | { t: 'leftover'; inFlight: InFlight; retiring: Identity[] }
  /** Another worker has made this change: make it too, then answer `followed`. */
  | { t: 'follow'; id: number; change: Change }
  /** The change is kept, and every worker that still answers has made it. */
  | { t: 'told'; id: number };

export type ToParent =
  | { t: 'up' }
  | { t: 'ready' }
  | { t: 'alive' }
  | { t: 'bind'; id: number; listen: Listen }
  /** Could it be bound? Nothing is kept. */
  | { t: 'try'; id: number; listen: Listen }
  | { t: 'release'; listen: Listen }
  /** The parent keeps the tables too, so that a worker can start again while the disk is full. */
  | { t: 'tell'; id: number; change: Change }
  | { t: 'followed'; id: number }
  | { t: 'upgrade'; workerEntry?: string }
  | { t: 'shutdown' }
  | { t: 'leftover'; id: number; inFlight: InFlight }
  /** Worker to the parent that it has started: take over from a dead one. Then `socket` and `control`, then `adopted`. */
  | { t: 'adopt'; config: WorkerConfig; tables: StoredTable[] }
  /** + handle */
  | { t: 'socket'; listen: Listen }
  /** + handle */
  | { t: 'control' }
  | { t: 'adopted' };

export type { BoundHandle, Listen };
