import type { Ms, Reason, Release, Stage } from '../model.ts';
import { CANDIDATE, STABLE } from '../strategies/parts.ts';
import { splitCount } from '../verify.ts';
import { beginAbort, currentStage, finishAbort, isBack } from './abort.ts';
import { type Draft, since } from './draft.ts';
import { emptyStable } from './empty-stable.ts';
import { passGates } from './gates.ts';
import { exitOf, START_ATTEMPTS, tail } from './health.ts';
import { armCount } from './intent.ts';
import { drainEnd } from './pools.ts';
import { closeRecord, commitRelease, newRecord, pendingGates } from './release.ts';
import { oldOnesServed } from './still-served.ts';

/**
 * One step of the release, if one can be taken now.
 * @returns true when something changed that the route or the pools should follow in this same decision
 */
export function advance(draft: Draft): boolean {
  const { release } = draft;
  if (!release || release.phase.kind === 'done') return false;
  if (release.phase.kind === 'aborting') return backToStable(draft);
  const stage = currentStage(draft);
  if (stage.commits) {
    if (oldOnesServed(draft, release)) return false;
    commitRelease(draft, release);
    return true;
  }
  watchProgress(draft, release);
  if (draft.release?.phase.kind !== 'advancing') return true;
  if (release.pausedBy !== undefined) return false;
  // A route that is not followed is not asked for more.
  if (draft.routed && draft.router?.trouble) return false;
  if (release.routedStage < release.phase.stage)
    return askForRoute(draft, release, stage, release.phase.stage);
  if (!draft.acked) return false;
  if (noteRouted(draft, release)) return true;
  if (!isSettled(draft, release, stage)) return false;
  if (!passGates(draft)) return draft.release?.phase.kind !== 'advancing';
  nextStage(draft, release, release.phase.stage + 1);
  return true;
}

function backToStable(draft: Draft): boolean {
  const { release } = draft;
  if (!release) return false;
  if (isBack(draft) && isWhole(draft, release)) {
    noteOutageEnd(draft, release);
    finishAbort(draft);
    return true;
  }
  return giveUpStable(draft, release);
}

/** A reversed roll or outage is over when stable is whole again; a reroute is over when the route is. */
function isWhole(draft: Draft, release: Release): boolean {
  const stable = release.arms[STABLE];
  if (stable === undefined || currentStage(draft).onAbort === 'reroute') return true;
  return draft.available(stable).length >= draft.spec.replicas;
}

/**
 * Stable does not come back, and somebody has applied a way out: the queued revision is released instead of waiting for
 * ever. What serves users now is what it starts from.
 */
function giveUpStable(draft: Draft, release: Release): boolean {
  const stable = release.arms[STABLE];
  if (stable === undefined || release.phase.kind !== 'aborting' || !draft.state.queued) return false;
  const until = release.phase.since + draft.spec.progressDeadlineSeconds * 1000;
  const broken = draft
    .standing(stable)
    .some(
      (replica) => !replica.ready && (replica.failure !== undefined || replica.restarts >= START_ATTEMPTS),
    );
  if (draft.available(stable).length >= draft.spec.replicas || (!broken && draft.now < until)) {
    if (draft.now < until) draft.wake(until);
    return false;
  }
  draft.stableGivenUp = true;
  draft.event(
    'Warning',
    'StableGivenUp',
    `stable does not start any more; the revision that waits is released instead`,
  );
  const candidate = draft.pool(CANDIDATE);
  if (draft.available(candidate).length > draft.available(stable).length) {
    draft.state.stable = candidate;
    release.arms = { [STABLE]: candidate, [CANDIDATE]: stable };
  }
  finishAbort(draft);
  return true;
}

/**
 * A stage's route is asked for once its replicas are there to answer it, and the router is seen: a table that is made later
 * would find others ready.
 */
function askForRoute(draft: Draft, release: Release, stage: Stage, index: number): boolean {
  if (draft.routed && !draft.router) return false;
  if (stage.via.kind === 'step') {
    const wanted = armCount(draft, stage, CANDIDATE);
    const blocked =
      stage.scale[CANDIDATE]?.kind !== 'zero' && draft.available(draft.pool(CANDIDATE)).length < wanted;
    if (blocked) return false;
  }
  release.routedStage = index;
  return true;
}

