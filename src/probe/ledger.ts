import { createHistogram } from './histogram.ts';
import { createSwitchTracker } from './switches.ts';
import type { FailureKind, Ms, ProbeSummary, RequestRecord, SwitchView } from './types.ts';

/** Adds up every request; what it keeps does not grow with their number. */
export interface Ledger {
  /** Returns the switch that this request made visible, if it did. */
  add(record: RequestRecord): SwitchView | undefined;
  notSent(requests: number): void;
  summary(): ProbeSummary;
}

/** Requests that never got an answer say nothing about how long answers take; a timeout does. */
const WITHOUT_LATENCY: ReadonlySet<FailureKind | null> = new Set([
  'refused',
  'unreachable',
  'tls',
  'reset',
  'closed',
  'bad_answer',
] satisfies FailureKind[]);

/** What a server calls itself must not fill memory: it may be another name in each answer. */
const MAX_REVISIONS = 100;
/** All that came after so many. */
const OTHERS = 'others';

export function createLedger(): Ledger {
  const latencies = createHistogram();
  const switches = createSwitchTracker();
  const failures: Partial<Record<FailureKind, number>> = {};
  const perRevision = new Map<string, number>();
  const byStatus: Record<string, number> = {};
  let [requests, failed, answered, notSent] = [0, 0, 0, 0];
  let firstStartAt: Ms = Number.POSITIVE_INFINITY;
  let lastEndAt: Ms = 0;

  function named(revision: string | null): string | null {
    if (revision === null || perRevision.has(revision) || perRevision.size < MAX_REVISIONS) return revision;
    return OTHERS;
  }

  function count(record: RequestRecord): void {
    requests += 1;
    firstStartAt = Math.min(firstStartAt, record.startedAt);
    lastEndAt = Math.max(lastEndAt, record.endedAt);
    if (record.status !== null) byStatus[record.status] = (byStatus[record.status] ?? 0) + 1;
    if (record.failure !== null) {
      failed += 1;
      failures[record.failure] = (failures[record.failure] ?? 0) + 1;
    }
    if (record.revision !== null) {
      answered += 1;
      perRevision.set(record.revision, (perRevision.get(record.revision) ?? 0) + 1);
    }
  }

  return {
    add(given) {
      const record = { ...given, revision: named(given.revision) };
      count(record);
      const latencyMs = record.endedAt - record.intendedAt;
      if (!WITHOUT_LATENCY.has(record.failure)) latencies.add(latencyMs);
      return switches.add(record, latencyMs);
    },
    notSent(more) {
      notSent += more;
    },
    summary() {
      const durationMs = requests === 0 ? 0 : lastEndAt - firstStartAt;
      return {
        requests,
        failed,
        failures: { ...failures },
        p50Ms: rounded(latencies.percentileMs(0.5)),
        p99Ms: rounded(latencies.percentileMs(0.99)),
        slowestMs: rounded(latencies.maxMs),
        byRevision: Object.fromEntries(
          [...perRevision].map(([id, n]) => [id, { requests: n, percent: percentOf(n, answered) }]),
        ),
        byStatus: { ...byStatus },
        durationMs: rounded(durationMs),
        requestsPerSecond: durationMs === 0 ? 0 : rounded((requests * 1000) / durationMs),
        notSent,
        switches: switches.views().map(roundedSwitch),
      };
    },
  };
}

function roundedSwitch(view: SwitchView): SwitchView {
  return {
    ...view,
    firstNewAt: rounded(view.firstNewAt),
    lastOldAt: view.lastOldAt === null ? null : rounded(view.lastOldAt),
    overlapMs: view.overlapMs === null ? null : rounded(view.overlapMs),
    slowestMs: rounded(view.slowestMs),
  };
}

/** Per cent to four places: 0.01% over 10,000 requests stays visible. */
export const percentOf = (part: number, whole: number) =>
  whole === 0 ? 0 : Math.round((part * 1_000_000) / whole) / 10_000;

/** Microseconds are as fine as the measurement is. */
const rounded = (ms: Ms) => Math.round(ms * 1000) / 1000;
