import type { Action, AppKey, AppObject, AppState, Command, Event, Ms } from '../core/model.ts';

export interface StoredEvent extends Event {
  /** Grows over all Apps; `watch` resumes after it. */
  id: number;
  app: AppKey;
}

export interface AuditEntry {
  at: Ms;
  app?: AppKey;
  actor: string;
  /** The actor proved who it is (a token), or only said so (the Unix socket). */
  verified: boolean;
  action: string;
  reason?: string;
  commandId?: string;
}

export interface Stored {
  object: AppObject;
  state: AppState;
}

export interface EventQuery {
  app?: AppKey;
  /** Only events with a greater id: with `limit`, the first ones after it. Absent: the last `limit` there are. */
  after?: number;
  limit?: number;
}

/** The truth. Every method is atomic and durable when it resolves. */
export interface Store {
  apps(): Promise<AppKey[]>;
  load(app: AppKey): Promise<Stored | undefined>;
  /**
   * Writes the desired object. `expectedGeneration` 0 means that the App must not exist yet; a new App starts with an empty state.
   * @throws OperatingError E_CONFLICT, E_DISK_FULL
   */
  putApp(object: AppObject, expectedGeneration: number, audit?: AuditEntry): Promise<void>;
  /**
   * next, events and actions in one transaction, if the stored state still has `expectedVersion`.
   * @throws OperatingError E_CONFLICT, E_DISK_FULL
   */
  commit(
    app: AppKey,
    expectedVersion: number,
    what: { next: AppState; events: Event[]; actions: Action[] },
  ): Promise<void>;
  /**
   * The App and its state are gone, if that has still `expectedVersion`: not one of the same name that was made since. Its
   * events and audit entries stay. Nothing to do where it is gone already. @throws OperatingError E_CONFLICT
   */
  removeApp(app: AppKey, expectedVersion: number): Promise<void>;
  /** Idempotent by command id. @throws OperatingError E_APP_NOT_FOUND, E_DISK_FULL */
  addCommand(app: AppKey, command: Command, audit: AuditEntry): Promise<'added' | 'known'>;
  /** Commands that no committed state has in commandsDone yet, oldest first. */
  commands(app: AppKey): Promise<Command[]>;
  /** Oldest first. */
  events(query: EventQuery): Promise<StoredEvent[]>;
  /** The last `limit` entries, oldest first. */
  audit(query: { app?: AppKey; limit?: number }): Promise<AuditEntry[]>;
  addAudit(entry: AuditEntry): Promise<void>;
  /** Called after every commit, putApp, removeApp (`app`) and addCommand. Returns the unsubscribe function. */
  onChange(listener: (app: AppKey, what: 'state' | 'app' | 'command') => void): () => void;
  close(): Promise<void>;
}
