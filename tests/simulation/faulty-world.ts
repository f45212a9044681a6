/**
 * The real core against a world in which things fail: crashes between any two actions, commits that are refused,
 * routers that acknowledge late or come back with an old table, replicas that crash, flap and never start, operators
 * who press every button. Judged on what users would see and on the invariants, at every step.
 */
import assert from 'node:assert/strict';
import { decide } from '../../src/core/decide/index.ts';
import { emptyState } from '../../src/core/decide/state.ts';
import {
  type Action,
  type AppObject,
  type AppState,
  type Command,
  type Counts,
  FULL_WEIGHT,
  type Known,
  type Ms,
  type Observed,
  type Outcome,
  type PoolId,
  type Replica,
  type ReplicaId,
  type RouteTable,
} from '../../src/core/model.ts';
import type { AppSpec } from '../../src/spec/app.ts';
import type { Random } from './random.ts';
import { describe, objectOf, specOf } from './world.ts';

/** Chances per step of 50 ms. */
export interface Profile {
  name: string;
  crashOfController: number;
  commitRefused: number;
  actionFails: number;
  lateRoute: number;
  routerRestart: number;
  unseen: number;
  replicaCrash: number;
  replicaFlap: number;
  newVersion: number;
  badVersion: number;
  scale: number;
  command: number;
  edit: number;
}

export const PROFILES: Record<'calm' | 'rough' | 'hostile', Profile> = {
  calm: {
    name: 'calm',
    crashOfController: 0.001,
    commitRefused: 0,
    actionFails: 0,
    lateRoute: 0.05,
    routerRestart: 0,
    unseen: 0,
    replicaCrash: 0.0005,
    replicaFlap: 0.0005,
    newVersion: 0.01,
    badVersion: 0.1,
    scale: 0.002,
    command: 0.02,
    edit: 0.001,
  },
  rough: {
    name: 'rough',
    crashOfController: 0.02,
    commitRefused: 0.02,
    actionFails: 0.03,
    lateRoute: 0.3,
    routerRestart: 0.003,
    unseen: 0.02,
    replicaCrash: 0.005,
    replicaFlap: 0.005,
    newVersion: 0.02,
    badVersion: 0.3,
    scale: 0.01,
    command: 0.08,
    edit: 0.01,
  },
  hostile: {
    name: 'hostile',
    crashOfController: 0.1,
    commitRefused: 0.1,
    actionFails: 0.15,
    lateRoute: 0.6,
    routerRestart: 0.02,
    unseen: 0.1,
    replicaCrash: 0.03,
    replicaFlap: 0.03,
    newVersion: 0.05,
    badVersion: 0.5,
    scale: 0.04,
    command: 0.2,
    edit: 0.04,
  },
};

const STEP_MS = 50;
const VERBS: Command['verb'][] = ['promote', 'abort', 'pause', 'resume', 'undo', 'restart', 'retry'];

interface Simulated extends Replica {
  bad: 'no' | 'exits' | 'never' | 'unready' | 'errors';
  readyAt: Ms;
  /** Requests under way, by when they end. */
  busyUntil: Ms[];
}

export class FaultyWorld {
  now: Ms = 1_000_000;
  state: AppState = emptyState();
  object: AppObject;
  replicas: Simulated[] = [];
  serving: RouteTable | undefined;
  log: string[] = [];
  faults = true;
  releases = 0;
  readonly seen = { stages: new Set<string>(), verbs: new Set<string>(), ends: new Set<string>() };
  #random: Random;
  #profile: Profile;
  #epoch = 1;
  #counts: Record<PoolId, Counts> = {};
  #firstAnswerAt: Record<PoolId, Ms> = {};
  #late: { at: Ms; action: Action & { kind: 'route' } }[] = [];
  #outcomes: Outcome[] = [];
  #commands: Command[] = [];
  #versions = new Map<string, Simulated['bad']>();
  #numbers = { version: 1, command: 0, replica: 0 };
  #owed: Record<PoolId, number> = {};
  #deadlines = new Map<ReplicaId, Ms>();

