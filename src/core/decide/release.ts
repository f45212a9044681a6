import { compile } from '../compile.ts';
import type {
  AppObject,
  GateState,
  Pool,
  PoolId,
  Reason,
  Release,
  RevisionId,
  Stage,
  StageRecord,
  Verdict,
} from '../model.ts';
import { CANDIDATE, STABLE } from '../strategies/parts.ts';
import type { Draft } from './draft.ts';

/** Starts a release of a known revision. The caller has made sure that none is running. */
export function startRelease(
  draft: Draft,
  revision: RevisionId,
  cause: Release['cause'],
  actor: string,
): void {
  const { state } = draft;
  const stable = state.stable;
  const candidate = takeWarm(draft, revision, cause) ?? newPool(draft, revision);
  const id = `r${state.nextReleaseNumber++}`;
  const stages = compile({
    spec: draft.spec,
    cause,
    hasStable: stable !== undefined,
    salt: `${draft.app.key}#${id}`,
  });
  retireWarm(draft);
  state.release = {
    id,
    cause,
    startedAt: draft.now,
    actor,
    arms: { ...(stable === undefined ? {} : { [STABLE]: stable }), [CANDIDATE]: candidate },
    revision,
    ...(stable === undefined ? {} : { fromRevision: draft.poolOf(stable).revision }),
    strategy: draft.spec.strategy.kind,
    stages,
    warmMs: 'warmMs' in draft.spec.strategy && cause !== 'restart' ? draft.spec.strategy.warmMs : 0,
    phase: { kind: 'advancing', stage: 0, since: draft.now, fullSpeed: false },
    gates: pendingGates(stages[0]),
    record: [newRecord(stages[0], draft.now)],
    routedStage: -1,
    progressAt: draft.now,
    progressMark: '',
  };
  const from = stable === undefined ? 'nothing' : `revision ${draft.revisionOf(stable).number}`;
  draft.event(
    'Normal',
    'ReleaseStarted',
    `${cause}: ${draft.spec.strategy.kind} from ${from} to revision ${draft.revisionOf(candidate).number} (${revision})`,
    actor,
  );
}

export function pendingGates(stage: Stage | undefined): GateState[] {
  return stage?.gates.map(() => ({ kind: 'pending' })) ?? [];
}

export function newRecord(stage: Stage | undefined, now: number): StageRecord {
  if (!stage) throw new Error('a release has at least one stage');
  const asked = askedWeight(stage);
  return { name: stage.name, startedAt: now, ...(asked === undefined ? {} : { askedBp: asked }) };
}

/** The candidate's share that a stage asks for; undefined where the split is not by weight. */
function askedWeight(stage: Stage): number | undefined {
  const { split } = stage.route;
  if (split.kind !== 'weights') return undefined;
  return split.to.find((share) => share.key === CANDIDATE)?.weight ?? 0;
}

/** Undo and a repeated apply go back to replicas that still run; a restart wants new ones. */
function takeWarm(draft: Draft, revision: RevisionId, cause: Release['cause']): PoolId | undefined {
  if (cause === 'restart') return undefined;
  const warm = draft.state.warm.find((entry) => draft.poolOf(entry.pool).revision === revision);
  if (warm) draft.state.warm = draft.state.warm.filter((entry) => entry !== warm);
  return warm?.pool;
}

/** What the name of a pool says: the number of its revision, and its incarnation. */
export function numbersOf(pool: PoolId): { number: number; incarnation: number } {
  const [number = 0, incarnation = 0] = pool.split('-').map(Number);
  return { number, incarnation };
}

function newPool(draft: Draft, revision: RevisionId): PoolId {
  const { state } = draft;
  const known = state.revisions[revision];
  if (!known) throw new Error(`no revision ${revision}`);
  goPastStrangers(draft);
  // Counted from release numbers, so that an id is not used again after its pool was forgotten.
  const incarnation = state.nextReleaseNumber;
  const id: PoolId = `${known.number}-${incarnation}`;
  const pool: Pool = { id, revision, incarnation };
  if (draft.spec.strategy.kind === 'blueGreen') {
    const live = state.stable === undefined ? undefined : state.pools[state.stable]?.colour;
    pool.colour = live === 'blue' ? 'green' : 'blue';
  }
  state.pools[id] = pool;
  return id;
}

/** Beyond this a name was not given by any release. */
const MOST_RELEASES = 1e9;

