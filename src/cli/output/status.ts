import type { AppView, ReleaseView, ReplicaView, RouteShare, StageView } from '../../api/types.ts';
import type { Paint } from './colour.ts';
import { type Glyphs, type TreeNode, treeLines } from './glyphs.ts';
import { align } from './table.ts';
import { phaseText, tookText, verdictText } from './tables.ts';
import { ageText, millisText, percentText } from './units.ts';
import {
  currentStage,
  plural,
  revisionText,
  shareText,
  specReplicas,
  strategyOf,
  waitingFor,
} from './view.ts';

/** What `crossfade status` shows of one App, in one picture. */
export interface StatusInput {
  app: AppView;
  replicas: readonly ReplicaView[];
  nowMs: number;
  paint: Paint;
  glyphs: Glyphs;
}

export function statusLines(input: StatusInput): string[] {
  const { app, glyphs, paint } = input;
  const nodes = [...addressNodes(app), ...routeNodes(input), ...revisionNodes(input), ...releaseNodes(input)];
  const title = `${paint('bold', app.metadata.name)}  ${phaseText(app.status.phase, paint)}`;
  const namespace = app.metadata.namespace === 'default' ? '' : `  (namespace ${app.metadata.namespace})`;
  const message = app.status.message === '' ? '' : `  ${app.status.message}`;
  return [`${title}${namespace}${message}`, ...treeLines(nodes, glyphs)];
}

function addressNodes({ status }: AppView): TreeNode[] {
  const nodes: TreeNode[] = [{ text: `Address   ${status.url ?? 'none: nothing is routed to this App'}` }];
  if (status.previewUrl !== null) nodes.push({ text: `Preview   ${status.previewUrl}` });
  return nodes;
}

function routeNodes({ app, paint }: StatusInput): TreeNode[] {
  const { route } = app.status;
  if (route.length === 0) return [];
  const header = ['', 'ASKED', 'MEASURED', 'REQUESTS', 'FAILED', 'P50', 'P99'];
  const [titles = '', ...rows] = align([header, ...route.map((share) => routeRow(share, paint))], '  ');
  // The rows hang one level deeper than the titles: the branch takes three columns.
  return [{ text: `Route  ${titles.slice(4)}`, children: rows.map((text) => ({ text })) }];
}

function routeRow(share: RouteShare, paint: Paint): string[] {
  const failed = share.failed > 0 ? paint('red', String(share.failed)) : '0';
  const asked = share.weightPercent === null ? 'by replica' : percentText(share.weightPercent);
  return [
    `${share.role} #${share.revisionNumber} ${share.revision}`,
    asked,
    percentText(share.measuredPercent),
    String(share.requests),
    failed,
    millisText(share.p50Ms),
    millisText(share.p99Ms),
  ];
}

function revisionNodes(input: StatusInput): TreeNode[] {
  const { app, replicas } = input;
  const numbers = [...new Set(replicas.map((replica) => replica.revisionNumber))].sort((a, b) => b - a);
  const children = numbers.map((number) => {
    const own = replicas.filter((replica) => replica.revisionNumber === number);
    return { text: revisionLine(input, own), children: replicaNodes(own, input) };
  });
  for (const held of app.status.heldRevisions) {
    children.push({ text: `${held.revision}  held: ${held.reason.message}`, children: [] });
  }
  if (children.length === 0) return [{ text: 'Revisions  none runs' }];
  const ready = replicas.filter((replica) => replica.ready).length;
  return [
    {
      text: `Revisions  ${plural(replicas.length, 'replica')}, ${ready} ready, ${specReplicas(app)} asked for`,
      children,
    },
  ];
}

function revisionLine({ app, paint }: StatusInput, own: readonly ReplicaView[]): string {
  const [first] = own;
  if (first === undefined) return '';
  const colour = first.colour === null ? '' : `  ${first.colour}`;
  const live = first.colour !== null && first.colour === app.status.liveColour ? ' (live)' : '';
  const warm = first.role === 'warm' && app.status.warmUntil !== null ? ` until ${app.status.warmUntil}` : '';
  const ready = own.filter((replica) => replica.ready).length;
  return `${paint('bold', revisionText(first.revisionNumber, first.revision))}  ${first.role}${warm}${colour}${live}  ${ready}/${own.length} ready`;
}

function replicaNodes(own: readonly ReplicaView[], { glyphs, nowMs, paint }: StatusInput): TreeNode[] {
  const rows = own.map((replica) => [
    `${replica.ready ? paint('green', glyphs.done) : paint('yellow', glyphs.todo)} ${replica.id}`,
    replica.phase,
    replica.address ?? '-',
    replica.inRoute ? 'in the route' : 'not in the route',
    plural(replica.restarts, 'restart'),
    ageText(replica.startedAt, nowMs),
  ]);
  return align(rows, '  ').map((text, index) => {
    const problem = own[index]?.problem;
    return { text: problem === null || problem === undefined ? text : `${text}\n  ${paint('red', problem)}` };
  });
}

function releaseNodes(input: StatusInput): TreeNode[] {
  const { app, nowMs, paint } = input;
  const release = app.status.release ?? app.status.lastRelease;
  if (release === null) return [{ text: `Release  none yet (strategy ${strategyOf(app)})` }];
  const ended = release.endedAt === null ? '' : `, ${ageText(release.endedAt, nowMs)} ago`;
  const from = release.fromRevisionNumber === null ? '' : ` from #${release.fromRevisionNumber}`;
  const title =
    `Release ${release.id}  ${verdictText(release, paint)}${ended}  ${release.strategy}${from} to ` +
    `#${release.revisionNumber} by ${release.actor}, ${release.endedAt === null ? 'for' : 'took'} ${tookText(release, nowMs)}`;
  return [{ text: [title, ...releaseFacts(release)].join('\n'), children: stageNodes(release, input) }];
}

function releaseFacts(release: ReleaseView): string[] {
  const facts: string[] = [];
  if (release.reason !== null) facts.push(`${release.reason.code}: ${release.reason.message}`);
  if (release.cutoverMs !== null) facts.push(`cutover ${millisText(release.cutoverMs)}`);
  if (release.outageMs !== null) {
    facts.push(`outage ${millisText(release.outageMs)}: ${release.refused} refused, ${release.held} held`);
  }
  return facts;
}

function stageNodes(release: ReleaseView, { glyphs, paint }: StatusInput): TreeNode[] {
  const current = currentStage(release);
  const rows = release.stages.map((stage) => [
    `${stageMark(stage, glyphs, paint)} ${stage.name}`,
    stageDetail(stage, release),
  ]);
  return align(rows, '  ').map((text, index) => ({
    text: index === current?.index ? paint('bold', text) : text,
  }));
}

function stageMark(stage: StageView, glyphs: Glyphs, paint: Paint): string {
  if (stage.state === 'done') return paint('green', glyphs.done);
  if (stage.state === 'aborted') return paint('red', glyphs.failed);
  if (stage.state === 'current') return paint('cyan', glyphs.current);
  return stage.state === 'skipped' ? glyphs.skipped : glyphs.todo;
}

function stageDetail(stage: StageView, release: ReleaseView): string {
  const waits = stage.state === 'current' ? waitingFor(stage) : '';
  const paused = stage.state === 'current' && release.paused ? 'paused by an operator' : '';
  return [shareText(stage), waits, paused].filter((part) => part !== '').join('; ');
}
