/** What must hold, whatever the world does: judged at every commit, every action and every request. */
import assert from 'node:assert/strict';
import { OperatingError } from '../../../src/core/errors.ts';
import {
  type Action,
  type AppState,
  type Event,
  FULL_WEIGHT,
  type GateState,
  type Ms,
  type PoolId,
  type Release,
  type ReplicaId,
  type Route,
  type RouteTable,
} from '../../../src/core/model.ts';
import type { AppSpec } from '../../../src/spec/app.ts';
import { capacityOf, neededOf } from './capacity.ts';
import { type Daemon, Unplanned } from './daemon.ts';
import { Promises } from './promises.ts';
import type { Target, Worker } from './router.ts';
import type { Failure, Fault } from './users.ts';
import type { World } from './world.ts';

/** As in the core: how long an abort waits for stable to be whole. */
const ABORT_PATIENCE_MS = 2000;

const MOST_TABLES_A_SECOND = 40;

export class Judge {
  /** The first thing that was wrong. */
  failure: Error | undefined;
  readonly promises: Promises;
  readonly verdicts = new Map<string, number>();
  readonly #world: World;
  #routed = { name: '', second: 0, times: 0 };
  readonly #answered = new Set<string>();
  #lastTable: RouteTable | undefined;
  /** The state version that the last table was given with. */
  #routedAt = 0;
  /** Of tables that were given before a store was put back: its release may be at an earlier stage than theirs. */
  #goneVersion = 0;
  /** The last table that was decided on while a recreate ran. */
  #byRecreate: number | undefined;
  #givenBefore = 0;
  #waiting: { gate: string; since: Ms; slips: Ms } | undefined;
  #users = new Map<string, { release: string; generation: number; pool: PoolId }>();

  constructor(world: World) {
    this.#world = world;
    this.promises = new Promises(world);
  }