/** What the stage wants gone is gone: a roll is over when the old ones are, recreate starts nothing beside the old. */
function isSettled(draft: Draft, release: Release, stage: Stage): boolean {
  for (const arm of Object.keys(release.arms)) {
    const pool = draft.pool(arm);
    const wanted = armCount(draft, stage, arm);
    if (stage.scale[arm]?.kind === 'zero' && draft.replicas.some((r) => r.pool === pool)) return false;
    if (arm === CANDIDATE && draft.available(pool).length < wanted && stage.via.kind === 'roll') return false;
  }
  return true;
}

/** @returns true the first time: what the stage no longer needs may go now */
function noteRouted(draft: Draft, release: Release): boolean {
  const record = release.record.at(-1);
  if (!record || record.routedAt !== undefined) return false;
  record.routedAt = draft.now;
  if (draft.measured) record.base = { epoch: draft.measured.epoch, perPool: draft.measured.perPool };
  const what = draft.routed ? 'is routed and acknowledged' : 'has its replicas';
  draft.event('Normal', 'StageRouted', `"${record.name}" ${what}`);
  release.progressAt = draft.now;
  return true;
}

function nextStage(draft: Draft, release: Release, index: number): void {
  if (release.phase.kind !== 'advancing') return;
  const stage = release.stages[index];
  if (!stage) throw new Error('the last stage of a release commits');
  const { name, gates } = currentStage(draft);
  draft.left.push({ name, gates, states: release.gates });
  noteMeasured(draft, release);
  noteOutageEnd(draft, release);
  closeRecord(release, draft.now);
  release.phase = { ...release.phase, stage: index, since: draft.now };
  release.gates = pendingGates(stage);
  release.record.push(newRecord(stage, draft.now));
  draft.event('Normal', 'Stage', `"${stage.name}" (${index + 1} of ${release.stages.length})`);
}

function noteMeasured(draft: Draft, release: Release): void {
  const record = release.record.at(-1);
  const { measured } = draft;
  if (!record?.base || !measured || measured.epoch !== record.base.epoch) return;
  const counts = new Map(
    Object.entries(measured.perPool).map(([pool, now]) => [
      pool,
      splitCount(since(now, record.base?.perPool[pool])),
    ]),
  );
  const total = [...counts.values()].reduce((sum, n) => sum + n, 0);
  record.requests = total;
  if (total > 0) record.measuredBp = ((counts.get(draft.pool(CANDIDATE)) ?? 0) * 10_000) / total;
}

/** Facts that only the router knows when they happened. */
export function noteFacts(draft: Draft): void {
  const { release, router, measured, state } = draft;
  const fresh = state.routed?.generation !== state.routeGeneration || state.routed.epoch !== measured?.epoch;
  if (state.table && draft.acked && measured && fresh) {
    state.routed = { generation: state.routeGeneration, epoch: measured.epoch, perPool: measured.perPool };
  }
  if (!release || !router) return;
  const candidate = draft.pool(CANDIDATE);
  const first = router.firstAnswerAt[candidate];
  if (release.cutover && release.cutover.firstAnswerAt === undefined && first !== undefined && draft.acked) {
    release.cutover = { ...release.cutover, firstAnswerAt: Math.max(first, release.cutover.routeAt) };
  }
  const declared = release.stages[release.routedStage]?.outage !== undefined;
  if (declared && !release.outage && draft.acked) release.outage = { from: draft.now, refused: 0, held: 0 };
  const { admission } = router;
  const from = release.outage && declared ? admission.firstAt : undefined;
  if (release.outage && from !== undefined && release.outage.refused + release.outage.held === 0)
    release.outage.from = from;
}

