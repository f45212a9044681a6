import { decide } from '../core/decide/index.ts';
import { OperatingError } from '../core/errors.ts';
import type { Action, AppKey, CommandId, CommandResult, Decision, Ms, Outcome } from '../core/model.ts';
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
  log: {
    info(what: object, text: string): void;
    warn(what: object, text: string): void;
    error(what: object, text: string): void;
  };
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

/** One App's place in the loop. At most one decision per App is under way. */
interface Lane {
  running: boolean;
  dirty: boolean;
  timer: NodeJS.Timeout | undefined;
  /** What came of the actions since the last decision. */
  outcomes: Outcome[];
  /** Actions of an earlier life of this process have been declared unknown. */
  recovered: boolean;
  idle: Promise<void>;
}

type Waiter = (result: CommandResult) => void;

/** The only loop: observe, decide, commit, act. */
export function createController(deps: ControllerDeps): Controller {
  const lanes = new Map<AppKey, Lane>();
  const waiters = new Map<string, Set<Waiter>>();
  const unsubscribe: (() => void)[] = [];
  let stopped = false;

  function poke(app: AppKey): void {
    if (stopped) return;
    const lane = laneOf(app);
    lane.dirty = true;
    if (!lane.running) lane.idle = run(app, lane);
  }

  function laneOf(app: AppKey): Lane {
    const known = lanes.get(app);
    if (known) return known;
    const lane: Lane = {
      running: false,
      dirty: false,
      timer: undefined,
      outcomes: [],
      recovered: false,
      idle: Promise.resolve(),
    };
    lanes.set(app, lane);
    return lane;
  }

  async function run(app: AppKey, lane: Lane): Promise<void> {
    lane.running = true;
    clearTimeout(lane.timer);
    try {
      while (lane.dirty && !stopped) {
        lane.dirty = false;
        await tick(app, lane);
      }
    } catch (error) {
      deps.log.error({ app, err: error }, 'deciding failed; tried again');
      wakeIn(app, lane, AFTER_ERROR_MS);
    } finally {
      lane.running = false;
    }
  }

  async function tick(app: AppKey, lane: Lane): Promise<void> {
    const stored = await deps.store.load(app);
    if (!stored) {
      lanes.delete(app);
      return;
    }
    const outcomes = lane.recovered ? lane.outcomes : unknownOutcomes(stored);
    const observed = await observe(deps, stored, outcomes, deps.now());
    const decision = decide(stored.state, observed, deps.now());
    const actions = await commit(app, stored, decision);
    if (actions === 'again') {
      wakeIn(app, lane, AFTER_ERROR_MS / 10);
      return;
    }
    lane.recovered = true;
    lane.outcomes = [];
    answer(app, decision);
    if (decision.gone) {
      await deps.store.removeApp(app);
      lanes.delete(app);
      return;
    }
    lane.outcomes = await Promise.all(actions.map((action) => perform(deps, stored, decision.next, action)));
    if (lane.outcomes.length > 0) lane.dirty = true;
    const look = decision.next.release || decision.next.deleting ? RELEASE_LOOK_MS : IDLE_LOOK_MS;
    wakeIn(
      app,
      lane,
      Math.min(look, Math.max(1, (decision.wakeAt ?? Number.POSITIVE_INFINITY) - deps.now())),
    );
  }

  /** @returns what may be done now */
  async function commit(app: AppKey, stored: Stored, decision: Decision): Promise<Action[] | 'again'> {
    const { next, events, actions } = decision;
    if (next === stored.state) return actions;
    try {
      await deps.store.commit(app, stored.state.version, { next, events, actions });
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      deps.log.warn({ app, code: error.code }, error.message);
      // Users come before records: with a full disk the way back to stable is still taken. The next decision that can
      // be stored starts from what the router then serves.
      const back =
        next.release?.phase.kind === 'aborting' ? actions.filter((action) => action.kind === 'route') : [];
      if (error.code === 'E_DISK_FULL')
        await Promise.all(back.map((action) => perform(deps, stored, next, action)));
      return 'again';
    }
    for (const event of events)
      deps.log.info({ app, reason: event.reason, release: event.release }, event.message);
    return actions;
  }

  function wakeIn(app: AppKey, lane: Lane, ms: Ms): void {
    clearTimeout(lane.timer);
    if (!stopped) lane.timer = setTimeout(() => poke(app), ms);
  }

  function answer(app: AppKey, decision: Decision): void {
    for (const [id, result] of Object.entries(decision.next.commandsDone)) {
      const key = `${app} ${id}`;
      for (const waiter of waiters.get(key) ?? []) waiter(result);
      waiters.delete(key);
    }
  }

  return {
    poke,
    async start() {
      unsubscribe.push(deps.store.onChange((app, what) => what !== 'state' && poke(app)));
      unsubscribe.push(deps.engine.onChange(poke));
      unsubscribe.push(deps.router.onChange(poke));
      for (const app of await deps.store.apps()) poke(app);
    },
    observe: (stored) => observe(deps, stored, [], deps.now()),
    async waitForCommand(app, id, timeoutMs) {
      const { promise, resolve } = Promise.withResolvers<CommandResult | undefined>();
      const key = `${app} ${id}`;
      const set = waiters.get(key) ?? new Set<Waiter>();
      waiters.set(key, set.add(resolve));
      const timer = setTimeout(() => resolve(undefined), timeoutMs);
      const done = (await deps.store.load(app))?.state.commandsDone[id];
      if (done) resolve(done);
      poke(app);
      return promise.finally(() => {
        clearTimeout(timer);
        set.delete(resolve);
      });
    },
    async stop() {
      stopped = true;
      for (const off of unsubscribe) off();
      for (const lane of lanes.values()) clearTimeout(lane.timer);
      await Promise.all([...lanes.values()].map((lane) => lane.idle));
    },
  };
}

/** Nobody knows what became of actions that a crash interrupted: they are decided again from what is seen. */
function unknownOutcomes(stored: Stored): Outcome[] {
  return Object.keys(stored.state.pending).map((key) => ({ key, result: 'unknown' }));
}
