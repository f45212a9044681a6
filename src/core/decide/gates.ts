import type { Counts, Gate, GateState, Measured, PoolId, Release } from '../model.ts';
import { CANDIDATE } from '../strategies/parts.ts';
import { judgeSplit, splitCount } from '../verify.ts';
import { beginAbort, currentStage } from './abort.ts';
import { type Draft, since } from './draft.ts';
import { FIRST_REQUESTS } from './health.ts';
import { describeShares, explainMismatch } from './mismatch.ts';

/** Users get this long to bring the requests themselves before marked ones are sent. */
const PROBE_AFTER_MS = 1000;
/**
 * Any window of a worker's round robin is within one request of its weights: a table with the same split does not start it
 * anew. Requests under way add nothing, for they were counted when they were sent.
 */
const ROUND_ROBIN_SLACK = 1;
/** Of routers that count what is answered, which was sent before. */
const LATE_SLACK = 1;
/** Marked requests at a time, so that a probe is never a load test. */
const PROBES_AT_ONCE = 2000;

/** Evaluates the gates of the current stage in order. @returns true when all have passed */
export function passGates(draft: Draft): boolean {
  const { release } = draft;
  if (release?.phase.kind !== 'advancing') return false;
  const { gates } = currentStage(draft);
  for (const [index, gate] of gates.entries()) {
    const before = release.gates[index] ?? { kind: 'pending' };
    const after = evaluate(draft, release, gate, before);
    release.gates[index] = after;
    if (after.kind !== 'passed') return false;
    if (before.kind !== 'passed') release.progressAt = draft.now;
  }
  return true;
}

function evaluate(draft: Draft, release: Release, gate: Gate, state: GateState): GateState {
  if (state.kind === 'passed') return state;
  const skips = release.phase.kind === 'advancing' && release.phase.fullSpeed;
  switch (gate.kind) {
    case 'ready':
      return { kind: 'passed', at: draft.now };
    case 'pause':
      return skips ? passedBy(draft, 'promote --full') : pause(draft, gate, state);
    case 'approval':
      // An approval is somebody's word; going fast is not that.
      return waiting(draft, state, gate.message ?? 'waits for approval: `crossfade rollout promote`');
    case 'verify':
      return verify(draft, gate, state);
  }
}

function passedBy(draft: Draft, by: string): GateState {
  return { kind: 'passed', at: draft.now, by };
}

function waiting(draft: Draft, state: GateState, why: string): GateState {
  return { kind: 'waiting', since: state.kind === 'waiting' ? state.since : draft.now, why };
}

function pause(draft: Draft, gate: Extract<Gate, { kind: 'pause' }>, state: GateState): GateState {
  if (gate.durationMs === undefined) return waiting(draft, state, 'paused until `crossfade rollout promote`');
  const begun = state.kind === 'waiting' ? state.since : draft.now;
  const until = begun + gate.durationMs;
  if (draft.now >= until) return { kind: 'passed', at: draft.now };
  draft.wake(until);
  return { kind: 'waiting', since: begun, why: `paused for ${gate.durationMs / 1000} s` };
}

type VerifyGate = Extract<Gate, { kind: 'verify' }>;
type Measuring = Extract<GateState, { kind: 'measuring' }>;

/** No data is never a pass: it waits (argo-rollouts#4479). */
function verify(draft: Draft, gate: VerifyGate, state: GateState): GateState {
  const { measured, router, state: app } = draft;
  if (draft.spec.replicas === 0)
    return { kind: 'passed', at: draft.now, note: 'replicas is 0: nobody is served, nothing to measure' };
  if (!measured || !router || !app.table)
    return waiting(draft, state, 'the router cannot be seen: nothing is measured');
  if (state.kind !== 'measuring' || state.epoch !== measured.epoch)
    return beginMeasuring(draft, measured, state);
  const counts = splitSince(draft, measured, state);
  const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
  if (total < gate.minRequests) return collect(draft, gate, state, gate.minRequests - total);
  const late = router.countsAnswers ? LATE_SLACK : 0;
  const verdict = judgeSplit({
    route: app.table.route,
    members: app.table.members,
    counts,
    slack: ROUND_ROBIN_SLACK * router.workers + late,
    stray: late,
    shares: router.shares,
    byChance: router.byChance,
  });
  if (verdict.kind === 'too few') return collect(draft, gate, state, gate.minRequests);
  if (verdict.kind === 'agrees') {
    // Requests count when they are sent: a candidate that hangs or only fails gets its share all the same.
    const candidate = draft.pool(CANDIDATE);
    const answers = since(measured.perPool[candidate], state.base[candidate]);
    const isAsked = (verdict.asked[candidate] ?? 0) > 0;
    if (isAsked && answers.ok + (answers.probesOk ?? 0) === 0) return unanswered(draft, gate, state, answers);
    const note = `measured over ${verdict.total} requests: ${describeShares(draft, verdict.measured)}`;
    draft.event('Normal', 'SplitVerified', note);
    return { kind: 'passed', at: draft.now, note };
  }
  const mismatch = explainMismatch(draft, verdict);
  if (!state.mismatch) draft.event('Warning', 'SplitMismatch', mismatch.message);
  draft.wake(draft.now + PROBE_AFTER_MS);
  return { ...beginMeasuring(draft, measured, state), mismatch };
}

