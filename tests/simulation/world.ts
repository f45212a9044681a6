/**
 * A seedless, faultless world in memory for the pure core: replicas that get ready, a router that acknowledges, a
 * clock that is moved by hand. Time and everything else is an argument; nothing here touches the machine.
 */
import { decide } from '../../src/core/decide/index.ts';
import { emptyState } from '../../src/core/decide/state.ts';
import type {
  Action,
  AppObject,
  AppState,
  Command,
  Counts,
  Event,
  Known,
  Ms,
  Observed,
  Outcome,
  PoolId,
  Reason,
  Replica,
  ReplicaId,
  RouteTable,
} from '../../src/core/model.ts';
import { revisionIdOf } from '../../src/core/revision.ts';
import type { AppSpec } from '../../src/spec/app.ts';

/** How replicas of a revision (by the word in their command) behave. */
export interface Behaviour {
  readyAfterMs: Ms;
  /** Exits this long after its start, again and again. */
  exitsAfterMs?: Ms;
  /** Loses readiness this long after it was ready. */
  unreadyAfterMs?: Ms;
  /** none: it takes requests and never answers. */
  answers: 'ok' | 'failed' | 'none';
}

const MOST_REPLICAS = 1000;

const WELL: Behaviour = { readyAfterMs: 100, answers: 'ok' };

export function specOf(strategy: AppSpec['spec']['strategy'], more: Partial<AppSpec['spec']> = {}): AppSpec {
  return {
    apiVersion: 'crossfade.dev/v1',
    kind: 'App',
    metadata: { name: 'shop', namespace: 'default', labels: {}, annotations: {} },
    spec: {
      replicas: 3,
      run: { command: ['v1'], env: {}, envFiles: [], configFiles: {} },
      port: 8080,
      health: { minReadySeconds: 0 },
      route: { listen: { host: '127.0.0.1', port: 8000 }, revisionHeader: true, upstreamTimeoutMs: 60_000 },
      strategy,
      verify: { onNoTraffic: 'probe' },
      onNewRevision: 'supersede',
      progressDeadlineSeconds: 60,
      terminationGracePeriodSeconds: 30,
      drainTimeoutMs: 10_000,
      drainLongTimeoutMs: 10_000,
      revisionHistoryLimit: 10,
      ...more,
    },
  };
}

export function objectOf(spec: AppSpec, version: string, generation: number): AppObject {
  const run = {
    artifact: { kind: 'none' as const },
    command: [version],
    env: {},
    secretEnv: {},
    configFiles: {},
    hasPort: true,
    health: spec.spec.health,
  };
  return {
    key: 'default/shop',
    generation,
    spec,
    revision: {
      id: revisionIdOf(run),
      hashVersion: 1,
      number: 0,
      run,
      provenance: { createdAt: 0, actor: 'tester', source: '.' },
    },
    actor: 'tester',
    deleting: false,
  };
}

export class World {
  now: Ms = 1_000_000;
  state: AppState = emptyState();
  object: AppObject;
  readonly behaviours = new Map<string, Behaviour>();
  replicas: Replica[] = [];
  table: RouteTable | undefined;
  counts: Record<PoolId, Counts> = {};
  /** What users saw. Waiting: held by the router, not answered yet. */
  readonly users = { answered: 0, failed: 0, refused: 0, waiting: 0 };
  inFlight: Record<ReplicaId, number> = {};
  /** The route is chosen once for each connection: `inFlight` are those that are open. */
  perConnection = false;
  /** Requests per second that users send while the route is open. */
  rps = 200;
  /** What the router really does with a table it is given; for planted faults. */
  bend: (table: RouteTable) => RouteTable = (table) => table;
  /** slow: tables are taken and not acknowledged yet. lost: it cannot be seen, and no table reaches it. */
  router: 'answers' | 'slow' | 'lost' = 'answers';
  /** What a router that is not followed says. */
  routeTrouble: Reason | undefined;
  events: Event[] = [];
  log: string[] = [];
  commands: Command[] = [];
  gone = false;
  #outcomes: Outcome[] = [];
  #started = new Map<PoolId, number>();
  #firstAnswerAt: Record<PoolId, Ms> = {};
  #owed: Record<PoolId, number> = {};
  #epoch = 1;
  readonly #unacknowledged: Extract<Action, { kind: 'route' }>[] = [];
  #turn: Record<PoolId, number> = {};
  #commandNumber = 0;

  constructor(spec: AppSpec) {
    this.object = objectOf(spec, 'v1', 1);
  }

  apply(version: string, spec: AppSpec = this.object.spec): void {
    this.object = objectOf(spec, version, this.object.generation + 1);
  }

  command(verb: Command['verb'], more: Partial<Command> = {}): string {
    const id = `c${++this.#commandNumber}`;
    this.commands.push({ id, verb, actor: 'tester', at: this.now, ...more });
    return id;
  }