  /** Tables that follow from one another at once, each a reason for the next. Two daemons may disagree for a while. */
  routesWithoutEnd({ name }: Daemon): boolean {
    const second = Math.floor(this.#world.clock.now / 1000);
    const isSame = this.#routed.second === second && this.#routed.name === name;
    this.#routed = { name, second, times: isSame ? this.#routed.times + 1 : 1 };
    if (this.#routed.times <= MOST_TABLES_A_SECOND) return false;
    this.failure ??= new Error('it gives one table after another and does not stop');
    return true;
  }

  /** Throwing would only reach the loop under test, which goes on. */
  check(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.failure ??= error as Error;
    }
  }

  logged(what: object, text: string): void {
    const { err } = what as { err?: unknown };
    // What a port declares is tried again.
    if (err instanceof OperatingError) return;
    if (!(err instanceof Unplanned)) this.failure ??= err instanceof Error ? err : new Error(text);
  }

  committed(daemon: Daemon, what: { next: AppState; events: Event[]; actions: Action[] }): void {
    const { next, events } = what;
    const before = this.#world.state;
    this.#world.took(next);
    for (const event of events) this.#world.note(`${daemon.name} ${event.reason}: ${event.message}`);
    this.check(() => {
      assert.ok(!next.frozen, next.frozen?.message ?? '');
      const catchesUp = events.some((event) => event.reason === 'StateBehind');
      // The first one of an App begins anywhere.
      const follows = next.version === before.version + 1 || (before.version === 0 && next.version > 0);
      assert.ok(catchesUp || follows, `version ${next.version} is committed after ${before.version}`);
      this.#commandsOnce(before, next);
      this.promises.committed(daemon, before, what);
      const meetsThem = events.some((event) => event.reason === 'UnknownReplicas');
      if (!catchesUp && !meetsThem) this.#poolNames(before, next);
      if (!catchesUp) newCandidate(before, next);
      this.#gates(before, next);
      const isGivenUp = events.some((event) => event.reason === 'StableGivenUp');
      // What it catches up with is how the world was found.
      const isOwn = next.table?.generation !== before.table?.generation && !isGivenUp && !catchesUp;
      if (next.table && isOwn) {
        this.#keepsCapacity(daemon, before, next, next.table);
        this.#leadsTesters(daemon, before, next, next.table);
      }
      // Also where it ends in the same decision: closed on its way back.
      const ran = before.release?.strategy === 'recreate';
      if (ran && next.table?.generation !== before.table?.generation)
        this.#byRecreate = next.table?.generation;
      const ended = next.history.at(-1);
      if (ended && ended.id !== before.history.at(-1)?.id) this.#ended(daemon, ended, events);
    });
  }

  /** Invariant 10. */
  #commandsOnce(before: AppState, next: AppState): void {
    for (const id of Object.keys(next.commandsDone)) {
      if (before.commandsDone[id]) continue;
      assert.ok(!this.#answered.has(id), `command ${id} was applied twice`);
      this.#answered.add(id);
    }
  }

  /** A store that was put back knows nothing of what came after it. */
  restored(state: AppState): void {
    this.#answered.clear();
    for (const id of Object.keys(state.commandsDone)) this.#answered.add(id);
    this.#waiting = undefined;
    this.#users.clear();
    this.#routedAt = 0;
    this.#byRecreate = undefined;
    this.#givenBefore = this.#world.router.newestGeneration();
    this.promises.forget();
  }

  /** @param version the last one of an App that is gone; 0 when a store that was put back begins again at 1 */
  gone(version: number): void {
    this.#goneVersion = version;
  }

  hasAnswered(id: string): boolean {
    return this.#answered.has(id);
  }

  #poolNames(before: AppState, next: AppState): void {
    for (const pool of Object.keys(next.pools)) {
      if (before.pools[pool]) continue;
      for (const { view } of this.#world.machine.replicas.values())
        assert.notEqual(view.pool, pool, `a new pool got the name of one that still runs: ${pool}`);
    }
  }

  /** Invariant 9, and: no jump of a clock shortens a pause. */
  #gates(before: AppState, next: AppState): void {
    const { release } = next;
    if (release?.phase.kind !== 'advancing') return;
    const { stage: index, fullSpeed } = release.phase;
    const stage = release.stages[index];
    const { clock, slippedMs } = this.#world;
    for (const [n, gate] of (stage?.gates ?? []).entries()) {
      const name = `${release.id}/${index}/${n}`;
      const state: GateState | undefined = release.gates[n];
      if (gate.kind === 'pause' && state?.kind === 'waiting' && this.#waiting?.gate !== name)
        this.#waiting = { gate: name, since: clock.now, slips: slippedMs };
      if (state?.kind !== 'passed' || before.release?.gates[n]?.kind === 'passed') continue;
      if (before.release?.id !== release.id) continue;
      if (gate.kind === 'pause' && state.by === undefined && !fullSpeed)
        this.#pausedLongEnough(name, gate.durationMs);
      if (gate.kind === 'approval') assert.ok(state.by, 'an approval was passed by nobody');
    }
  }

  #pausedLongEnough(name: string, durationMs: Ms | undefined): void {
    assert.ok(durationMs !== undefined, 'a pause without an end was passed by nobody');
    if (this.#waiting?.gate !== name) return;
    const { clock, slippedMs } = this.#world;
    const lasted = clock.now - this.#waiting.since + (slippedMs - this.#waiting.slips);
    assert.ok(lasted >= durationMs - 1, `a pause of ${durationMs} ms was over after ${lasted} ms`);
  }

  /** Invariant 5: what was given up has nobody any more. */
  #ended(daemon: Daemon, ended: Release, events: readonly Event[]): void {
    this.#world.releases += 1;
    if (ended.phase.kind !== 'done') return;
    const { verdict } = ended.phase;
    this.verdicts.set(verdict, (this.verdicts.get(verdict) ?? 0) + 1);
    const candidate = ended.arms.candidate;
    // Stable did not come back, or a store that was put back does not know it: what serves users stays, or the one that
    // waits takes its place.
    const wasGivenUp = events.some(({ reason }) => reason === 'StableGivenUp' || reason === 'StateBehind');
    if (verdict === 'promoted' || ended.arms.stable === undefined || wasGivenUp || !candidate) return;
    const serving = daemon.seen.view?.serving;
    if (serving?.route.admit.kind === 'open')
      assert.equal(
        weightOf(serving, candidate),
        0,
        `${ended.id} was ${verdict} while its candidate has users`,
      );
  }

  routing(daemon: Daemon, table: RouteTable, stateVersion: number): void {
    const last = this.#lastTable;
    this.#lastTable = table;
    this.#routedAt = stateVersion;
    this.check(() => {
      const { split, admit } = table.route;
      if (split.kind === 'weights') {
        const sum = split.to.reduce((total, share) => total + share.weight, 0);
        assert.equal(sum, FULL_WEIGHT, 'weights do not sum to 100%');
      }
      const spec = daemon.seen.spec ?? this.#world.spec;
      // Of an App that is gone, by a leader of before, it is collected or replaced by the next one's.
      const isOfGone = stateVersion <= this.#goneVersion;
      if (admit.kind !== 'open' && !isOfGone) this.#declared(table, last, spec);
      if (admit.kind === 'open') this.#somebody(table);
      this.promises.routing(table);
    });
  }

