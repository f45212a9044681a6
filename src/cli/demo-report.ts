import type { ReleaseView, StageView } from '../api/types.ts';
import { percentOf } from '../probe/ledger.ts';
import { count, failuresText, millis } from '../probe/text.ts';
import type { ProbeSummary } from '../probe/types.ts';
import { splitCells } from './demo-screen.ts';
import { type DemoStrategy, SHOP } from './demo-shop.ts';
import type { AnsweredBy } from './demo-traffic.ts';
import type { Paint } from './output/colour.ts';
import { align } from './output/table.ts';

/** One release of the demo: how the product tells it, and what the traffic met meanwhile. */
export interface Told {
  release: ReleaseView;
  traffic: ProbeSummary;
  /** Who answered each request of the traffic, and when. */
  answers: readonly AnsweredBy[];
}

/** What `-o json` ends with: a fixed interface. Per cents are the candidate's share. */
export interface DemoReport {
  strategy: DemoStrategy;
  requests: number;
  failed: number;
  slowestMs: number;
  /** First new answer minus route commit. */
  cutoverMs: number | null;
  /** Null where no outage is declared. */
  outageMs: number | null;
  stages: { name: string; askedPercent: number | null; measuredPercent: number | null; requests: number }[];
  verdict: 'promoted' | 'aborted' | 'inconclusive';
  badRelease: {
    verdict: 'promoted' | 'aborted' | 'inconclusive';
    reason: { code: string; message: string };
    failed: number;
  };
}

export function demoReport(strategy: DemoStrategy, good: Told, bad: Told): DemoReport {
  return {
    strategy,
    requests: good.traffic.requests,
    failed: good.traffic.failed,
    slowestMs: good.traffic.slowestMs,
    cutoverMs: good.release.cutoverMs,
    outageMs: good.release.outageMs,
    stages: stagesOf(good).map(({ name, askedPercent, measuredPercent, requests }) => ({
      name,
      askedPercent,
      measuredPercent,
      requests: requests ?? 0,
    })),
    verdict: verdictOf(good.release),
    badRelease: {
      verdict: verdictOf(bad.release),
      reason: bad.release.reason ?? { code: '', message: '' },
      failed: bad.traffic.failed,
    },
  };
}

/**
 * The stages that were reached, each with what was measured in it: by the product where a gate measured, by the users'
 * own answers where none did. While the route admits nobody no share is asked.
 */
function stagesOf({ release, answers }: Told): StageView[] {
  const reached = release.stages.filter((stage) => stage.state !== 'skipped');
  return reached.map((stage, index) => {
    if (stage.askedPercent === null) return { ...stage, measuredPercent: null };
    if (stage.requests !== null && stage.requests > 0) return stage;
    const from = timeOf(stage.startedAt);
    const to = timeOf(reached[index + 1]?.startedAt ?? null);
    const own = answers.filter(({ at }) => at >= from && at < to);
    if (own.length === 0) return { ...stage, ...NOBODY_ADMITTED };
    const byCandidate = own.filter(({ revision }) => revision === release.revision).length;
    return { ...stage, measuredPercent: percentOf(byCandidate, own.length), requests: own.length };
  });
}

const NOBODY_ADMITTED = { askedPercent: null, measuredPercent: null, requests: 0 };

const timeOf = (at: string | null) => (at === null ? Number.POSITIVE_INFINITY : Date.parse(at));

/** Nothing supersedes a release of the demo, and an ended one has a verdict. */
function verdictOf(release: ReleaseView): DemoReport['verdict'] {
  const { verdict } = release;
  return verdict === 'promoted' || verdict === 'aborted' ? verdict : 'inconclusive';
}

/** All that the demo set out to show was seen. */
export function succeeded(report: DemoReport): boolean {
  const { verdict, failed, badRelease } = report;
  return (
    verdict === 'promoted' && failed === 0 && badRelease.verdict === 'aborted' && badRelease.failed === 0
  );
}

/** The report in 80 columns. */
export function reportLines(report: DemoReport, good: Told, bad: Told, paint: Paint): string[] {
  return [
    paint('bold', 'Report'),
    '',
    `${SHOP.next} was ${verdictText(report.verdict, 'promoted', paint)} (${report.strategy}) in ${lasted(good.release)}`,
    ...trafficLines(good.traffic, paint),
    ...timeLines(report),
    ...stageLines(stagesOf(good)),
    '',
    `${SHOP.broken} was ${verdictText(report.badRelease.verdict, 'aborted', paint)} in ${lasted(bad.release)}`,
    ...wrapped(`${report.badRelease.reason.message} (${report.badRelease.reason.code})`, 76).map(
      (line) => `  ${line}`,
    ),
    ...trafficLines(bad.traffic, paint),
  ];
}

function verdictText(verdict: string, hoped: string, paint: Paint): string {
  return paint(verdict === hoped ? 'green' : 'red', verdict);
}

const lasted = (release: ReleaseView) =>
  release.endedAt === null ? '?' : millis(Date.parse(release.endedAt) - Date.parse(release.startedAt));

function trafficLines(traffic: ProbeSummary, paint: Paint): string[] {
  const failed = traffic.failed === 0 ? paint('green', '0') : paint('red', failuresText(traffic));
  return [
    field('requests', `${count(traffic.requests)}, half on kept-alive and half on new connections`),
    field('failed', failed),
    field(
      'latency',
      `p50 ${millis(traffic.p50Ms)}, p99 ${millis(traffic.p99Ms)}, slowest ${millis(traffic.slowestMs)}`,
    ),
  ];
}

function timeLines({ cutoverMs, outageMs }: DemoReport): string[] {
  return [
    ...(cutoverMs === null
      ? []
      : [
          field('cutover', `first answer of ${SHOP.next} ${millis(cutoverMs)} after its route was committed`),
        ]),
    ...(outageMs === null
      ? []
      : [field('outage', `requests were held for up to ${millis(outageMs)}; none failed by it`)]),
  ];
}

function stageLines(stages: readonly StageView[]): string[] {
  const rows = stages
    .filter((stage) => stage.askedPercent !== null)
    .map((stage) => [stage.name, ...splitCells(stage)]);
  return align(rows, '   ').map((line, index) => field(index === 0 ? 'stages' : '', line));
}

const field = (name: string, value: string) => `  ${name.padEnd(10)}${value}`;

/** Words on lines of at most `columns`; the lines of the text stay lines. */
export function wrapped(text: string, columns: number): string[] {
  return text.split('\n').flatMap((line) => {
    const lines = [''];
    for (const word of line.split(' ')) {
      const last = lines.length - 1;
      const longer = lines[last] === '' ? word : `${lines[last]} ${word}`;
      if (longer.length <= columns || lines[last] === '') lines[last] = longer;
      else lines.push(word);
    }
    return lines;
  });
}
