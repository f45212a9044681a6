/** Continuous users, and an account of every request that they made. */
import assert from 'node:assert/strict';
import { createProbe, type ProbeOptions } from '../../../src/probe/probe.ts';
import type { ProbeSummary, RequestRecord } from '../../../src/probe/types.ts';
import { waitFor } from '../../support/wait-for.ts';

export interface Seen extends RequestRecord {
  /** By the wall clock, which the daemon dates its events with. */
  sentAt: number;
  answeredAt: number;
}

export interface Load {
  /** Every request that has ended, in the order of their ends. */
  seen: readonly Seen[];
  /** Resolves once so many more requests have ended. */
  more(requests: number): Promise<void>;
  stop(): Promise<ProbeSummary>;
}

/** Modest: it shares the machine with what it is sent to. */
const RPS = 40;

export function startLoad(url: string, options: Partial<ProbeOptions> = {}): Load {
  const seen: Seen[] = [];
  const onRecord = (record: RequestRecord) => {
    const answeredAt = Date.now();
    seen.push({ ...record, sentAt: answeredAt - (record.endedAt - record.startedAt), answeredAt });
  };
  // As many as an outage of a minute makes wait: none is left unsent.
  const probe = createProbe({ url, rps: RPS, concurrency: 3_000, timeoutMs: 90_000, ...options, onRecord });
  const ended = probe.run();
  return {
    seen,
    async more(requests) {
      const wanted = seen.length + requests;
      await waitFor(() => seen.length >= wanted, { timeoutMs: 60_000, what: `${requests} more requests` });
    },
    async stop() {
      probe.stop();
      const summary = await ended;
      assert.equal(summary.notSent, 0, 'requests were due and not sent');
      return summary;
    },
  };
}

export const failuresOf = (seen: readonly Seen[]): Seen[] => seen.filter(({ failure }) => failure !== null);

/** What failed, each kind once, in words. */
export const kindsOfFailure = (seen: readonly Seen[]): string[] => [
  ...new Set(failuresOf(seen).map(({ failure, detail }) => `${failure}: ${detail}`)),
];

/** Fails with the first failures as they were, not with their number alone. */
export function assertNoFailure(seen: readonly Seen[], when = ''): void {
  const failed = failuresOf(seen);
  assert.deepEqual(
    failed.slice(0, 5).map(describeSeen),
    [],
    `${failed.length} of ${seen.length} requests failed ${when}`,
  );
}

export function describeSeen({ sentAt, answeredAt, failure, detail, connection, revision }: Seen): string {
  const times = `${new Date(sentAt).toISOString()} to ${new Date(answeredAt).toISOString()}`;
  return `${times} ${connection} ${failure ?? 'ok'} ${revision ?? '-'}: ${detail}`;
}