  /** Requests are turned away only where that was declared. */
  #declared(table: RouteTable, last: RouteTable | undefined, { replicas }: AppSpec['spec']): void {
    const { release, routeGeneration } = this.#world.state;
    // One that was decided before and comes late: the router does not take it any more, or the App goes or is gone by now.
    const { object } = this.#world;
    if (table.generation < routeGeneration || !object || object.deleting) return;
    // Closed already: it opens once there is somebody.
    if (last && last.route.admit.kind !== 'open') return;
    const isAllowed =
      replicas === 0 ||
      release?.strategy === 'recreate' ||
      this.#byRecreate === table.generation ||
      this.#world.mayBeEmpty(replicas) ||
      this.#world.wasZero;
    assert.ok(isAllowed, `table ${table.generation} turns users away, and no outage was declared`);
  }

  /** Invariant 2: whoever is given requests is there. */
  #somebody({ route: { split }, members }: RouteTable): void {
    const isThere = (pool: PoolId) => (members[pool] ?? []).length > 0;
    const answered =
      split.kind === 'weights'
        ? split.to.every((share) => share.weight === 0 || isThere(share.key))
        : split.to.some(isThere);
    assert.ok(answered, 'the route names a pool that has nobody');
  }

  /** Who asks for a version by name, or is copied to it, gets it as long as anybody of it is ready, and not before. */
  #leadsTesters({ seen }: Daemon, before: AppState, next: AppState, { route, members }: RouteTable): void {
    if (route.admit.kind !== 'open') return;
    const named = besideTheSplit(route);
    const { release } = next;
    const asked = release?.phase.kind === 'advancing' && release.stages[release.routedStage]?.route;
    // Of the stage that was asked for last, each name of which is in the table that this decision makes.
    if (asked && next.table?.generation === next.routeGeneration && next.release?.id === before.release?.id)
      for (const arm of besideTheSplit(asked))
        assert.ok(
          named.includes(release.arms[arm] ?? ''),
          `nobody can ask for ${arm} by name, or is copied to it, any more`,
        );
    for (const pool of named) {
      const isReady = seen.replicas?.some(
        (one) => one.pool === pool && one.ready && one.phase !== 'stopping' && !before.leaving[one.id],
      );
      const isLost = !isReady && before.table?.members[pool] !== undefined;
      assert.ok(
        members[pool]?.length || isLost,
        `users ask for ${pool} by name, or are copied to it, and nobody of it is there`,
      );
    }
  }

  /** Invariant 3, by what this daemon had seen when it decided. */
  #keepsCapacity(daemon: Daemon, before: AppState, next: AppState, table: RouteTable): void {
    const { replicas, spec } = daemon.seen;
    if (table.route.admit.kind !== 'open' || !replicas || !spec || spec.replicas === 0) return;
    const ready = new Set(replicas.filter((replica) => replica.ready).map((replica) => replica.id));
    if (this.#isImpatient(daemon, before, next, ready)) return;
    const is = capacityOf(table, ready);
    const isReady = (pool: PoolId, of = table) =>
      (of.members[pool] ?? []).filter((m) => ready.has(m.replica)).length;
    const was = before.table ? capacityOf(before.table, ready) : 0;
    // A release before gave some of them up, and its table could not be replaced yet: only the others stay.
    const named = Object.keys(before.table?.members ?? {});
    const stay = named.filter((pool) => !next.retiring.includes(pool));
    const left = stay.reduce((sum, pool) => sum + isReady(pool, before.table), 0);
    if (stay.length < named.length && is >= left) return;
    const missing = neededOf(table, next, spec).find(
      ({ pools, need }) => pools.reduce((sum, pool) => sum + isReady(pool), 0) < need,
    );
    if (!missing || is >= was - 1e-9) return;
    const text = `table ${table.generation} can carry ${is.toFixed(2)} replicas' users, the one before ${was.toFixed(2)}`;
    assert.fail(`${text}; ${missing.pools.join(' and ')} need ${missing.need} ready`);
  }

  /** An abort that has waited long enough, that leaves a candidate nobody can use, or that had gone back already. */
  #isImpatient(daemon: Daemon, before: AppState, next: AppState, ready: ReadonlySet<ReplicaId>): boolean {
    const release = next.release?.phase.kind === 'aborting' ? next.release : before.release;
    if (!release || (next.release?.id === release.id && release.phase.kind !== 'aborting')) return false;
    if (release.phase.kind === 'aborting' && daemon.now() >= release.phase.since + ABORT_PATIENCE_MS - 1)
      return true;
    const candidate = release.arms.candidate ?? '';
    const hasReady = daemon.seen.replicas?.some((r) => {
      return r.pool === candidate && ready.has(r.id) && r.phase !== 'stopping' && !before.leaving[r.id];
    });
    return !hasReady || (before.table !== undefined && weightOf(before.table, candidate) === 0);
  }

  unrouting(daemon: Daemon, stateVersion: number): void {
    // Decided before the last table, and late: whatever comes first, the table is what the router has in the end.
    if (stateVersion < this.#routedAt) return;
    const { state, object } = this.#world;
    this.check(() => {
      const candidate = state.release?.phase.kind === 'advancing' ? state.release.arms.candidate : undefined;
      const named = (pool: PoolId | undefined) =>
        pool !== undefined && this.#lastTable !== undefined && weightOf(this.#lastTable, pool) > 0;
      const nobody = state.stable === undefined && !named(candidate);
      const isShut = this.#lastTable !== undefined && this.#lastTable.route.admit.kind !== 'open';
      assert.ok(
        nobody || isShut || object?.deleting || state.deleting,
        `${daemon.name} took the route away from users`,
      );
    });
    this.#lastTable = undefined;
  }

  /** Invariant 4, by what this daemon has seen and by who is on the line. */
  stopping(daemon: Daemon, id: ReplicaId): void {
    const { machine, state } = this.#world;
    const replica = machine.replicas.get(id);
    if (!replica || replica.view.phase === 'stopping') return;
    const serving = daemon.seen.view?.serving;
    this.check(() => {
      const named = Object.values(serving?.members ?? {}).some((members) =>
        members.some((m) => m.replica === id),
      );
      assert.ok(!named, `${id} was stopped while the router was seen to name it`);
    });
    const deadline = state.leaving[id]?.deadline ?? Number.POSITIVE_INFINITY;
    const isOver = daemon.now() >= deadline;
    for (const request of [...replica.open]) request.cut('it was stopped', !isOver && !request.tainted);
  }

  /** Invariant 8, for users of whom the table knows. */
  sent(user: string, worker: Worker, { pool }: Target): void {
    const { release } = this.#world.state;
    const { table } = worker;
    if (!table?.route.sticky || worker.tainted || !release || release.phase.kind !== 'advancing') return;
    if (table.generation <= this.#givenBefore) return;
    const arms = Object.values(release.arms);
    const { split } = table.route;
    // A table of another release (a store that was put back) says nothing about this one.
    if (split.kind !== 'weights' || !split.to.every(({ key }) => arms.includes(key))) return;
    const before = this.#users.get(user);
    this.#users.set(user, { release: release.id, generation: table.generation, pool });
    if (!before || before.release !== release.id || table.generation < before.generation) return;
    const { candidate, stable } = release.arms;
    this.check(() => {
      assert.ok(!(before.pool === candidate && pool === stable), `sticky user ${user} went back to stable`);
    });
  }

  excuse(worker: Worker): Fault {
    const { table } = worker;
    if (worker.tainted) return 'world';
    // A deleted App promises nobody anything; what a leader of before brings back is collected, or replaced by the next one's.
    const isOfBefore = worker.stateVersion > 0 && worker.stateVersion <= this.#goneVersion;
    if (!this.#world.object || isOfBefore) return 'declared';
    // Judged when it was taken away, or asked for.
    if (table?.route.admit.kind !== 'open') return 'declared';
    return 'crossfade';
  }

  failed(failure: Failure): void {
    if (failure.fault !== 'crossfade') return;
    this.#world.note(`request of ${failure.user} failed: ${failure.why}`);
    this.failure ??= new Error(`a request failed through Crossfade: ${failure.user}: ${failure.why}`);
  }
}

/** What a release starts is called like nothing that is there, also in the decision that meets replicas nobody knew. */
function newCandidate(before: AppState, { release }: AppState): void {
  const candidate = release?.id === before.release?.id ? undefined : release?.arms.candidate;
  if (candidate === undefined || !before.pools[candidate]) return;
  // Stable until this decision, it may have become warm in it.
  const isWarm = before.stable === candidate || before.warm.some(({ pool }) => pool === candidate);
  assert.ok(isWarm, `${release?.id} starts with a pool that was there: ${candidate}`);
}

/** Who is reached whatever the split says. */
function besideTheSplit<Key extends string>({ matches, mirror, preview }: Route<Key>): Key[] {
  return [...matches.map(({ to }) => to), ...(mirror ? [mirror.to] : []), ...(preview ? [preview] : [])];
}

function weightOf({ route }: RouteTable, pool: PoolId): number {
  const { split } = route;
  if (split.kind === 'perReadyReplica') return split.to.includes(pool) ? 1 : 0;
  return split.to.find((share) => share.key === pool)?.weight ?? 0;
}
