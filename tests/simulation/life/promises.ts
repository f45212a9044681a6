/**
 * What operators were promised, judged at every commit: worked out from what happened in the world, and not as the core
 * works it out.
 */
import assert from 'node:assert/strict';
import {
  type Action,
  type AppState,
  type Event,
  FULL_WEIGHT,
  type Gate,
  type GateState,
  type Ms,
  type PoolId,
  type Release,
  type RouteTable,
  type Stage,
} from '../../../src/core/model.ts';
import type { Answered } from '../../../src/ports/router.ts';
import type { Daemon } from './daemon.ts';
import type { World } from './world.ts';

/** Each worker's round robin may be off by one. */
const SLACK_PER_WORKER = 1;
/** Hashed users: more than this off is no chance. */
const STICKY_SLACK = 0.5;
/** A disk that was full a moment ago: what was done for users without a record may still be under way. */
const DISK_MS = 2000;
const PROGRESS_MS = 8000;

interface Commit {
  daemon: Daemon;
  before: AppState;
  next: AppState;
  events: readonly Event[];
  actions: readonly Action[];
  /** Commands that this commit answers. */
  answered: string[];
}

export class Promises {
  readonly #world: World;
  /** Generations of tables that were committed before they were given to the router. */
  readonly #tables = new Set<number>();
  /** Scaled to nothing at some time while they ran: there was nobody to measure. */
  readonly #zero = new Set<string>();
  /** Revisions of which the operator was told that they do not come. */
  readonly #told = new Set<string>();
  #back: string | undefined;
  #restedAt = Number.POSITIVE_INFINITY;
  #wasRestored = false;

  constructor(world: World) {
    this.#world = world;
  }

  committed(
    daemon: Daemon,
    before: AppState,
    what: { next: AppState; events: Event[]; actions: Action[] },
  ): void {
    const answered = Object.keys(what.next.commandsDone).filter((id) => !before.commandsDone[id]);
    const commit: Commit = { daemon, before, ...what, answered };
    this.#remember(commit);
    // A store that was put back catches up with what runs: nothing before it is to be compared with.
    if (what.events.some(({ reason }) => reason === 'StateBehind')) return;
    commandsOnce(commit);
    leavesWhatIsPaused(commit);
    startsNothingHeld(commit);
    supersedesWhereAsked(commit);
    usesNothingRetiring(commit);
    drainsLongEnough(commit);
    growsNoMoreThanAllowed(commit);
    startsAfterTheOldOnes(commit);
    this.#staysBack(commit);
    this.#passes(commit);
    const ended = what.next.history.at(-1);
    if (ended && ended.id !== before.history.at(-1)?.id) this.#ended(commit, ended);
  }

