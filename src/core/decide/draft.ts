import type { AppSpec } from '../../spec/app.ts';
import { copyOf, isEqual } from '../json.ts';
import type {
  Action,
  ActionKey,
  AppObject,
  AppState,
  Arm,
  Counts,
  Event,
  Gate,
  GateState,
  Known,
  Measured,
  Ms,
  Observed,
  Pool,
  PoolId,
  Release,
  Replica,
  Revision,
  RouterView,
} from '../model.ts';
import { nextVersion } from './state.ts';

/** An action before it has its place in the state. */
export type NewAction = Action extends infer A
  ? A extends Action
    ? Omit<A, 'key' | 'stateVersion'>
    : never
  : never;

/**
 * One decision in the making: a private copy of the state, what was observed, and what has been decided so far.
 * The only mutable thing in the core; it lives for one call of decide().
 */
export class Draft {
  readonly state: AppState;
  readonly observed: Observed;
  readonly app: AppObject;
  readonly now: Ms;
  readonly events: Event[] = [];
  readonly actions: Action[] = [];
  wakeAt: Ms | undefined;
  /** state.table says what is wanted: so found in this decision, and false while no such table can be made. */
  tableIsCurrent = false;
  gone = false;
  /** Stages that this decision goes on from, with what their gates say. */
  readonly left: { name: string; gates: readonly Gate[]; states: readonly GateState[] }[] = [];
  /** Stable does not come back: users are left with what there is, which may be less than they had. */
  stableGivenUp = false;

  constructor(state: AppState, observed: Observed, app: AppObject, now: Ms) {
    this.state = privateCopy(state);
    this.observed = observed;
    this.app = app;
    this.now = now;
  }

  get spec(): AppSpec['spec'] {
    return this.app.spec.spec;
  }

  /** The App has a route; a worker is moved by readiness alone. */
  get routed(): boolean {
    return this.spec.route !== undefined;
  }

  /** The release that still moves. */
  get release(): Release | undefined {
    const release = this.state.release;
    return release && release.phase.kind !== 'done' ? release : undefined;
  }

  get replicas(): Replica[] {
    return known(this.observed.replicas) ?? [];
  }

  get router(): RouterView | undefined {
    return known(this.observed.router);
  }

  get measured(): Measured | undefined {
    return known(this.observed.measured);
  }

  event(type: Event['type'], reason: string, message: string, actor?: string): void {
    const release = this.release ?? this.state.release;
    this.events.push({
      at: this.now,
      type,
      reason,
      message,
      ...(release ? { release: release.id } : {}),
      ...(actor === undefined ? {} : { actor }),
    });
  }

  /** Asks for an action once: not while it is pending, and after a failure not before its back-off is over. */
  act(key: ActionKey, action: NewAction): void {
    if (this.state.pending[key]) return;
    const backoff = this.state.backoff[key];
    if (backoff && backoff.until > this.now) {
      this.wake(backoff.until);
      return;
    }
    const whole = {
      ...action,
      key,
      stateVersion: nextVersion(this.state, this.now),
    } as Action;
    this.state.pending[key] = whole;
    this.actions.push(whole);
  }

  /** Takes back what this same decision asked for: a newer wish has replaced it. */
  takeBack(isReplaced: (key: ActionKey) => boolean): void {
    for (const { key } of this.actions.filter((action) => isReplaced(action.key)))
      delete this.state.pending[key];
    const kept = this.actions.filter((action) => !isReplaced(action.key));
    this.actions.splice(0, this.actions.length, ...kept);
  }

  wake(at: Ms): void {
    this.wakeAt = this.wakeAt === undefined ? at : Math.min(this.wakeAt, at);
  }

  /** Existing and not leaving: what counts towards a pool's size. */
  standing(pool: PoolId): Replica[] {
    return this.replicas.filter(
      (r) => r.pool === pool && r.phase !== 'stopping' && !this.state.leaving[r.id],
    );
  }

  /** Standing and ready for minReadySeconds; wakes when the next one will be. */
  available(pool: PoolId): Replica[] {
    const minReadyMs = this.spec.health.minReadySeconds * 1000;
    return this.standing(pool).filter((r) => {
      if (!r.ready) return false;
      const at = (r.readySince ?? this.now) + minReadyMs;
      if (at > this.now) this.wake(at);
      return at <= this.now;
    });
  }

  pool(arm: Arm): PoolId {
    const pool = this.release?.arms[arm];
    if (pool === undefined) throw new Error(`release has no arm ${arm}`);
    return pool;
  }

  poolOf(id: PoolId): Pool {
    const pool = this.state.pools[id];
    if (!pool) throw new Error(`no pool ${id}`);
    return pool;
  }

  revisionOf(pool: PoolId): Revision {
    const revision = this.state.revisions[this.poolOf(pool).revision];
    if (!revision) throw new Error(`no revision of pool ${pool}`);
    return revision;
  }

  /** Every worker serves the route that is wanted now, not only the one that was sent last. */
  get acked(): boolean {
    if (!this.routed) return true;
    if (!this.tableIsCurrent || !this.router || this.router.trouble) return false;
    return this.router.ackedGeneration >= this.state.routeGeneration;
  }

  /** Whose table the router has under our generation; undefined: it has another one, or says itself what is wrong. */
  get served(): 'ours' | 'of another writer' | undefined {
    const { serving, trouble, shares } = this.router ?? {};
    if (!serving || serving.generation !== this.state.routeGeneration || trouble || shares) return undefined;
    return isEqual(serving, this.state.table) ? 'ours' : 'of another writer';
  }
}

/**
 * Lists and maps are copied, what is in them is shared: it is replaced, never changed in place. Only the release and what
 * leaves are changed in place, and a release's stages never.
 */
function privateCopy(state: AppState): AppState {
  const { release } = state;
  return {
    ...state,
    history: [...state.history],
    revisions: { ...state.revisions },
    pools: { ...state.pools },
    warm: [...state.warm],
    retiring: [...state.retiring],
    held: [...state.held],
    leaving: copyOf(state.leaving),
    pending: { ...state.pending },
    commandsDone: { ...state.commandsDone },
    backoff: { ...state.backoff },
    ...(release ? { release: { ...copyOf({ ...release, stages: [] }), stages: release.stages } } : {}),
  };
}

export function known<T>(value: Known<T>): T | undefined {
  return value.kind === 'known' ? value.value : undefined;
}

export const NO_COUNTS: Counts = { requests: 0, ok: 0, failed: 0, split: 0, probes: 0 };

/** Counts since a base; a base of another epoch counts as nothing, for a reset is a gap and not a zero. */
export function since(now: Counts | undefined, base: Counts | undefined): Counts {
  const a = now ?? NO_COUNTS;
  const b = base ?? NO_COUNTS;
  return {
    requests: a.requests - b.requests,
    ok: a.ok - b.ok,
    failed: a.failed - b.failed,
    split: a.split - b.split,
    probes: a.probes - b.probes,
    probesOk: (a.probesOk ?? 0) - (b.probesOk ?? 0),
    probesFailed: (a.probesFailed ?? 0) - (b.probesFailed ?? 0),
  };
}