/**
 * Replicas that a controller of before started late, perhaps of an App of this name that is gone, have names too; and so has
 * their pool, until it is forgotten.
 */
function goPastStrangers({ state, replicas }: Draft): void {
  for (const pool of [...replicas.map((replica) => replica.pool), ...Object.keys(state.pools)]) {
    const { incarnation } = numbersOf(pool);
    if (incarnation >= state.nextReleaseNumber && incarnation < MOST_RELEASES)
      state.nextReleaseNumber = incarnation + 1;
  }
}

/** A new release needs the room; from its start until it is promoted, abort is the way back. */
function retireWarm(draft: Draft): void {
  for (const { pool } of draft.state.warm) endWarm(draft, pool);
  draft.state.warm = [];
}

/** Undo is no route change any more; says what that frees. */
export function endWarm(draft: Draft, pool: PoolId): void {
  const count = draft.standing(pool).length;
  const { colour } = draft.poolOf(pool);
  const name = `revision ${draft.revisionOf(pool).number}${colour ? ` (${colour})` : ''}`;
  retire(draft, pool);
  draft.event(
    'Normal',
    'WarmEnded',
    `${name} is retired: ${count} ${count === 1 ? 'replica' : 'replicas'} freed; undo now starts it again`,
  );
}

export function retire(draft: Draft, pool: PoolId): void {
  if (!draft.state.retiring.includes(pool)) draft.state.retiring.push(pool);
}

/** The candidate is the stable one from here on; the old one stays warm where the strategy keeps it. */
export function commitRelease(draft: Draft, release: Release): void {
  const { state } = draft;
  const old = state.stable;
  const candidate = release.arms[CANDIDATE];
  if (candidate === undefined) throw new Error('a release has a candidate');
  state.stable = candidate;
  if (old !== undefined && old !== candidate) {
    const until = draft.now + release.warmMs;
    if (release.warmMs > 0 && draft.standing(old).length > 0) state.warm.push({ pool: old, until });
    else retire(draft, old);
  }
  const bad = release.cause === 'undo' ? release.fromRevision : undefined;
  if (bad !== undefined)
    hold(draft, bad, { code: 'E_UNDONE', message: `undone by ${release.actor} (${release.id})` });
  state.held = state.held.filter((entry) => entry.revision !== release.revision);
  endRelease(draft, 'promoted');
}

export function hold(draft: Draft, revision: RevisionId, why: Reason): void {
  draft.state.held = [...draft.state.held.filter((entry) => entry.revision !== revision), { revision, why }];
}

export function endRelease(draft: Draft, verdict: Verdict, why?: Reason): void {
  const { state } = draft;
  const release = state.release;
  if (!release) throw new Error('no release to end');
  closeRecord(release, draft.now);
  release.phase = { kind: 'done', verdict, ...(why ? { why } : {}) };
  release.endedAt = draft.now;
  const revision = state.revisions[release.revision]?.number;
  const message =
    verdict === 'promoted'
      ? `revision ${revision} is the stable one`
      : `revision ${revision} ${verdict}${why ? `: ${why.message}` : ''}`;
  draft.event(verdict === 'promoted' ? 'Normal' : 'Warning', `Release${capital(verdict)}`, message);
  state.history = [...state.history, release].slice(-Math.max(1, draft.spec.revisionHistoryLimit));
  delete state.release;
  pruneRevisions(draft);
}

export function closeRecord(release: Release, now: number): void {
  const record = release.record.at(-1);
  if (record && record.endedAt === undefined) record.endedAt = now;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** Keeps what runs, what is wanted, and the newest revisionHistoryLimit others. */
function pruneRevisions(draft: Draft): void {
  const { state } = draft;
  const used = new Set([...Object.values(state.pools).map((pool) => pool.revision), draft.app.revision.id]);
  if (state.queued) used.add(state.queued.revision);
  const old = Object.values(state.revisions)
    .filter((revision) => !used.has(revision.id))
    .sort((a, b) => b.number - a.number);
  for (const revision of old.slice(draft.spec.revisionHistoryLimit)) delete state.revisions[revision.id];
}

/** Numbers a revision the first time it is seen; the same content keeps its number. */
export function rememberRevision(draft: Draft, object: AppObject): void {
  const { state } = draft;
  if (state.revisions[object.revision.id]) return;
  state.revisions[object.revision.id] = { ...object.revision, number: state.nextRevisionNumber++ };
}