  #remember({ next, actions, events, daemon }: Commit): void {
    for (const action of actions) if (action.kind === 'route') this.#tables.add(action.table.generation);
    if (next.release && daemon.seen.spec?.replicas === 0) this.#zero.add(next.release.id);
    for (const { reason, message } of events) {
      for (const [, number] of message.matchAll(GIVEN_UP)) {
        const revision = Object.values(next.revisions).find((one) => String(one.number) === number);
        if (revision) this.#told.add(revision.id);
      }
      if (reason === 'ReleaseStarted' && next.release) this.#told.delete(next.release.revision);
    }
  }

  /** No action before it is recorded; only a full disk lets users go first. */
  routing({ generation }: RouteTable): void {
    const { clock, diskFullUntil } = this.#world;
    const wasFull = clock.now < diskFullUntil + DISK_MS;
    assert.ok(this.#tables.has(generation) || wasFull, `table ${generation} was routed, and never committed`);
  }

  /** The App is gone; one of the same name begins anew. */
  forget(): void {
    this.#back = undefined;
    this.#zero.clear();
    this.#told.clear();
  }

  restored(): void {
    this.#wasRestored = true;
  }

  faultsStop(): void {
    this.#restedAt = this.#world.clock.now;
  }

  /** What was applied last is there, or somebody was told why not; and what was started was tidied up. */
  atRest(): void {
    const { state, object, machine } = this.#world;
    if (!object || this.#wasRestored) return;
    const wanted = object.revision.id;
    const stable = state.pools[state.stable ?? '']?.revision;
    const isHeld = state.held.some((held) => held.revision === wanted);
    assert.ok(
      stable === wanted || isHeld || this.#told.has(wanted),
      `${wanted} was applied, is not there, and nobody was told why`,
    );
    for (const pool of machine.known())
      assert.ok(state.pools[pool], `pool ${pool} was started, and never forgotten`);
  }

  /** An abort by one route change, once it has gone back to stable, stays there. */
  #staysBack({ next: { release, table } }: Commit): void {
    if (release?.phase.kind !== 'aborting' || !table) return;
    if (release.stages[release.phase.stage]?.onAbort !== 'reroute') return;
    const { candidate } = release.arms;
    const hasCandidate = candidate !== undefined && weightIn(table, candidate) > 0;
    assert.ok(!hasCandidate || this.#back !== release.id, `${release.id} went back, and forward again`);
    if (!hasCandidate) this.#back = release.id;
  }

  /** 9. Every gate that was passed in this commit, also of stages that were left in it. */
  #passes(commit: Commit): void {
    const { before, next } = commit;
    const { release } = before;
    if (release?.phase.kind !== 'advancing') return;
    const reached = reachedIn(release, next);
    if (reached === undefined) return;
    for (const [n, stage] of release.stages.slice(release.phase.stage, reached + 1).entries()) {
      const index = release.phase.stage + n;
      for (const [g, gate] of stage.gates.entries()) {
        const was = index === release.phase.stage ? release.gates[g] : undefined;
        const is = index === reached ? next.release?.gates[g] : undefined;
        const isPassed = index < reached || is?.kind === 'passed';
        if (isPassed && was?.kind !== 'passed') this.#passed(commit, release, stage, gate, { was, is });
      }
    }
  }

  #passed(
    commit: Commit,
    release: Release,
    stage: Stage,
    gate: Gate,
    { was, is }: { was: GateState | undefined; is: GateState | undefined },
  ): void {
    const { before, next, answered, daemon } = commit;
    const isPromoted = answered.some((id) => {
      const { verb, result } = next.commandsDone[id] ?? {};
      return verb === 'promote' && result?.kind === 'done' && !this.#world.commandOf(id)?.full;
    });
    const isHurried =
      isPromoted ||
      answered.some((id) => this.#world.commandOf(id)?.full) ||
      (release.phase.kind === 'advancing' && release.phase.fullSpeed);
    switch (gate.kind) {
      case 'ready':
        return;
      case 'approval':
        assert.ok(isPromoted, `the approval of "${stage.name}" was given by nobody`);
        assert.ok(is?.kind !== 'passed' || is.by !== 'promote --full', 'promote --full gave an approval');
        return;
      case 'pause':
        if (isHurried) return;
        assert.ok(gate.durationMs !== undefined, `the pause of "${stage.name}" was passed by nobody`);
        assert.equal(was?.kind, 'waiting', `the pause of "${stage.name}" was over before it began`);
        return;
      case 'verify':
        if (daemon.seen.spec?.replicas === 0) return;
        this.#measured(daemon, before, stage, gate, was);
    }
  }

  /** By what the router has counted. */
  #measured(
    { seen }: Daemon,
    { table }: AppState,
    { name }: Stage,
    gate: Extract<Gate, { kind: 'verify' }>,
    was: GateState | undefined,
  ): void {
    assert.equal(was?.kind, 'measuring', `the split of "${name}" was verified, and not measured`);
    assert.ok(
      seen.answered && seen.view && table,
      `the split of "${name}" was verified, and the router not seen`,
    );
    if (was?.kind !== 'measuring') return;
    assert.equal(
      was.epoch,
      seen.view.epoch,
      `the split of "${name}" was measured over a reset of the counters`,
    );
    const isSticky = table.route.sticky !== undefined;
    const counts = new Map<PoolId, number>();
    for (const entry of seen.answered) add(counts, poolOf(entry), countOf(entry.counts, isSticky));
    // An App that was deleted and put back is counted from nothing again.
    for (const [pool, base] of Object.entries(was.base))
      if (countOf(base, isSticky) <= (counts.get(pool) ?? 0)) add(counts, pool, -countOf(base, isSticky));
    const total = [...counts.values()].reduce((sum, n) => sum + n, 0);
    assert.ok(total >= gate.minRequests, `the split of "${name}" was verified over ${total} requests`);
    if (table.route.split.kind !== 'weights') return;
    const slack = isSticky ? STICKY_SLACK * total : SLACK_PER_WORKER * seen.view.workers + 1;
    for (const { key, weight } of table.route.split.to) {
      const [asked, got] = [(weight * total) / FULL_WEIGHT, counts.get(key) ?? 0];
      assert.ok(
        Math.abs(asked - got) <= slack,
        `${got} of ${total} requests verified as ${weight / 100}% in "${name}"`,
      );
    }
  }

  #ended(commit: Commit, ended: Release): void {
    const { machine, faults, clock, router } = this.#world;
    if (ended.phase.kind !== 'done' || ended.arms.stable === undefined) return;
    const { verdict, why } = ended.phase;
    const candidate = ended.arms.candidate ?? '';
    const isEmpty = this.#zero.has(ended.id) || commit.daemon.seen.spec?.replicas === 0;
    if (verdict === 'promoted' && !isEmpty)
      assert.ok(
        router.answeredWell.has(candidate),
        `${ended.id} was promoted, and has answered nothing well`,
      );
    const behaviour = commit.next.revisions[ended.revision]?.run.command[1];
    const isCalm = !faults.active && clock.now > this.#restedAt + PROGRESS_MS + 1000;
    if (why?.code !== 'E_PROGRESS_DEADLINE' || !isCalm || behaviour !== 'well') return;
    const arms = new Set(Object.values(ended.arms));
    const views = [...machine.replicas.values()].filter(({ view }) => arms.has(view.pool));
    assert.ok(
      !views.every(({ view }) => view.ready),
      `${ended.id} did not get on, and nothing was in its way`,
    );
  }
}

