import { createProbe } from '../probe/probe.ts';
import type { ProbeSummary } from '../probe/types.ts';

/** Who answered one request, and when. */
export interface AnsweredBy {
  /** Milliseconds since the Unix epoch. */
  at: number;
  revision: string;
}

/** The users of the demo. */
export interface Traffic {
  summary(): ProbeSummary;
  answers: readonly AnsweredBy[];
  /** Who gave the answers of the last second: revision -> share, 0 to 1. */
  recent(): Map<string, number>;
  stop(): Promise<ProbeSummary>;
}

export const TRAFFIC_RPS = 200;

/** Every second request on a new connection, the others on kept-alive ones. */
export function startTraffic(url: string): Traffic {
  const answers: AnsweredBy[] = [];
  const probe = createProbe({
    url: new URL('/api/version', url).href,
    rps: TRAFFIC_RPS,
    // Held requests stay open: during an outage of five seconds all of them must fit.
    concurrency: TRAFFIC_RPS * 10,
    connections: 'mixed',
    onRecord: ({ revision, endedAt }) => {
      if (revision !== null) answers.push({ at: endedAt, revision });
    },
  });
  const ended = probe.run();
  return {
    summary: () => probe.summary(),
    answers,
    recent: () => {
      const last = answers.slice(-TRAFFIC_RPS);
      const perRevision = Map.groupBy(last, ({ revision }) => revision);
      return new Map([...perRevision].map(([id, own]) => [id, own.length / last.length]));
    },
    stop: () => {
      probe.stop();
      return ended;
    },
  };
}
