import { createProbe } from '../probe/probe.ts';
import type { ProbeSummary } from '../probe/types.ts';

/** The users of the demo. */
export interface Traffic {
  summary(): ProbeSummary;
  /** Who gave the answers of the last second: revision -> share, 0 to 1. */
  recent(): Map<string, number>;
  stop(): Promise<ProbeSummary>;
}

export const TRAFFIC_RPS = 200;

/** Every second request on a new connection, the others on kept-alive ones. */
export function startTraffic(url: string): Traffic {
  const answers: string[] = [];
  const probe = createProbe({
    url: new URL('/api/version', url).href,
    rps: TRAFFIC_RPS,
    // Held requests stay open: during an outage of five seconds all of them must fit.
    concurrency: TRAFFIC_RPS * 10,
    connections: 'mixed',
    onRecord: ({ revision }) => {
      if (revision !== null) answers.push(revision);
      if (answers.length > TRAFFIC_RPS) answers.shift();
    },
  });
  const ended = probe.run();
  return {
    summary: () => probe.summary(),
    recent: () => {
      const perRevision = Map.groupBy(answers, (revision) => revision);
      return new Map([...perRevision].map(([id, own]) => [id, own.length / answers.length]));
    },
    stop: () => {
      probe.stop();
      return ended;
    },
  };
}