function noteOutageEnd(draft: Draft, release: Release): void {
  const { router } = draft;
  if (
    !release.outage ||
    release.outage.to !== undefined ||
    !router ||
    draft.state.table?.route.admit.kind !== 'open'
  )
    return;
  const serving = Object.keys(draft.state.table.members);
  const answers = serving.map((pool) => router.firstAnswerAt[pool]).filter((at) => at !== undefined);
  const to = Math.max(release.outage.from, Math.min(draft.now, ...answers));
  release.outage = { ...release.outage, to, refused: router.admission.refused, held: router.admission.held };
  draft.event(
    'Normal',
    'OutageEnded',
    `users waited or were refused for ${Math.round(to - release.outage.from)} ms`,
  );
}

/** Ends a release that does not move, with what its replicas last said. */
function watchProgress(draft: Draft, release: Release): void {
  if (release.phase.kind !== 'advancing') return;
  const candidate = draft.pool(CANDIDATE);
  const stable = release.arms[STABLE];
  const old = stable === undefined ? 0 : draft.replicas.filter((r) => r.pool === stable).length;
  const mark = `${release.phase.stage}/${release.routedStage}/${draft.available(candidate).length}/${old}/${draft.acked}`;
  const waitsForOthers =
    release.pausedBy !== undefined ||
    release.gates.some((gate) => gate.kind === 'waiting' || gate.kind === 'measuring');
  if (mark !== release.progressMark || waitsForOthers) {
    if (mark !== release.progressMark) {
      release.progressMark = mark;
      release.progressAt = draft.now;
    }
    if (waitsForOthers) return;
  }
  const deadline =
    Math.max(release.progressAt, oldOnesDone(draft, release)) + draft.spec.progressDeadlineSeconds * 1000;
  if (draft.now < deadline) {
    draft.wake(deadline);
    return;
  }
  beginAbort(draft, overdue(draft));
}

/**
 * When the old ones have drained, if that is all the release waits for. Long connections may take longer than a release may
 * go without progress, and a candidate that answers everybody must not be given up for them; a drain ends by itself.
 */
function oldOnesDone(draft: Draft, release: Release): Ms {
  const wanted = armCount(draft, currentStage(draft), CANDIDATE);
  if (draft.available(draft.pool(CANDIDATE)).length < wanted) return 0;
  const ends = Object.values(draft.state.leaving)
    .filter(({ pool, deadline }) => pool === release.arms[STABLE] && deadline !== undefined)
    .map(({ deadline = 0 }) => drainEnd(draft, deadline));
  return Math.max(0, ...ends);
}

function overdue(draft: Draft): Reason {
  const { progressDeadlineSeconds } = draft.spec;
  const number = draft.revisionOf(draft.pool(CANDIDATE)).number;
  const base = `revision ${number} made no progress for ${progressDeadlineSeconds} s (progressDeadlineSeconds)`;
  const why = blockedBy(draft);
  return { code: 'E_PROGRESS_DEADLINE', message: why === undefined ? base : `${base}; ${why}` };
}

/** What the candidate shows that would explain it, the most telling first. */
function blockedBy(draft: Draft): string | undefined {
  const candidate = draft.pool(CANDIDATE);
  const standing = draft.standing(candidate);
  const unready = standing.find((r) => !r.ready);
  if (unready) {
    const probe = unready.lastProbe ? `: ${unready.lastProbe.detail}` : '';
    const exit = unready.lastExit ? `, it ${exitOf(unready)}` : '';
    return `replica ${unready.id} is not ready${probe}${exit}${tail(unready)}`;
  }
  // Still ready by its threshold, and failing already.
  const failing = standing.find((r) => r.lastProbe?.ok === false);
  if (failing)
    return `the last probe of replica ${failing.id} said: ${failing.lastProbe?.detail}${tail(failing)}`;
  const counts = draft.measured?.perPool[candidate];
  if (counts && counts.requests > 0 && counts.ok === 0)
    return `it was sent ${counts.requests} requests and answered none of them well`;
  return stableMissing(draft) ?? draft.state.trouble?.message;
}

function stableMissing(draft: Draft): string | undefined {
  const stable = draft.release?.arms[STABLE];
  if (stable === undefined || draft.tableIsCurrent) return undefined;
  const stage = currentStage(draft);
  const gives = emptyStable(stage, draft.standing(stable), draft.revisionOf(stable).number);
  return gives === undefined ? undefined : `"${stage.name}" ${gives}`;
}
