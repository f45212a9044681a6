import { catchUp } from '../core/decide/catch-up.ts';
import { decide } from '../core/decide/index.ts';
import { OperatingError } from '../core/errors.ts';
import { isEqual } from '../core/json.ts';
import type {
  Action,
  ActionKey,
  AppKey,
  AppState,
  CommandId,
  CommandResult,
  Decision,
  Known,
  Ms,
  Outcome,
  RouterView,
  RouteTable,
} from '../core/model.ts';
import type { Timers } from '../ports/clock.ts';
import type { Engine } from '../ports/engine.ts';
import type { Router } from '../ports/router.ts';
import type { Store, Stored } from '../ports/store.ts';
import { type Observation, observe } from './observe.ts';
import { perform } from './perform.ts';

export interface ControllerDeps {
  store: Store;
  engine: Engine;
  router: Router;
  /** Never goes backwards, never jumps: what gates are measured with. */
  now: () => Ms;
  timers: Timers;
  /** An App that rests is looked at this often though nothing was reported. Absent: every 10 s. */
  idleLookMs?: Ms;
  /** Told of each look at an App, before what it leads to is committed. */
  onLook?: (look: Look) => void;
  /** Called when a revision or an App is kept no longer: what it needed may be needed by nobody. */
  unused?: () => void;
  log: {
    info(what: object, text: string): void;
    warn(what: object, text: string): void;
    error(what: object, text: string): void;
  };
}

export interface Look {
  stored: Stored;
  observed: Observation;
  /** The state that is about to be committed. */
  next: AppState;
}

export interface Controller {
  /** Looks at every App once and goes on looking. */
  start(): Promise<void>;
  /** Something about this App may have changed. */
  poke(app: AppKey): void;
  observe(stored: Stored): Promise<Observation>;
  /** @returns the result once the command is decided, undefined when that takes longer */
  waitForCommand(app: AppKey, id: CommandId, timeoutMs: Ms): Promise<CommandResult | undefined>;
  /** Finishes what is under way and stops deciding. */
  stop(): Promise<void>;
}

/** While a release moves, what nobody reports (counters) is looked at this often. */
const RELEASE_LOOK_MS = 200;
/** Otherwise: a safety net under the notifications. */
const IDLE_LOOK_MS = 10_000;
const AFTER_ERROR_MS = 1000;
/** Not E_CONFLICT: then somebody else decides. */
const CANNOT_WRITE: ReadonlySet<string> = new Set(['E_DISK_FULL', 'E_READ_ONLY', 'E_STORE_IO']);

/** One App's place in the loop. At most one decision per App is under way. */
interface Lane {
  running: boolean;
  dirty: boolean;
  /** Takes back the look that is due next. */
  cancelLook: () => void;
  /** What came of the actions since the last decision. */
  outcomes: Outcome[];
  /** Actions that this process does right now. */
  underWay: Set<ActionKey>;
  /** The state is not older than what runs; found once, for from then on nobody else writes. */
  caughtUp: boolean;
  idle: Promise<void>;
}

type Waiter = (result: CommandResult) => void;

/** The only loop: observe, decide, commit, act. */
export function createController(deps: ControllerDeps): Controller {
  return new Loop(deps);
}

class Loop implements Controller {
  readonly #deps: ControllerDeps;
  readonly #lanes = new Map<AppKey, Lane>();
  readonly #waiters = new Map<string, Set<Waiter>>();
  readonly #unsubscribe: (() => void)[] = [];
  #stopped = false;

  constructor(deps: ControllerDeps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    const { store, engine, router } = this.#deps;
    const poke = (app: AppKey) => this.poke(app);
    this.#unsubscribe.push(store.onChange((app, what) => what !== 'state' && this.poke(app)));
    this.#unsubscribe.push(engine.onChange(poke), router.onChange(poke));
    for (const app of await store.apps()) this.poke(app);
  }

