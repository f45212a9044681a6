import type { Logger } from 'pino';
import type { Role, VersionView } from '../api/types.ts';
import type { NamedCapabilities } from '../core/capabilities.ts';
import type { AppKey, CommandId, CommandResult, Ms, Observed, PoolId, ReplicaId } from '../core/model.ts';
import type { Clock } from '../ports/clock.ts';
import type { Engine } from '../ports/engine.ts';
import type { LatencySummary, Router } from '../ports/router.ts';
import type { Store } from '../ports/store.ts';
import type { AppSpec } from '../spec/app.ts';
import type { TokenStore } from './tokens.ts';

/** What the controller last saw of an App, with what only people ask for. */
export interface ObservedApp extends Observed {
  latency: Record<PoolId, LatencySummary>;
  inFlight: Record<ReplicaId, number>;
}

/** Secret values go in here and never come out. */
export interface SecretStore {
  set(namespace: string, name: string, value: string): Promise<void>;
  list(namespace: string): Promise<string[]>;
  /** Resolves with whether there was one. */
  delete(namespace: string, name: string): Promise<boolean>;
}

/** Everything the API needs from the rest of the daemon. */
export interface ApiDeps {
  store: Store;
  engine: Engine;
  router: Router;
  /** What would carry the requests of an App, where not all have the same router. Absent: `router`. */
  routerFor?(spec: AppSpec): Promise<NamedCapabilities>;
  clock: Clock;
  /** The steady time that Apps are decided by: what they wait for is shown by it, not by a wall clock that jumps. */
  now(): Ms;
  secrets: SecretStore;
  tokens: TokenStore;
  observe(app: AppKey): Promise<ObservedApp>;
  /** Asks the controller to look at the App now. */
  poke(app: AppKey): void;
  /** The controller's answer to a command; undefined when there is none within `timeoutMs`. */
  waitForCommand(app: AppKey, id: CommandId, timeoutMs: number): Promise<CommandResult | undefined>;
  version: VersionView;
  /**
   * Stops the daemon. With `replicas` it resolves once what it runs has stopped, with what has not, in words; without, the
   * answer to the request has to be sent before.
   */
  stop(options: { replicas: boolean }): Promise<readonly string[]>;
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** The dependencies, and what the routes share among themselves. */
export interface ApiContext extends ApiDeps {
  /** One piece of work at a time: what was checked still holds when it is stored. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
}

/** How a request came in. A Unix socket is guarded by its file mode, TCP by a token. */
export type Peer =
  | { kind: 'unix' }
  /** `ended`: its token is no longer valid. */
  | { kind: 'tcp'; user: string; role: Role; ended: AbortSignal };