/** It answered nobody well since the measurement began, though it may have before: it waits, or it is given up. */
function unanswered(draft: Draft, gate: VerifyGate, state: Measuring, answers: Counts): GateState {
  const failed = answers.failed + (answers.probesFailed ?? 0);
  if (failed < FIRST_REQUESTS) return collect(draft, gate, state, gate.minRequests);
  const { number } = draft.revisionOf(draft.pool(CANDIDATE));
  const message = `revision ${number} answered none of ${failed} requests well since its share was measured`;
  beginAbort(draft, { code: 'E_NO_SUCCESS', message });
  return state;
}

function beginMeasuring(draft: Draft, measured: Measured, before: GateState): Measuring {
  draft.wake(draft.now + PROBE_AFTER_MS);
  return {
    kind: 'measuring',
    since: draft.now,
    epoch: measured.epoch,
    base: measured.perPool,
    probesAsked: 0,
    ...(before.kind === 'measuring' && before.mismatch ? { mismatch: before.mismatch } : {}),
  };
}

/** Sticky users bring many requests each, which are no independent samples: only marked requests with keys of their own are. */
function splitSince(draft: Draft, measured: Measured, state: Measuring): Record<PoolId, number> {
  const sticky = draft.state.table?.route.sticky !== undefined;
  const counts: Record<PoolId, number> = {};
  for (const [pool, now] of Object.entries(measured.perPool)) {
    const delta = since(now, state.base[pool]);
    const n = sticky ? delta.probes : splitCount(delta);
    if (n > 0) counts[pool] = n;
  }
  return counts;
}

/** @param missing requests that are not there yet */
function collect(draft: Draft, gate: VerifyGate, state: Measuring, missing: number): Measuring {
  draft.wake(draft.now + PROBE_AFTER_MS);
  const sticky = draft.state.table?.route.sticky !== undefined;
  const quiet = draft.now - (state.probesAskedAt ?? state.since) >= PROBE_AFTER_MS;
  if (gate.onNoTraffic === 'hold' && !hasUsers(draft, gate, state)) return state;
  if ((!quiet && !sticky) || isProbing(draft)) return state;
  if (sticky && state.probesAskedAt !== undefined && !quiet) return state;
  const requests = Math.min(PROBES_AT_ONCE, missing);
  draft.act(probeKey(draft, state), {
    kind: 'probe',
    requests,
    generation: draft.state.routeGeneration,
  });
  return { ...state, probesAsked: state.probesAsked + requests, probesAskedAt: draft.now };
}

/** Sticky users cannot show the split, but they show that there are users: marked requests measure it then. */
function hasUsers(draft: Draft, gate: VerifyGate, state: Measuring): boolean {
  if (draft.state.table?.route.sticky === undefined) return false;
  const perPool = Object.entries(draft.measured?.perPool ?? {});
  const users = perPool.reduce((sum, [pool, now]) => sum + since(now, state.base[pool]).split, 0);
  return users >= gate.minRequests;
}

/** Marked requests of this route are under way: no more of them beside those. */
function isProbing(draft: Draft): boolean {
  return Object.keys(draft.state.pending).some((key) =>
    key.startsWith(`probe:${draft.state.routeGeneration}:`),
  );
}

function probeKey(draft: Draft, state: Measuring): string {
  return `probe:${draft.state.routeGeneration}:${state.since}:${state.probesAsked}`;
}