/** 10. One answer for each command. */
function commandsOnce({ events, answered }: Commit): void {
  const told = events.filter(({ reason }) => reason === 'Command' || reason === 'CommandRefused').length;
  assert.equal(told, answered.length, `${answered.length} commands were new, and ${told} were carried out`);
}

/** A pause holds the stage, and a roll where it stands. */
function leavesWhatIsPaused({ before, next, answered }: Commit): void {
  const { release } = before;
  if (release?.pausedBy === undefined || release.phase.kind !== 'advancing' || answered.length > 0) return;
  const reached = reachedIn(release, next);
  if (reached === undefined) return;
  assert.equal(reached, release.phase.stage, `${release.id} is paused, and went on`);
  if (release.stages[reached]?.via.kind !== 'roll') return;
  const { stable } = release.arms;
  const fresh = Object.entries(next.leaving).filter(([id]) => !before.leaving[id]);
  const old = fresh.find(([, { pool }]) => pool === stable);
  assert.ok(!old, `${release.id} is paused, and ${old?.[0]} leaves`);
}

/** What failed or was undone is started by a person only. */
function startsNothingHeld({ before, next: { release, revisions } }: Commit): void {
  if (!release || release.id === before.release?.id || release.cause !== 'apply') return;
  const held = before.held.find((entry) => entry.revision === release.revision);
  const stable = before.pools[before.stable ?? '']?.revision;
  const isAllowed = !held || release.revision === stable;
  assert.ok(isAllowed, `revision ${revisions[release.revision]?.number} is held, and was started by itself`);
}

function supersedesWhereAsked({ daemon, before, next: { release } }: Commit): void {
  if (release?.phase.kind !== 'aborting' || before.release?.phase.kind === 'aborting') return;
  if (release.phase.supersededBy === undefined) return;
  const { onNewRevision } = daemon.seen.spec ?? {};
  assert.equal(
    onNewRevision,
    'supersede',
    `${release.id} was superseded, with onNewRevision: ${onNewRevision}`,
  );
}