  /** Decides until nothing more is to be done, then lets time pass, for this long in all. */
  run(ms: Ms): this {
    const end = this.now + ms;
    for (;;) {
      this.settle();
      if (this.now >= end) return this;
      const stepMs = Math.min(20, end - this.now);
      this.now += stepMs;
      this.#live();
      this.#serve(stepMs);
    }
  }

  runUntil(condition: (world: World) => boolean, limitMs: Ms = 120_000): this {
    const end = this.now + limitMs;
    while (!condition(this)) {
      if (this.now >= end) throw new Error(`not reached within ${limitMs} ms\n${this.log.join('\n')}`);
      this.run(20);
    }
    return this;
  }

  settle(): void {
    if (this.router !== 'slow') {
      for (const action of this.#unacknowledged.splice(0)) {
        this.table = this.bend(action.table);
        this.#outcomes.push({ key: action.key, result: 'ok' });
      }
    }
    for (let turns = 0; turns < 100; turns++) {
      const decision = decide(this.state, this.observed(), this.now);
      this.#outcomes = [];
      this.state = decision.next;
      // As a store does: what a committed state has carried out is brought no more, also when the state forgets it.
      this.commands = this.commands.filter(({ id }) => !Object.hasOwn(this.state.commandsDone, id));
      for (const event of decision.events) {
        this.events.push(event);
        this.log.push(`${this.now - 1_000_000} ${event.reason}: ${event.message}`);
      }
      if (decision.gone) this.gone = true;
      if (decision.actions.length === 0) return;
      for (const action of decision.actions) this.#perform(action);
    }
    throw new Error(`does not settle\n${this.log.join('\n')}`);
  }