  constructor(
    random: Random,
    profile: Profile,
    strategy: AppSpec['spec']['strategy'],
    more: Partial<AppSpec['spec']>,
  ) {
    this.#random = random;
    this.#profile = profile;
    this.object = objectOf(
      specOf(strategy, {
        progressDeadlineSeconds: 8,
        drainTimeoutMs: 1000,
        drainLongTimeoutMs: 1000,
        ...more,
      }),
      'v1',
      1,
    );
  }

  step(): void {
    this.now += this.#random.int(1, 2 * STEP_MS);
    if (this.faults) this.#disturb();
    this.#live();
    this.#routeLate();
    this.#serve();
    for (let turns = 0; turns < 30 && this.#turn(); turns++);
    this.#judge();
  }

  /** One observe, decide, commit, act; with everything that can go wrong in between. @returns whether to go on at once */
  #turn(): boolean {
    const observed = this.#observed();
    const decision = decide(this.state, observed, this.now);
    assert.ok(!decision.next.frozen, decision.next.frozen?.message ?? '');
    if (this.#hits('commitRefused')) return false;
    if (decision.next !== this.state) {
      assert.equal(decision.next.version, this.state.version + 1, 'one commit is one version');
    }
    this.#note(decision.next);
    this.state = JSON.parse(JSON.stringify(decision.next));
    this.#outcomes = [];
    for (const event of decision.events) this.log.push(`${this.now} ${event.reason}: ${event.message}`);
    for (const action of decision.actions) {
      if (this.#hits('crashOfController')) {
        // What was pending is unknown to the next life; what was done is done.
        this.log.push(`${this.now} -- crash before ${describe(action)}`);
        this.#outcomes = Object.keys(this.state.pending).map((key) => ({ key, result: 'unknown' }));
        return true;
      }
      this.#perform(action);
    }
    return decision.actions.length > 0;
  }

  #note(next: AppState): void {
    const before = this.state.history.length + (this.state.release ? 1 : 0);
    if (next.history.at(-1)?.id !== this.state.history.at(-1)?.id) this.releases += 1;
    if (next.release && before >= 0) {
      const { phase, stages, strategy } = next.release;
      if (phase.kind !== 'done')
        this.seen.stages.add(`${strategy}/${stages[phase.stage]?.name}/${phase.kind}`);
    }
    const ended = next.history.at(-1)?.phase;
    if (ended?.kind === 'done') this.seen.ends.add(ended.verdict);
  }

