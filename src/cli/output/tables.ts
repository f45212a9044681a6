import type { AppView, EventView, ReleaseView, ReplicaView, RevisionView } from '../../api/types.ts';
import type { Paint } from './colour.ts';
import type { Column } from './table.ts';
import { ageText, durationText, millisText } from './units.ts';
import { currentStage, specReplicas, strategyOf } from './view.ts';

/** The columns of `crossfade get`, one function per kind of object. */

export interface TableContext {
  paint: Paint;
  nowMs: number;
}

/** A row of something that belongs to an App, with the App's place when several are shown. */
export interface Owned<T> {
  namespace: string;
  app: string;
  value: T;
}

export function phaseText(phase: string, paint: Paint): string {
  if (phase === 'Healthy') return paint('green', phase);
  if (phase === 'Degraded' || phase === 'Frozen' || phase === 'Aborting') return paint('red', phase);
  if (phase === 'Holding' || phase === 'Paused') return paint('yellow', phase);
  return phase;
}

export function appColumns({ paint }: TableContext): Column<AppView>[] {
  return [
    { title: 'NAME', cell: (app) => app.metadata.name },
    { title: 'READY', cell: (app) => `${app.status.readyReplicas}/${specReplicas(app)}` },
    { title: 'UP-TO-DATE', cell: (app) => String(app.status.updatedReplicas) },
    { title: 'PHASE', cell: (app) => phaseText(app.status.phase, paint) },
    { title: 'REVISION', cell: revisionCell },
    { title: 'STAGE', cell: stageCell },
    { title: 'ADDRESS', cell: (app) => app.status.url ?? '-' },
    { title: 'STRATEGY', cell: strategyOf, wide: true },
    { title: 'STABLE', cell: (app) => app.status.stableRevision ?? '-', wide: true },
    { title: 'CANDIDATE', cell: (app) => app.status.candidateRevision ?? '-', wide: true },
    { title: 'MESSAGE', cell: (app) => app.status.message, wide: true },
  ];
}

function revisionCell(app: AppView): string {
  const { stableRevisionNumber: stable, candidateRevisionNumber: candidate } = app.status;
  if (candidate === null) return stable === null ? '-' : `#${stable}`;
  return stable === null ? `#${candidate}` : `#${stable}->#${candidate}`;
}

function stageCell(app: AppView): string {
  const { release } = app.status;
  const current = release === null ? undefined : currentStage(release);
  if (release === null || current === undefined) return '-';
  return `${current.index + 1}/${release.stages.length} ${current.stage.name}`;
}

export function revisionColumns({ paint, nowMs }: TableContext): Column<RevisionView>[] {
  return [
    { title: 'REVISION', cell: (revision) => String(revision.number) },
    { title: 'ID', cell: (revision) => revision.id },
    { title: 'ROLE', cell: (revision) => roleText(revision.role, paint) },
    { title: 'HELD', cell: (revision) => (revision.held === null ? '-' : paint('red', revision.held.code)) },
    { title: 'ACTOR', cell: (revision) => revision.actor },
    { title: 'AGE', cell: (revision) => ageText(revision.createdAt, nowMs) },
    { title: 'COMMIT', cell: (revision) => revision.commit?.slice(0, 12) ?? '-', wide: true },
    { title: 'SOURCE', cell: (revision) => revision.source || '-', wide: true },
    { title: 'COMMAND', cell: (revision) => revision.command.join(' '), wide: true },
  ];
}

function roleText(role: string, paint: Paint): string {
  if (role === 'stable') return paint('green', role);
  return role === 'candidate' ? paint('cyan', role) : role;
}

export function verdictText(release: ReleaseView, paint: Paint): string {
  if (release.verdict === null) return release.paused ? paint('yellow', 'paused') : 'running';
  if (release.verdict === 'promoted') return paint('green', release.verdict);
  return paint(release.verdict === 'aborted' ? 'red' : 'yellow', release.verdict);
}