function usesNothingRetiring({ next: { release, stable, warm, retiring } }: Commit): void {
  const used = [stable, release?.arms.stable, release?.arms.candidate, ...warm.map(({ pool }) => pool)];
  for (const pool of retiring) assert.ok(!used.includes(pool), `${pool} is used, and on its way out`);
}

function drainsLongEnough({ daemon, before, next }: Commit): void {
  const { spec, since } = daemon.seen;
  if (!spec || since === undefined) return;
  for (const [id, { deadline }] of Object.entries(next.leaving)) {
    if (deadline === undefined || before.leaving[id]?.deadline !== undefined) continue;
    const given: Ms = deadline - since;
    assert.ok(given >= spec.drainTimeoutMs, `${id} got ${given} ms to drain, of ${spec.drainTimeoutMs}`);
  }
}

/** maxSurge. */
function growsNoMoreThanAllowed({ daemon, next, actions }: Commit): void {
  const { release } = next;
  const { replicas, spec } = daemon.seen;
  if (release?.phase.kind !== 'advancing' || !replicas || !spec) return;
  const via = release.stages[release.phase.stage]?.via;
  if (via?.kind !== 'roll') return;
  const standing = (pool: PoolId | undefined) =>
    replicas.filter((r) => r.pool === pool && r.phase !== 'stopping' && !next.leaving[r.id]).length;
  const { candidate, stable } = release.arms;
  const most = Math.max(spec.replicas + surgeOf(via, spec.replicas), standing(candidate) + standing(stable));
  for (const action of actions) {
    if (action.kind !== 'grow' || action.pool !== candidate) continue;
    const going: number = replicas.filter(
      (r) => r.pool === candidate && r.phase !== 'stopping' && next.leaving[r.id],
    ).length;
    const there: number = action.replicas - going + standing(stable);
    assert.ok(there <= most, `${there} replicas in a roll that may have ${most}`);
  }
}

function surgeOf({ maxSurge }: Extract<Stage['via'], { kind: 'roll' }>, replicas: number): number {
  return typeof maxSurge === 'number'
    ? maxSurge
    : Math.ceil((Number.parseInt(maxSurge, 10) * replicas) / 100);
}

/** Recreate: never two versions side by side. */
function startsAfterTheOldOnes({ daemon, next: { release }, actions }: Commit): void {
  if (release?.strategy !== 'recreate' || release.arms.stable === undefined) return;
  if (release.phase.kind !== 'advancing') return;
  const { candidate, stable } = release.arms;
  const grows = actions.some((action) => action.kind === 'grow' && action.pool === candidate);
  const old = daemon.seen.replicas?.find((replica) => replica.pool === stable);
  assert.ok(!grows || !old, `${candidate} is started beside ${old?.id}`);
}

/** What is said of a revision that will not be released though somebody has asked for it. */
const GIVEN_UP = /revision (\d+)(?: is not taken|, which waited, is dropped| is given up)/g;

/** The stage that a release is at after a commit; undefined: it was given up, or is not known any more. */
function reachedIn(before: Release, next: AppState): number | undefined {
  const now = next.release?.id === before.id ? next.release : undefined;
  if (now) return now.phase.kind === 'advancing' ? now.phase.stage : undefined;
  const ended = next.history.find((one) => one.id === before.id)?.phase;
  return ended?.kind === 'done' && ended.verdict === 'promoted' ? before.stages.length : undefined;
}

function weightIn({ route: { split } }: RouteTable, pool: PoolId): number {
  if (split.kind === 'perReadyReplica') return split.to.includes(pool) ? 1 : 0;
  return split.to.find((share) => share.key === pool)?.weight ?? 0;
}

/** Whose it was is in its name. */
function poolOf({ replica }: Answered): PoolId {
  return replica.slice(0, replica.lastIndexOf('-'));
}

function countOf({ split, probes }: Answered['counts'], isSticky: boolean): number {
  return isSticky ? probes : split + probes;
}

function add(counts: Map<PoolId, number>, pool: PoolId, n: number): void {
  counts.set(pool, (counts.get(pool) ?? 0) + n);
}