  poke(app: AppKey): void {
    if (this.#stopped) return;
    const lane = this.#laneOf(app);
    lane.dirty = true;
    if (!lane.running) lane.idle = this.#run(app, lane);
  }

  observe(stored: Stored): Promise<Observation> {
    return observe(this.#deps, stored, [], this.#deps.now());
  }

  async waitForCommand(app: AppKey, id: CommandId, timeoutMs: Ms): Promise<CommandResult | undefined> {
    const { promise, resolve } = Promise.withResolvers<CommandResult | undefined>();
    const key = `${app} ${id}`;
    const set = this.#waiters.get(key) ?? new Set<Waiter>();
    this.#waiters.set(key, set.add(resolve));
    const cancel = this.#deps.timers.after(timeoutMs, () => resolve(undefined));
    const done = (await this.#deps.store.load(app))?.state.commandsDone;
    if (done && Object.hasOwn(done, id)) resolve(done[id]);
    this.poke(app);
    return promise.finally(() => {
      cancel();
      set.delete(resolve);
      if (set.size === 0 && this.#waiters.get(key) === set) this.#waiters.delete(key);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const off of this.#unsubscribe) off();
    for (const lane of this.#lanes.values()) lane.cancelLook();
    await Promise.all([...this.#lanes.values()].map((lane) => lane.idle));
  }

  #laneOf(app: AppKey): Lane {
    const known = this.#lanes.get(app);
    if (known) return known;
    const idle = Promise.resolve();
    const lane: Lane = {
      running: false,
      dirty: false,
      cancelLook: () => undefined,
      outcomes: [],
      underWay: new Set(),
      caughtUp: this.#deps.engine.remembered === undefined,
      idle,
    };
    this.#lanes.set(app, lane);
    return lane;
  }

  async #run(app: AppKey, lane: Lane): Promise<void> {
    lane.running = true;
    lane.cancelLook();
    try {
      while (lane.dirty && !this.#stopped) {
        lane.dirty = false;
        await this.#tick(app, lane);
      }
    } catch (error) {
      this.#deps.log.error({ app, err: error }, 'deciding failed; tried again');
      this.#wakeIn(app, lane, AFTER_ERROR_MS);
    } finally {
      lane.running = false;
    }
  }

  async #tick(app: AppKey, lane: Lane): Promise<void> {
    const { store, now } = this.#deps;
    const stored = await store.load(app);
    if (!stored) {
      this.#drop(app, lane);
      return;
    }
    const told = lane.outcomes.length;
    const outcomes = [...lane.outcomes, ...unknownOutcomes(stored, lane)];
    const observed = await observe(this.#deps, stored, outcomes, now());
    const found = lane.caughtUp ? 'current' : await this.#catchUp(lane, stored, observed);
    if (found !== 'current') {
      if (found === 'caught up') lane.dirty = true;
      else this.#wakeIn(app, lane, AFTER_ERROR_MS / 10);
      return;
    }
    const decision = decide(stored.state, observed, now());
    this.#deps.onLook?.({ stored, observed, next: decision.next });
    const actions = await this.#commit(app, stored, observed, decision);
    if (actions === 'again') {
      this.#wakeIn(app, lane, AFTER_ERROR_MS / 10);
      return;
    }
    // What was reported while this was decided is for the next decision.
    lane.outcomes.splice(0, told);
    this.#answer(app, decision);
    if (decision.gone) {
      await store.removeApp(app, decision.next.version);
      this.#deps.unused?.();
      this.#drop(app, lane);
      return;
    }
    if (forgetsRevision(stored.state, decision.next)) this.#deps.unused?.();
    for (const action of actions.filter(isLong))
      void this.#perform(lane, stored, decision.next, action).then(() => this.poke(app));
    const quick = actions.filter((action) => !isLong(action));
    await Promise.all(quick.map((action) => this.#perform(lane, stored, decision.next, action)));
    if (lane.outcomes.length > 0) lane.dirty = true;
    const { idleLookMs = IDLE_LOOK_MS } = this.#deps;
    const look = decision.next.release || decision.next.deleting ? RELEASE_LOOK_MS : idleLookMs;
    const wakeIn = (decision.wakeAt ?? Number.POSITIVE_INFINITY) - now();
    this.#wakeIn(app, lane, Math.min(look, Math.max(1, wakeIn)));
  }

  /** @returns whether the stored state can be decided from: an old one waits until the router says what users are on */
  async #catchUp(
    lane: Lane,
    stored: Stored,
    observed: Observation,
  ): Promise<'current' | 'caught up' | 'waits'> {
    const { store, engine, now, log } = this.#deps;
    const { router, measured } = observed;
    const remembered = await engine.remembered?.(stored.object.key);
    if (!remembered) return 'current';
    if (router.kind === 'unknown' || measured.kind === 'unknown') {
      const isBehind = remembered.stateVersion > stored.state.version;
      const isStrange = remembered.pools.some(({ pool }) => stored.state.pools[pool] === undefined);
      return isBehind || isStrange ? 'waits' : 'current';
    }
    const { stateVersion = 0, serving, newestGeneration } = router.value;
    const world = {
      ...remembered,
      stateVersion: Math.max(remembered.stateVersion, stateVersion),
      deleting: stored.object.deleting,
      ...(serving ? { serving } : {}),
      ...(newestGeneration === undefined ? {} : { newestGeneration }),
      counted: Object.keys(measured.value.perPool),
    };
    const caught = catchUp(stored.state, world, now());
    if (caught) {
      const { next, event } = caught;
      await store.commit(stored.object.key, stored.state.version, { next, events: [event], actions: [] });
      log.warn({ app: stored.object.key, reason: event.reason }, event.message);
    }
    lane.caughtUp = true;
    return caught ? 'caught up' : 'current';
  }

  async #perform(lane: Lane, stored: Stored, state: AppState, action: Action): Promise<void> {
    lane.underWay.add(action.key);
    let outcome: Outcome = { key: action.key, result: 'unknown' };
    try {
      outcome = await perform(this.#deps, stored, state, action);
    } catch (error) {
      const app = stored.object.key;
      this.#deps.log.error({ app, action: action.key, err: error }, 'an action failed; decided again');
    }
    lane.underWay.delete(action.key);
    lane.outcomes.push(outcome);
  }

  /** An App of the same name may have been made meanwhile: its lane is another one. */
  #drop(app: AppKey, lane: Lane): void {
    lane.cancelLook();
    if (this.#lanes.get(app) === lane && !lane.dirty) this.#lanes.delete(app);
  }

  /** @returns what may be done now */
  async #commit(
    app: AppKey,
    stored: Stored,
    { router }: Observation,
    decision: Decision,
  ): Promise<Action[] | 'again'> {
    const { next, events, actions } = decision;
    const { store, log } = this.#deps;
    if (next === stored.state) return actions;
    try {
      await store.commit(app, stored.state.version, { next, events, actions });
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      log.warn({ app, code: error.code }, error.message);
      // Users come before records: where nothing can be written the way back to stable is still taken. The next decision
      // that can be stored starts from what the router then serves.
      // What was given is not remembered: it would be given again at once, and again, for as long as nothing is stored.
      const back =
        next.release?.phase.kind === 'aborting'
          ? actions.filter((action) => action.kind === 'route' && !isServed(router, action.table))
          : [];
      if (CANNOT_WRITE.has(error.code)) {
        await Promise.all(back.map((action) => perform(this.#deps, stored, next, action)));
      }
      return 'again';
    }
    for (const event of events)
      log.info({ app, reason: event.reason, release: event.release }, event.message);
    return actions;
  }

  #wakeIn(app: AppKey, lane: Lane, ms: Ms): void {
    lane.cancelLook();
    if (!this.#stopped) lane.cancelLook = this.#deps.timers.after(ms, () => this.poke(app));
  }

  #answer(app: AppKey, decision: Decision): void {
    if (this.#waiters.size === 0) return;
    for (const [id, result] of Object.entries(decision.next.commandsDone)) {
      const key = `${app} ${id}`;
      for (const waiter of this.#waiters.get(key) ?? []) waiter(result);
      this.#waiters.delete(key);
    }
  }
}

function forgetsRevision(before: AppState, after: AppState): boolean {
  return Object.keys(before.revisions).some((id) => !(id in after.revisions));
}

/** Every worker serves just this, given when it may be. */
function isServed(router: Known<RouterView>, table: RouteTable): boolean {
  if (router.kind === 'unknown') return false;
  const { serving, ackedGeneration, newestGeneration = 0 } = router.value;
  return (
    serving !== undefined &&
    ackedGeneration >= Math.max(newestGeneration, serving.generation) &&
    isEqual({ ...serving, generation: 0 }, { ...table, generation: 0 })
  );
}

/** Takes as long as the replicas that answer: nothing waits for it, least of all the way back from ones that hang. */
function isLong(action: Action): boolean {
  return action.kind === 'probe';
}

/**
 * Nobody knows what became of actions that a crash interrupted, or that another controller had begun: they are decided
 * again from what is seen.
 */
function unknownOutcomes({ state }: Stored, { underWay, outcomes }: Lane): Outcome[] {
  const told = new Set(outcomes.map((outcome) => outcome.key));
  return Object.keys(state.pending)
    .filter((key) => !underWay.has(key) && !told.has(key))
    .map((key) => ({ key, result: 'unknown' }));
}
