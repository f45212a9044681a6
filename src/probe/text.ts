import type { AskedPeriod } from './asked.ts';
import type { Ms, ProbeSummary, RequestRecord, SwitchView } from './types.ts';

/** Paints text for a terminal, or returns it as it is. */
export type Painter = (shade: 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan', text: string) => string;

/** `[2022-10-01 04:10:26] {"version": "1.0.0"} in 0.001979s  v1-0123456789ab`; local time. */
export function logLine(record: RequestRecord): string {
  const seconds = ((record.endedAt - record.intendedAt) / 1000).toFixed(6);
  const what =
    record.failure === null ? trimmed(record.detail) : `FAILED ${record.failure}: ${trimmed(record.detail)}`;
  return `[${dayAndTime(record.endedAt)}] ${what} in ${seconds}s${record.revision === null ? '' : `  ${record.revision}`}`;
}

export function switchLine(found: SwitchView): string {
  return `---- switch: first answer of revision ${found.to} at ${clockTime(found.firstNewAt)} (before: ${found.from}) ----`;
}

/** What a probe ends with, in 80 columns. */
export function summaryLines(summary: ProbeSummary, asked: readonly AskedPeriod[], paint: Painter): string[] {
  const failed = summary.failed === 0 ? paint('green', '0') : paint('red', failuresText(summary));
  const rate = `${count(Math.round(summary.requestsPerSecond))}/s for ${(summary.durationMs / 1000).toFixed(1)} s`;
  const latency = `p50 ${millis(summary.p50Ms)}   p99 ${millis(summary.p99Ms)}   slowest ${millis(summary.slowestMs)}`;
  return [
    field('requests', `${count(summary.requests)} (${rate})`),
    field('failed', failed),
    field('latency', latency),
    ...(summary.notSent === 0
      ? []
      : [
          field(
            'not sent',
            paint('yellow', `${count(summary.notSent)} were due while all connections were busy`),
          ),
        ]),
    ...fields('revisions', shareLines(summary)),
    ...summary.switches.flatMap(switchLines),
    ...asked.flatMap((period) => fields('asked', askedLines(period))),
  ];
}

export function failuresText(summary: Pick<ProbeSummary, 'failed' | 'failures'>): string {
  const kinds = Object.entries(summary.failures).map(([kind, n]) => `${kind} ${count(n)}`);
  return `${count(summary.failed)} (${kinds.join(', ')})`;
}

function shareLines(summary: ProbeSummary): string[] {
  const shares = Object.entries(summary.byRevision);
  const width = Math.max(0, ...shares.map(([id]) => id.length));
  return shares.map(
    ([id, { requests, percent }]) =>
      `${id.padEnd(width)}  ${count(requests).padStart(9)}  ${percentWords(percent)}`,
  );
}

function switchLines(found: SwitchView): string[] {
  const overlap = found.overlapMs ?? 0;
  const both = overlap >= 0 ? `both answered for ${millis(overlap)}` : `${millis(-overlap)} between them`;
  return fields('switch', [
    `${clockTime(found.firstNewAt)}  ${found.from} -> ${found.to}`,
    `first new answer ${clockTime(found.firstNewAt)}, last old answer ${clockTime(found.lastOldAt ?? 0)}`,
    `${both}; within 1 s of it: slowest ${millis(found.slowestMs)}, failed ${found.failed}`,
  ]);
}

function askedLines(period: AskedPeriod): string[] {
  return period.shares.map(
    (share) =>
      `${share.revision}: asked ${percentWords(share.askedPercent)}, measured ${percentWords(share.measuredPercent)} ` +
      `of ${count(period.requests)} (${share.deviation >= 0 ? '+' : ''}${share.deviation.toFixed(2)})`,
  );
}

function fields(name: string, [first, ...more]: string[]): string[] {
  return first === undefined ? [] : [field(name, first), ...more.map((line) => field('', line))];
}

const field = (name: string, value: string) => `${name.padEnd(10)} ${value}`;

/** 12,041: the same on every machine. */
export const count = (n: number) => n.toLocaleString('en-US');

export const percentWords = (percent: number) => `${percent.toFixed(2)}%`;

/** `0.4 ms`, `12 ms`, `1.25 s`. */
export function millis(ms: Ms): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

const BODY_COLUMNS = 120;
const trimmed = (text: string) => (text.length > BODY_COLUMNS ? `${text.slice(0, BODY_COLUMNS)}...` : text);

const two = (n: number) => String(n).padStart(2, '0');

function dayAndTime(at: Ms): string {
  const day = new Date(at);
  const date = `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
  return `${date} ${two(day.getHours())}:${two(day.getMinutes())}:${two(day.getSeconds())}`;
}

/** `04:10:26.123`, local time. */
function clockTime(at: Ms): string {
  const day = new Date(at);
  const ms = String(day.getMilliseconds()).padStart(3, '0');
  return `${two(day.getHours())}:${two(day.getMinutes())}:${two(day.getSeconds())}.${ms}`;
}
