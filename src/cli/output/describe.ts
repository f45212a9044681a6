import type { AppView, EventView, ReleaseView, ReplicaView, RevisionView } from '../../api/types.ts';
import type { Paint } from './colour.ts';
import { align, tableLines } from './table.ts';
import { eventColumns, phaseText, replicaColumns, revisionColumns, verdictText } from './tables.ts';
import { millisText, percentText } from './units.ts';
import { revisionText, shareText, specReplicas, strategyOf, waitingFor } from './view.ts';
import { toYamlText } from './yaml.ts';

export interface DescribeInput {
  app: AppView;
  replicas: readonly ReplicaView[];
  revisions: readonly RevisionView[];
  events: readonly EventView[];
  nowMs: number;
  paint: Paint;
}

/** Everything about one App, in kubectl's layout: facts first, tables below, events last. */
export function describeLines(input: DescribeInput): string[] {
  const { app, replicas, revisions, events } = input;
  const context = { paint: input.paint, nowMs: input.nowMs };
  return [
    ...facts(app, replicas, input.paint),
    ...section('Route', routeLines(app)),
    ...section('Release', releaseLines(app.status.release, input.paint)),
    ...section('Last release', releaseLines(app.status.lastRelease, input.paint)),
    ...section('Revisions', revisions.length === 0 ? [] : tableLines(revisionColumns(context), revisions)),
    ...section('Replicas', replicas.length === 0 ? [] : tableLines(replicaColumns(context), replicas)),
    ...section(
      'Problems',
      replicas.filter(({ problem }) => problem !== null).map(({ id, problem }) => `${id}: ${problem}`),
    ),
    ...section('Spec', toYamlText(app.spec).split('\n')),
    ...section('Events', events.length === 0 ? [] : tableLines(eventColumns(context), events)),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`)];
}

function facts(app: AppView, replicas: readonly ReplicaView[], paint: Paint): string[] {
  const { metadata, status } = app;
  const rows: string[][] = [
    ['Name:', metadata.name],
    ['Namespace:', metadata.namespace],
    ['Labels:', pairs(metadata.labels)],
    ['Annotations:', pairs(metadata.annotations)],
    ['Phase:', phaseText(status.phase, paint)],
    ['Message:', status.message || '<none>'],
    ['Address:', status.url ?? '<none>'],
    ['Preview:', status.previewUrl ?? '<none>'],
    ['Strategy:', strategyOf(app)],
    [
      'Replicas:',
      `${specReplicas(app)} desired | ${status.updatedReplicas} updated | ${status.replicas} total | ${status.readyReplicas} ready`,
    ],
    ['Stable:', revisionText(status.stableRevisionNumber, status.stableRevision)],
    ['Candidate:', revisionText(status.candidateRevisionNumber, status.candidateRevision)],
    ['Endpoints:', endpoints(replicas)],
    ['Generation:', `${metadata.generation} (${status.observedGeneration} observed)`],
  ];
  if (status.liveColour !== null) rows.push(['Live colour:', status.liveColour]);
  if (status.warmUntil !== null) rows.push(['Warm until:', status.warmUntil]);
  for (const held of status.heldRevisions) rows.push(['Held:', `${held.revision}: ${held.reason.message}`]);
  return align(rows, '  ');
}

function pairs(record: Record<string, string>): string {
  const entries = Object.entries(record);
  return entries.length === 0 ? '<none>' : entries.map(([key, value]) => `${key}=${value}`).join(', ');
}

/** As a Service's endpoints: where requests go at this moment. */
function endpoints(replicas: readonly ReplicaView[]): string {
  const routed = replicas.filter((replica) => replica.inRoute && replica.address !== null);
  return routed.length === 0 ? '<none>' : routed.map((replica) => replica.address).join(',');
}

function routeLines(app: AppView): string[] {
  if (app.status.route.length === 0) return [];
  const header = ['REVISION', 'ROLE', 'ASKED', 'MEASURED', 'REQUESTS', 'FAILED', 'P50', 'P99'];
  const rows = app.status.route.map((share) => [
    revisionText(share.revisionNumber, share.revision),
    share.role,
    share.weightPercent === null ? 'by replica' : percentText(share.weightPercent),
    percentText(share.measuredPercent),
    String(share.requests),
    String(share.failed),
    millisText(share.p50Ms),
    millisText(share.p99Ms),
  ]);
  return align([header, ...rows]);
}

function releaseLines(release: ReleaseView | null, paint: Paint): string[] {
  if (release === null) return [];
  const rows: string[][] = [
    ['Id:', release.id],
    ['Cause:', `${release.cause} by ${release.actor}`],
    ['Strategy:', release.strategy],
    ['Revision:', revisionText(release.revisionNumber, release.revision)],
    ['From:', revisionText(release.fromRevisionNumber, release.fromRevision)],
    ['Verdict:', verdictText(release, paint)],
    ['Started:', release.startedAt],
    ['Ended:', release.endedAt ?? '-'],
  ];
  if (release.reason !== null) rows.push(['Reason:', `${release.reason.code}: ${release.reason.message}`]);
  if (release.cutoverMs !== null) rows.push(['Cutover:', millisText(release.cutoverMs)]);
  if (release.outageMs !== null) {
    rows.push([
      'Outage:',
      `${millisText(release.outageMs)} (${release.refused} refused, ${release.held} held)`,
    ]);
  }
  const stages = release.stages.map((stage, index) => {
    const waits = stage.state === 'current' ? waitingFor(stage) : '';
    const detail = [shareText(stage), waits].filter((part) => part !== '').join('; ');
    return [`  ${index + 1}`, stage.name, stage.state, detail];
  });
  return [...align(rows, '  '), ...(stages.length === 0 ? [] : ['Stages:']), ...align(stages, '  ')];
}
