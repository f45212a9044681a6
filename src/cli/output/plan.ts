import type { PlanView } from '../../api/types.ts';
import { type Paint, widthOf } from './colour.ts';
import type { Glyphs } from './glyphs.ts';
import { align } from './table.ts';
import { plural } from './view.ts';

interface PlanStyle {
  paint: Paint;
  glyphs: Glyphs;
  /** Width of the terminal. */
  columns: number;
}

const CHANGE: Record<PlanView['change'], string> = {
  create: 'will be created',
  release: 'will be released',
  scale: 'will be scaled; no new revision, no release',
  route: 'will be routed differently; no new revision, no release',
  settings: 'gets new settings; no new revision, no release',
  none: 'is as the file says: nothing will happen',
  held: 'is held: this revision failed or was undone, and apply will not release it',
  unknown: 'would go through these stages',
};

/** What `crossfade plan` prints for one App. */
export function planLines(plan: PlanView, style: PlanStyle): string[] {
  const { paint } = style;
  const lines = [
    `${paint('bold', `app/${plan.app}`)} ${CHANGE[plan.change]}${plan.change === 'release' ? ` (${plan.strategy})` : ''}`,
    comparedLine(plan),
    ...differenceLines(plan, style),
  ];
  if (plan.stages.length > 0)
    lines.push('', `Stages (${plan.strategy}):`, ...stageLines(plan, style).map((line) => `  ${line}`));
  lines.push('', summaryLine(plan, paint));
  return [...lines, ...plan.notes.map((note) => `Note: ${note}`)];
}

function comparedLine({ comparedWith, change }: PlanView): string {
  if (comparedWith === null) {
    return change === 'create'
      ? 'Compared with nothing: there is no such App yet.'
      : 'Compared with nothing.';
  }
  const { revision, revisionNumber, generation } = comparedWith;
  return `Compared with revision #${revisionNumber} (${revision}), generation ${generation}.`;
}

function differenceLines(plan: PlanView, { paint, glyphs }: PlanStyle): string[] {
  const differences = [...plan.differences, ...plan.content];
  if (plan.comparedWith === null || differences.length === 0) return [];
  const rows = differences.map(({ field, from, to }) => {
    if (from === null) return [paint('green', `+ ${field}`), to ?? ''];
    if (to === null) return [paint('red', `- ${field}`), from];
    return [paint('yellow', `~ ${field}`), `${from} ${glyphs.arrow} ${to}`];
  });
  return ['', 'Differences:', ...align(rows, '  ').map((line) => `  ${line}`)];
}

/** A table, or where that does not fit the terminal, a list. */
export function stageLines(plan: Pick<PlanView, 'stages'>, style: PlanStyle): string[] {
  const table = stageTable(plan, style);
  const widest = Math.max(...table.map(widthOf));
  return widest + INDENT <= style.columns ? table : stageList(plan, style);
}

const INDENT = 2;

function stageTable({ stages }: Pick<PlanView, 'stages'>, { paint }: PlanStyle): string[] {
  const arms = [...new Set(stages.flatMap((stage) => Object.keys(stage.replicas)))];
  const header = ['#', 'STAGE', ...arms.map((arm) => arm.toUpperCase()), 'ROUTE', 'GATES', 'IF ABORTED'];
  const rows = stages.map((stage, index) => [
    String(index + 1),
    stage.name,
    ...arms.map((arm) => String(stage.replicas[arm] ?? 0)),
    routeText(stage, paint),
    gatesText(stage),
    stage.onAbort,
  ]);
  return align([header, ...rows], '  ');
}

function stageList({ stages }: Pick<PlanView, 'stages'>, { paint }: PlanStyle): string[] {
  return stages.flatMap((stage, index) => [
    `${index + 1}  ${paint('bold', stage.name)}`,
    `     replicas    ${Object.entries(stage.replicas)
      .map(([arm, count]) => `${arm} ${count}`)
      .join(', ')}`,
    `     route       ${routeText(stage, paint)}`,
    `     gates       ${gatesText(stage)}`,
    `     if aborted  ${stage.onAbort}`,
  ]);
}

function routeText({ route, outage }: PlanView['stages'][number], paint: Paint): string {
  return outage === null ? route : paint('red', `${route} (outage: ${outage})`);
}

function gatesText({ gates }: PlanView['stages'][number]): string {
  return gates.length === 0 ? '-' : gates.join(', ');
}

function summaryLine(plan: PlanView, paint: Paint): string {
  const outage = plan.declaresOutage
    ? paint('red', 'An outage is declared: see the stages whose requests are refused or held.')
    : 'No outage is declared.';
  return `At most ${plural(plan.peakReplicas, 'replica')} at once. ${outage}`;
}