  #hits(fault: keyof Profile): boolean {
    return this.faults && this.#random.chance(this.#profile[fault] as number);
  }

  #perform(action: Action): void {
    this.log.push(`${this.now}   ${describe(action)}`);
    if (this.#hits('actionFails')) {
      this.#outcomes.push({
        key: action.key,
        result: 'failed',
        reason: { code: 'E_TEST', message: 'the world says no' },
      });
      return;
    }
    this.#do(action);
    this.#outcomes.push({ key: action.key, result: 'ok' });
    // Every action is safe to repeat.
    if (this.#random.chance(0.1) && action.kind !== 'probe') this.#do(action);
  }

  #do(action: Action): void {
    switch (action.kind) {
      case 'grow': {
        const standing = this.replicas.filter((r) => r.pool === action.pool && r.phase !== 'stopping').length;
        for (let n = standing; n < action.replicas; n++) this.#start(action.pool);
        return;
      }
      case 'drain':
        this.#deadlines.set(action.replica, action.deadline);
        return;
      case 'stop':
        this.#stop(action.replica);
        return;
      case 'route':
        if (this.#hits('lateRoute')) this.#late.push({ at: this.now + this.#random.int(1, 500), action });
        else this.#install(action.table);
        return;
      case 'unroute':
        this.serving = undefined;
        this.#late = [];
        return;
      case 'probe':
        this.#send(action.requests, 'probes');
        return;
      case 'forget':
        assert.equal(
          this.replicas.some((r) => r.pool === action.pool),
          false,
          'forgot a pool that still has replicas',
        );
    }
  }

  #start(pool: PoolId): void {
    const revision = this.state.revisions[this.state.pools[pool]?.revision ?? ''];
    const bad = this.#versions.get(revision?.run.command[0] ?? '') ?? 'no';
    const n = ++this.#numbers.replica;
    this.replicas.push({
      id: `${pool}-${n}`,
      pool,
      address: `127.0.0.1:${20_000 + n}`,
      phase: 'starting',
      ready: false,
      wasReady: false,
      startedAt: this.now,
      restarts: 0,
      bad,
      readyAt: this.now + this.#random.int(20, 400),
      busyUntil: [],
    });
  }

  /** Judged on the router, not on what the core believes of it. */
  #stop(id: ReplicaId): void {
    const replica = this.replicas.find((r) => r.id === id);
    if (!replica) return;
    const named = Object.values(this.serving?.members ?? {}).some((members) =>
      members.some((m) => m.replica === id),
    );
    assert.equal(named, false, `${id} was stopped while the router names it`);
    const busy = replica.busyUntil.filter((until) => until > this.now).length;
    const deadline = this.state.leaving[id]?.deadline ?? Number.POSITIVE_INFINITY;
    assert.ok(
      busy === 0 || this.now >= deadline,
      `${id} was stopped with ${busy} requests under way before its deadline`,
    );
    this.replicas = this.replicas.filter((r) => r !== replica);
  }

  #install(table: RouteTable): void {
    if (this.serving && table.generation < this.serving.generation) return;
    this.serving = table;
    this.#firstAnswerAt = {};
  }

  #routeLate(): void {
    for (const { action } of this.#late.filter((late) => late.at <= this.now)) this.#install(action.table);
    this.#late = this.#late.filter((late) => late.at > this.now);
  }

  #live(): void {
    for (const replica of this.replicas) {
      replica.busyUntil = replica.busyUntil.filter((until) => until > this.now);
      const crashes = (replica.bad === 'exits' && this.now >= replica.readyAt) || this.#hits('replicaCrash');
      if (crashes) {
        Object.assign(replica, { ready: false, restarts: replica.restarts + 1, busyUntil: [] });
        replica.readyAt = this.now + this.#random.int(20, 400);
        replica.lastExit = { at: this.now, code: 1, signal: null };
        delete replica.lastProbe;
      } else if (
        replica.ready &&
        (this.#hits('replicaFlap') || (replica.bad === 'unready' && this.#random.chance(0.2)))
      ) {
        replica.ready = false;
        replica.readyAt = this.now + this.#random.int(50, 500);
        replica.lastProbe = { at: this.now, ok: false, detail: 'GET /healthz answered 500' };
      } else if (!replica.ready && this.now >= replica.readyAt && replica.bad !== 'never') {
        Object.assign(replica, { ready: true, wasReady: true, readySince: this.now, phase: 'running' });
        replica.lastProbe = { at: this.now, ok: true, detail: 'GET /healthz answered 200' };
      }
    }
  }

  #serve(): void {
    this.#send(this.#random.int(0, 20), 'split');
  }

  #send(requests: number, as: 'split' | 'probes'): void {
    const table = this.serving;
    if (table?.route.admit.kind !== 'open') return;
    const { split } = table.route;
    const all =
      split.kind === 'weights'
        ? split.to
        : split.to.map((key) => ({ key, weight: 10_000 * (table.members[key]?.length ?? 0) }));
    const shares = all.filter((share) => share.weight > 0);
    const total = shares.reduce((sum, share) => sum + share.weight, 0);
    if (total === 0) return;
    for (const key of Object.keys(this.#owed))
      if (!shares.some((share) => share.key === key)) delete this.#owed[key];
    for (let n = 0; n < requests; n++) {
      for (const { key, weight } of shares) this.#owed[key] = (this.#owed[key] ?? 0) + weight;
      const to = shares.reduce((a, b) => ((this.#owed[b.key] ?? 0) > (this.#owed[a.key] ?? 0) ? b : a)).key;
      this.#owed[to] = (this.#owed[to] ?? 0) - total;
      this.#request(table, to, as);
    }
  }

  #request(table: RouteTable, pool: PoolId, as: 'split' | 'probes'): void {
    const members = table.members[pool] ?? [];
    assert.ok(members.length > 0, `the route gives requests to pool ${pool}, which has no members`);
    const { replica: id } = this.#random.pick(members);
    const replica = this.replicas.find((r) => r.id === id);
    assert.ok(replica, `a request was sent to ${id}, which Crossfade has stopped`);
    const counts = this.#counts[pool] ?? { requests: 0, ok: 0, failed: 0, split: 0, probes: 0 };
    this.#counts[pool] = counts;
    counts[as] += 1;
    const how = replica.bad === 'errors' ? 'failed' : 'ok';
    if (as === 'probes') {
      const marked = how === 'ok' ? 'probesOk' : 'probesFailed';
      counts[marked] = (counts[marked] ?? 0) + 1;
      return;
    }
    counts.requests += 1;
    counts[how] += 1;
    this.#firstAnswerAt[pool] ??= this.now;
    replica.busyUntil.push(this.now + this.#random.int(0, 150));
  }

  #disturb(): void {
    if (this.#hits('newVersion')) this.#apply();
    if (this.#hits('scale')) this.#edit({ replicas: this.#random.int(0, 5) });
    if (this.#hits('edit')) {
      this.#edit({ onNewRevision: this.#random.pick(['supersede', 'queue', 'reject'] as const) });
    }
    if (this.#hits('command')) this.#press();
    if (this.#hits('routerRestart')) this.#restartRouter();
  }

  #apply(): void {
    const version = `v${this.#random.chance(0.2) ? this.#random.int(1, this.#numbers.version) : ++this.#numbers.version}`;
    if (!this.#versions.has(version)) {
      const bad = this.#random.chance(this.#profile.badVersion);
      this.#versions.set(
        version,
        bad ? this.#random.pick(['exits', 'never', 'unready', 'errors'] as const) : 'no',
      );
    }
    if (version === 'v1') this.#versions.set('v1', 'no');
    this.log.push(`${this.now} > apply ${version} (${this.#versions.get(version)})`);
    this.object = { ...objectOf(this.object.spec, version, this.object.generation + 1) };
  }

  #edit(change: Partial<AppSpec['spec']>): void {
    const spec = { ...this.object.spec, spec: { ...this.object.spec.spec, ...change } };
    this.log.push(`${this.now} > edit ${JSON.stringify(change)}`);
    this.object = { ...this.object, spec, generation: this.object.generation + 1 };
  }

  #press(): void {
    const verb = this.#random.pick(VERBS);
    const id = `c${this.#random.chance(0.1) ? this.#numbers.command : ++this.#numbers.command}`;
    this.log.push(`${this.now} > ${verb}`);
    this.seen.verbs.add(verb);
    const full = verb === 'promote' && this.#random.chance(0.5);
    this.#commands.push({ id, verb, actor: 'tester', at: this.now, ...(full ? { full } : {}) });
  }

  /** Counters begin again; now and then it comes back with nothing. */
  #restartRouter(): void {
    this.#epoch += 1;
    this.#late = [];
    this.#counts = {};
    this.#firstAnswerAt = {};
    for (const replica of this.replicas) replica.busyUntil = [];
    if (this.#random.chance(0.3)) this.serving = undefined;
    this.log.push(`${this.now} -- router restarts ${this.serving ? 'with its last table' : 'empty'}`);
  }

  #observed(): Observed {
    const known = <T>(value: T): Known<T> =>
      this.#hits('unseen')
        ? { kind: 'unknown', since: this.now, why: 'not to be seen' }
        : { kind: 'known', value, at: this.now };
    const busy = (r: Simulated) => r.busyUntil.filter((until) => until > this.now).length;
    const epoch = `e${this.#epoch}`;
    return {
      app: { kind: 'known', value: this.object, at: this.now },
      commands: this.#commands.filter((command) => !this.state.commandsDone[command.id]),
      replicas: known(
        this.replicas.map(({ bad: _, busyUntil: __, readyAt: ___, ...replica }) => ({ ...replica })),
      ),
      router: known({
        epoch,
        workers: 1,
        ackedGeneration: this.serving?.generation ?? 0,
        ...(this.serving ? { serving: this.serving } : {}),
        inFlight: Object.fromEntries(this.replicas.map((r) => [r.id, busy(r)])),
        admission: { refused: 0, held: 0 },
        firstAnswerAt: { ...this.#firstAnswerAt },
      }),
      measured: known({ source: 'router' as const, epoch, perPool: structuredClone(this.#counts) }),
      outcomes: this.#outcomes,
    };
  }

  #judge(): void {
    const { split } = this.serving?.route ?? {};
    if (split?.kind === 'weights') {
      assert.equal(
        split.to.reduce((sum, share) => sum + share.weight, 0),
        FULL_WEIGHT,
        'weights sum to 100%',
      );
    }
    const pools = new Set(this.replicas.map((r) => r.pool));
    for (const pool of pools) assert.ok(this.state.pools[pool], `an orphan pool ${pool}`);
  }

  /** When faults stop, everything ends, at stable, with nothing left over. */
  settleDown(): void {
    this.faults = false;
    // Nothing can come to rest on a stable version that never works; an App scaled to nothing may have promoted one.
    for (const version of this.#versions.keys()) this.#versions.set(version, 'no');
    for (const replica of this.replicas) replica.bad = 'no';
    this.#commands.push({ id: 'last-resume', verb: 'resume', actor: 'tester', at: this.now });
    const limit = this.now + 120_000;
    while (this.now < limit && !this.#isQuiet()) {
      const waits = this.state.release?.gates.some((gate) => gate.kind === 'waiting');
      if (waits) this.#commands.push({ id: `p${this.now}`, verb: 'promote', actor: 'tester', at: this.now });
      this.step();
    }
    assert.ok(this.#isQuiet(), `does not come to rest: ${this.#picture()}`);
  }

  #picture(): string {
    const { state } = this;
    const { phase, gates, routedStage, pausedBy, arms } = state.release ?? {};
    const replicas = this.replicas.map((r) => `${r.id} ${r.ready ? 'ready' : r.bad}`);
    const { retiring, leaving, stable, pending, backoff, routeGeneration } = state;
    const served = this.serving && { generation: this.serving.generation, ...this.serving.route };
    const wanted = this.object.spec.spec.replicas;
    return JSON.stringify(
      {
        stable,
        arms,
        phase,
        gates,
        routedStage,
        pausedBy,
        wanted,
        replicas,
        retiring,
        leaving,
        pending,
        backoff,
        routeGeneration,
        served,
      },
      null,
      1,
    );
  }

  #isQuiet(): boolean {
    const { state } = this;
    if (state.release || state.queued || state.retiring.length > 0 || Object.keys(state.leaving).length > 0)
      return false;
    if (state.stable === undefined) return this.replicas.length === 0;
    const stable = this.replicas.filter((r) => r.pool === state.stable);
    const wanted = this.object.spec.spec.replicas;
    const warm = new Set(state.warm.map((entry) => entry.pool));
    if (stable.length !== wanted || this.replicas.some((r) => r.pool !== state.stable && !warm.has(r.pool)))
      return false;
    const { split } = this.serving?.route ?? {};
    return split?.kind === 'weights' && split.to.length === 1 && split.to[0]?.key === state.stable;
  }
}
