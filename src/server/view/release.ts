import type { GateView, ReleaseView, StageView } from '../../api/types.ts';
import type { Gate, GateState, Release, Stage, StageRecord } from '../../core/model.ts';
import { splitCount } from '../../core/verify.ts';
import { activeRelease, isoTime, revisionNumber, type Snapshot } from './snapshot.ts';
import { NO_TRAFFIC, percentOfBp, trafficOf } from './traffic.ts';
import { gateWaits } from './waits.ts';

/** A release as people see it, running or ended. */
export function releaseView(snapshot: Snapshot, release: Release): ReleaseView {
  const { state } = snapshot;
  const { phase, outage } = release;
  const reason = phase.kind === 'advancing' ? undefined : phase.why;
  return {
    id: release.id,
    cause: release.cause,
    strategy: release.strategy,
    actor: release.actor,
    revision: release.revision,
    revisionNumber: revisionNumber(state, release.revision),
    fromRevision: release.fromRevision ?? null,
    fromRevisionNumber:
      release.fromRevision === undefined ? null : revisionNumber(state, release.fromRevision),
    startedAt: isoTime(release.startedAt),
    endedAt: release.endedAt === undefined ? null : isoTime(release.endedAt),
    verdict: phase.kind === 'done' ? phase.verdict : null,
    reason: reason ?? null,
    paused: release.pausedBy !== undefined,
    stages: release.stages.map((stage, index) => stageView(snapshot, release, stage, index)),
    outageMs: outage?.to === undefined ? null : Math.max(0, outage.to - outage.from),
    refused: outage?.refused ?? 0,
    held: outage?.held ?? 0,
    cutoverMs: cutoverMs(release),
  };
}

/** From the commit of the first route that named the new revision to its first answer; null until there is one. */
function cutoverMs({ cutover }: Release): number | null {
  return cutover?.firstAnswerAt === undefined ? null : Math.max(0, cutover.firstAnswerAt - cutover.routeAt);
}

/** Every running and ended release that is kept, newest last. */
export function releaseViews(snapshot: Snapshot): ReleaseView[] {
  const active = activeRelease(snapshot.state);
  const all = [...snapshot.state.history, ...(active ? [active] : [])];
  return all.map((release) => releaseView(snapshot, release));
}

function stageView(snapshot: Snapshot, release: Release, stage: Stage, index: number): StageView {
  const state = stageState(release, index);
  const record = release.record[index];
  const measured = state === 'current' ? live(snapshot, release) : recorded(record);
  // Without a route nobody is asked for anything.
  const asked = snapshot.object.spec.spec.route ? (record?.askedBp ?? askedBp(stage)) : undefined;
  return {
    name: stage.name,
    state,
    askedPercent: asked === undefined ? null : percentOfBp(asked),
    ...measured,
    gates: stage.gates.map((gate, at) => {
      const left = gateState(release, index, state, at);
      return gateView(snapshot, gate, left, release.phase.kind === 'done');
    }),
    startedAt: record ? isoTime(record.startedAt) : null,
    endedAt: record?.endedAt === undefined ? null : isoTime(record.endedAt),
  };
}

/** Records are appended as stages are entered, so that a stage and its record have the same place. */
function stageState(release: Release, index: number): StageView['state'] {
  const { phase } = release;
  const entered = index < release.record.length;
  if (phase.kind === 'done') {
    const last = index === release.record.length - 1;
    return entered ? (last && phase.verdict !== 'promoted' ? 'aborted' : 'done') : 'skipped';
  }
  if (index < phase.stage) return 'done';
  if (index === phase.stage) return 'current';
  return phase.kind === 'aborting' ? 'skipped' : 'todo';
}

type Measurement = Pick<StageView, 'measuredPercent' | 'requests'>;

function recorded(record: StageRecord | undefined): Measurement {
  return {
    measuredPercent: record?.measuredBp === undefined ? null : percentOfBp(record.measuredBp),
    requests: record?.requests ?? null,
  };
}

function live(snapshot: Snapshot, release: Release): Measurement {
  if (release !== activeRelease(snapshot.state)) return recorded(release.record.at(-1));
  const traffic = trafficOf(snapshot);
  const total = [...traffic.values()].reduce((sum, { counts }) => sum + splitCount(counts), 0);
  const candidate = release.arms.candidate ?? '';
  if (traffic.size === 0) return { measuredPercent: null, requests: null };
  const share = traffic.get(candidate) ?? NO_TRAFFIC;
  return { measuredPercent: total > 0 ? (share.measuredPercent ?? 0) : null, requests: total };
}

/** Null where the split is not by weight. */
function askedBp({ route: { split } }: Stage): number | undefined {
  if (split.kind !== 'weights') return undefined;
  return split.to.find((share) => share.key === 'candidate')?.weight ?? 0;
}

function gateState(release: Release, stage: number, state: StageView['state'], at: number): GateState {
  if (state === 'done' && !gaveUpIn(release, stage)) return { kind: 'passed', at: 0 };
  return state === 'done' || state === 'current' ? (release.gates[at] ?? PENDING) : PENDING;
}

const PENDING: GateState = { kind: 'pending' };

/** The last stage that was entered, of a release that got no further: its gates are as they were left. */
function gaveUpIn({ phase, record }: Release, stage: number): boolean {
  return phase.kind === 'done' && phase.verdict !== 'promoted' && stage === record.length - 1;
}

function gateView(snapshot: Snapshot, gate: Gate, state: GateState, ended: boolean): GateView {
  if (state.kind === 'passed') {
    return {
      kind: gate.kind,
      state: 'passed',
      detail: state.note ?? (state.by ? `passed by ${state.by}` : ''),
    };
  }
  const held = state.kind === 'measuring' && state.mismatch !== undefined;
  // Nothing waits in a release that has ended.
  if (ended && !held) return { kind: gate.kind, state: 'pending', detail: '' };
  return { kind: gate.kind, state: held ? 'held' : state.kind, detail: gateWaits(snapshot, gate, state) };
}