export function releaseColumns({ paint, nowMs }: TableContext): Column<ReleaseView>[] {
  return [
    { title: 'RELEASE', cell: (release) => release.id },
    { title: 'CAUSE', cell: (release) => release.cause },
    { title: 'STRATEGY', cell: (release) => release.strategy },
    { title: 'FROM', cell: (release) => numberText(release.fromRevisionNumber) },
    { title: 'TO', cell: (release) => numberText(release.revisionNumber) },
    { title: 'VERDICT', cell: (release) => verdictText(release, paint) },
    { title: 'STAGE', cell: releaseStage },
    { title: 'TOOK', cell: (release) => tookText(release, nowMs) },
    { title: 'ACTOR', cell: (release) => release.actor },
    { title: 'AGE', cell: (release) => ageText(release.startedAt, nowMs) },
    { title: 'CUTOVER', cell: (release) => millisText(release.cutoverMs), wide: true },
    { title: 'OUTAGE', cell: (release) => millisText(release.outageMs), wide: true },
    { title: 'REASON', cell: (release) => release.reason?.message ?? '-', wide: true },
  ];
}

function numberText(number: number | null): string {
  return number === null ? '-' : `#${number}`;
}

function releaseStage(release: ReleaseView): string {
  const current = currentStage(release);
  if (current !== undefined) return `${current.index + 1}/${release.stages.length}`;
  const done = release.stages.filter((stage) => stage.state === 'done').length;
  return `${done}/${release.stages.length}`;
}

export function tookText(release: ReleaseView, nowMs: number): string {
  const endMs = release.endedAt === null ? nowMs : Date.parse(release.endedAt);
  return durationText(Math.max(0, endMs - Date.parse(release.startedAt)));
}

export function replicaColumns({ paint, nowMs }: TableContext): Column<ReplicaView>[] {
  return [
    { title: 'NAME', cell: (replica) => replica.id },
    { title: 'REVISION', cell: (replica) => `#${replica.revisionNumber}` },
    { title: 'ROLE', cell: (replica) => roleText(replica.role, paint) },
    { title: 'READY', cell: (replica) => (replica.ready ? paint('green', 'yes') : paint('yellow', 'no')) },
    { title: 'PHASE', cell: (replica) => replica.phase },
    { title: 'IN-ROUTE', cell: (replica) => (replica.inRoute ? 'yes' : 'no') },
    { title: 'RESTARTS', cell: (replica) => String(replica.restarts) },
    { title: 'IN-FLIGHT', cell: (replica) => String(replica.inFlight) },
    { title: 'ADDRESS', cell: (replica) => replica.address ?? '-' },
    { title: 'AGE', cell: (replica) => ageText(replica.startedAt, nowMs) },
    { title: 'COLOUR', cell: (replica) => replica.colour ?? '-', wide: true },
    { title: 'ID', cell: (replica) => replica.revision, wide: true },
    { title: 'LAST PROBE', cell: (replica) => replica.lastProbe ?? '-', wide: true },
    { title: 'PROBLEM', cell: (replica) => replica.problem ?? '-', wide: true },
  ];
}

export function eventColumns({ paint, nowMs }: TableContext): Column<EventView>[] {
  return [
    { title: 'AGE', cell: (event) => ageText(event.at, nowMs) },
    { title: 'TYPE', cell: (event) => (event.type === 'Warning' ? paint('yellow', event.type) : event.type) },
    { title: 'REASON', cell: (event) => event.reason },
    { title: 'APP', cell: (event) => event.app },
    { title: 'RELEASE', cell: (event) => event.release ?? '-', wide: true },
    { title: 'ACTOR', cell: (event) => event.actor ?? '-', wide: true },
    { title: 'MESSAGE', cell: (event) => event.message },
  ];
}

/** Puts what an object belongs to before its own columns. */
export function ownedColumns<T>(
  columns: readonly Column<T>[],
  show: { namespace: boolean; app: boolean },
): Column<Owned<T>>[] {
  const own: Column<Owned<T>>[] = columns.map((column) => ({
    ...column,
    cell: (row) => column.cell(row.value),
  }));
  if (show.app) own.unshift({ title: 'APP', cell: (row) => row.app });
  if (show.namespace) own.unshift({ title: 'NAMESPACE', cell: (row) => row.namespace });
  return own;
}