  observed(): Observed {
    const at = this.now;
    const serving = this.table;
    return {
      app: { kind: 'known', value: this.object, at },
      commands: this.commands,
      replicas: { kind: 'known', value: this.replicas.map((replica) => ({ ...replica })), at },
      router: this.#seen({
        epoch: `e${this.#epoch}`,
        workers: 1,
        ackedGeneration: serving?.generation ?? 0,
        ...(serving ? { serving } : {}),
        inFlight: { ...this.inFlight },
        ...(this.perConnection ? { perConnection: true as const } : {}),
        admission: { refused: 0, held: 0 },
        firstAnswerAt: { ...this.#firstAnswerAt },
        ...(this.routeTrouble ? { trouble: this.routeTrouble } : {}),
      }),
      measured: this.#seen({
        source: 'router',
        epoch: `e${this.#epoch}`,
        perPool: structuredClone(this.counts),
      }),
      outcomes: this.#outcomes,
    };
  }

  #seen<T>(value: T): Known<T> {
    return this.router === 'lost'
      ? { kind: 'unknown', since: this.now, why: 'the router does not answer' }
      : { kind: 'known', at: this.now, value };
  }

  /** Another life of the router: counters begin again; it may come back with nothing. */
  restartRouter(keepsTable: boolean): void {
    this.#epoch += 1;
    this.counts = {};
    this.#firstAnswerAt = {};
    if (!keepsTable) this.table = undefined;
  }

  #perform(action: Action): void {
    this.log.push(`${this.now - 1_000_000}   ${describe(action)}`);
    if (action.kind === 'route' && this.router === 'slow') {
      this.#unacknowledged.push(action);
      return;
    }
    this.#outcomes.push({ key: action.key, result: 'ok' });
    switch (action.kind) {
      case 'grow': {
        // A decision that never has enough would go on until the memory is full, and never end.
        if (action.replicas > MOST_REPLICAS)
          throw new Error(`${action.pool} would have ${action.replicas} replicas`);
        const standing = this.replicas.filter((r) => r.pool === action.pool && r.phase !== 'stopping').length;
        for (let n = standing; n < action.replicas; n++) this.#start(action.pool);
        return;
      }
      case 'stop':
        this.replicas = this.replicas.filter((r) => r.id !== action.replica);
        return;
      case 'route':
        this.table = this.bend(action.table);
        this.#firstAnswerAt = {};
        return;
      case 'unroute':
        this.table = undefined;
        return;
      case 'probe':
        this.send(action.requests, 'probes');
        return;
      default:
        return;
    }
  }

  #start(pool: PoolId): void {
    const n = (this.#started.get(pool) ?? 0) + 1;
    this.#started.set(pool, n);
    this.replicas.push({
      id: `${pool}-${n}`,
      pool,
      address: `127.0.0.1:${20_000 + this.replicas.length + n}`,
      phase: 'starting',
      ready: false,
      wasReady: false,
      startedAt: this.now,
      restarts: 0,
    });
  }

  #behaviour(replica: Replica): Behaviour {
    const revision = this.state.pools[replica.pool]?.revision ?? '';
    return this.behaviours.get(this.state.revisions[revision]?.run.command[0] ?? '') ?? WELL;
  }

  #live(): void {
    for (const replica of this.replicas) {
      const how = this.#behaviour(replica);
      const age = this.now - replica.startedAt;
      if (how.exitsAfterMs !== undefined && age >= how.exitsAfterMs) {
        replica.restarts += 1;
        if (replica.wasReady) replica.crashes = (replica.crashes ?? 0) + 1;
        replica.ready = false;
        replica.startedAt = this.now;
        replica.lastExit = { at: this.now, code: 1, signal: null };
        this.#tell(`exits ${replica.id}`);
      } else if (
        !replica.ready &&
        age >= how.readyAfterMs &&
        (how.unreadyAfterMs === undefined || !replica.wasReady)
      ) {
        Object.assign(replica, { ready: true, wasReady: true, readySince: this.now, phase: 'running' });
        this.#tell(`ready ${replica.id}`);
      } else if (
        replica.ready &&
        how.unreadyAfterMs !== undefined &&
        this.now - (replica.readySince ?? 0) >= how.unreadyAfterMs
      ) {
        replica.ready = false;
        replica.lastProbe = { at: this.now, ok: false, detail: 'GET /healthz answered 500' };
        this.#tell(`not ready ${replica.id}`);
      }
    }
  }

  #tell(what: string): void {
    this.log.push(`${this.now - 1_000_000} . ${what}`);
  }

  #serve(ms: Ms): void {
    this.send(Math.round((this.rps * ms) / 1000), 'split');
  }

  send(requests: number, as: 'split' | 'probes'): void {
    const table = this.table;
    const admit = table?.route.admit.kind ?? 'refuse';
    if (!table || admit !== 'open') {
      if (as === 'split') this.users[admit === 'hold' ? 'waiting' : 'refused'] += requests;
      return;
    }
    const { split } = table.route;
    const shares =
      split.kind === 'weights'
        ? split.to
        : split.to.map((key) => ({ key, weight: 10_000 * (table.members[key]?.length ?? 0) }));
    const total = shares.reduce((sum, share) => sum + share.weight, 0);
    // What waited in the router goes to the first table that is open.
    const released = as === 'split' ? this.users.waiting : 0;
    this.users.waiting -= released;
    for (let n = 0; n < requests + released; n++) {
      for (const { key, weight } of shares) this.#owed[key] = (this.#owed[key] ?? 0) + weight;
      const to = shares.reduce((a, b) => ((this.#owed[b.key] ?? 0) > (this.#owed[a.key] ?? 0) ? b : a)).key;
      this.#owed[to] = (this.#owed[to] ?? 0) - total;
      this.#request(table, to, as);
    }
  }

  #request(table: RouteTable, pool: PoolId, as: 'split' | 'probes'): void {
    const members = table.members[pool] ?? [];
    const turn = (this.#turn[pool] ?? -1) + 1;
    this.#turn[pool] = turn;
    const id = members[turn % Math.max(1, members.length)]?.replica;
    const replica = this.replicas.find((r) => r.id === id);
    const counts = this.counts[pool] ?? { requests: 0, ok: 0, failed: 0, split: 0, probes: 0 };
    this.counts[pool] = counts;
    counts[as] += 1;
    if (as === 'split') counts.requests += 1;
    const how = replica?.ready ? this.#behaviour(replica).answers : 'failed';
    if (how === 'none') return;
    if (as === 'probes') {
      const marked = how === 'ok' ? 'probesOk' : 'probesFailed';
      counts[marked] = (counts[marked] ?? 0) + 1;
      return;
    }
    counts[how] += 1;
    this.users[how === 'ok' ? 'answered' : 'failed'] += 1;
    if (replica?.ready) this.#firstAnswerAt[pool] ??= this.now;
  }
}

export function describe(action: Action): string {
  switch (action.kind) {
    case 'grow':
      return `grow ${action.pool} to ${action.replicas}`;
    case 'route': {
      const { split, admit, preview, matches, mirror, sticky } = action.table.route;
      const pool = (key: PoolId) => `${action.table.members[key]?.length ?? 0}x${key}`;
      const to =
        split.kind === 'weights'
          ? split.to.map(({ key, weight }) => `${weight / 100}% to ${pool(key)}`).join(', ')
          : `per replica ${split.to.map(pool).join(', ')}`;
      const rest = [
        ...(sticky ? ['sticky'] : []),
        ...matches.map((match) => `matches to ${pool(match.to)}`),
        ...(mirror ? [`copies of ${mirror.share / 100}% to ${pool(mirror.to)}`] : []),
        ...(preview ? [`preview to ${pool(preview)}`] : []),
        ...(admit.kind === 'open' ? [] : [admit.kind]),
      ];
      return [`route g${action.table.generation}: ${to}`, ...rest].join(', ');
    }
    case 'drain':
    case 'stop':
      return `${action.kind} ${action.replica}`;
    case 'probe':
      return `probe ${action.requests}`;
    case 'forget':
      return `forget ${action.pool}`;
    case 'unroute':
      return 'unroute';
  }
}
