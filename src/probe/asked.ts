import { percentOf } from './ledger.ts';
import type { Ms, RequestRecord } from './types.ts';

/** What a route asks for: per cents of all requests, by revision. */
export type AskedShares = Readonly<Record<string, number>>;

/** A time during which the route asked for the same shares, and what came of it. */
export interface AskedPeriod {
  requests: number;
  shares: {
    revision: string;
    askedPercent: number;
    measuredPercent: number;
    requests: number;
    /** Measured minus asked, in points of per cent. */
    deviation: number;
  }[];
}

/** Compares what was measured with what was asked for, period by period. */
export interface AskedLedger {
  add(record: RequestRecord): void;
  /** The route was seen between these two moments. Null: it asks for no shares. */
  saw(shares: AskedShares | null, from: Ms, to: Ms): void;
  periods(): AskedPeriod[];
}

interface Period {
  key: string;
  asked: AskedShares;
  /** Known to be in force from here: the second time it was seen, as the router follows the record of it. */
  since: Ms | null;
  answers: Map<string, number>;
}

export function createAskedLedger(): AskedLedger {
  const all: Period[] = [];
  let current: Period | undefined;
  /** Ended, but it is not known yet whether the route was still the same. */
  let waiting: RequestRecord[] = [];

  function begin(asked: AskedShares | null): Period | undefined {
    if (asked === null) return undefined;
    const period = { key: keyOf(asked), asked, since: null, answers: new Map<string, number>() };
    all.push(period);
    return period;
  }

  return {
    add(record) {
      if (current !== undefined && record.revision !== null) waiting.push(record);
    },
    saw(shares, from, to) {
      if (shares === null || current?.key !== keyOf(shares)) {
        current = begin(shares);
        waiting = [];
        return;
      }
      const { since } = current;
      const confirmed = waiting.filter((record) => record.endedAt <= from);
      waiting = waiting.filter((record) => record.endedAt > from);
      current.since ??= to;
      for (const { startedAt, revision } of confirmed) {
        if (since === null || startedAt < since || revision === null) continue;
        current.answers.set(revision, (current.answers.get(revision) ?? 0) + 1);
      }
    },
    periods: () => all.map(viewOf).filter((period) => period.requests > 0),
  };
}

const keyOf = (shares: AskedShares) => JSON.stringify(Object.entries(shares).sort());

function viewOf(period: Period): AskedPeriod {
  const requests = [...period.answers.values()].reduce((sum, n) => sum + n, 0);
  const revisions = new Set([...Object.keys(period.asked), ...period.answers.keys()]);
  return {
    requests,
    shares: [...revisions].map((revision) => {
      const askedPercent = period.asked[revision] ?? 0;
      const answers = period.answers.get(revision) ?? 0;
      const measuredPercent = percentOf(answers, requests);
      const deviation = Math.round((measuredPercent - askedPercent) * 10_000) / 10_000;
      return { revision, askedPercent, measuredPercent, requests: answers, deviation };
    }),
  };
}
