/** Users in a closed loop: each sends its next request when the last one has ended, however it did. */
import http from 'node:http';
import { waitFor } from '../../support/wait-for.ts';
import { ask } from './ask.ts';

export type Connections = 'fresh' | 'kept';

export interface ClientsOptions {
  url: string;
  connections: Connections;
  headers?: Record<string, string>;
  clients?: number;
  /** Kept connections are closed by the client after so many requests; absent: never. */
  renewAfter?: number;
}

export interface Tally {
  requests: number;
  /** Requests that were answered as they should be, by who answered. */
  answers: Record<string, number>;
  /** The others, by what happened to them. */
  failures: Record<string, number>;
  /** By `performance.now()`, when each version answered for the first time. */
  firstAt: Record<string, number>;
  /** The same, for the last time so far. */
  lastAt: Record<string, number>;
}

export interface Clients {
  readonly tally: Tally;
  /** Resolves once so many more requests have ended. */
  more: (requests: number) => Promise<void>;
  /** Resolves when the last request has ended. */
  stop: () => Promise<Tally>;
}

const CLIENTS = 8;
/** What a patient user waits; it is what a time-out costs in the tables. */
const TIMEOUT_MS = 5_000;

export function startClients(options: ClientsOptions): Clients {
  const tally: Tally = { requests: 0, answers: {}, failures: {}, firstAt: {}, lastAt: {} };
  const state = { stopped: false };
  const loops = Array.from({ length: options.clients ?? CLIENTS }, () => useService(options, tally, state));
  return {
    tally,
    async more(requests) {
      const wanted = tally.requests + requests;
      const what = `${requests} more requests`;
      await waitFor(() => tally.requests >= wanted, { timeoutMs: 120_000, what });
    },
    async stop() {
      state.stopped = true;
      await Promise.all(loops);
      return tally;
    },
  };
}

async function useService(
  { url, connections, headers = {}, renewAfter = Number.POSITIVE_INFINITY }: ClientsOptions,
  tally: Tally,
  state: { stopped: boolean },
): Promise<void> {
  const connect = () =>
    connections === 'kept' ? new http.Agent({ keepAlive: true, maxSockets: 1 }) : undefined;
  let agent = connect();
  for (let sent = 1; !state.stopped; sent += 1) {
    if (sent % renewAfter === 0) {
      // Between two requests of its own: nobody loses anything.
      agent?.destroy();
      agent = connect();
    }
    const options = { headers, timeoutMs: TIMEOUT_MS, ...(agent === undefined ? {} : { agent }) };
    const outcome = await attempt(url, options);
    tally.requests += 1;
    const { answer, failure } = outcome;
    if (answer !== undefined) {
      count(tally.answers, answer);
      const now = performance.now();
      tally.firstAt[answer] ??= now;
      tally.lastAt[answer] = now;
    }
    if (failure !== undefined) count(tally.failures, failure);
  }
  agent?.destroy();
}

async function attempt(
  url: string,
  options: Parameters<typeof ask>[1],
): Promise<{ answer?: string; failure?: string }> {
  try {
    const { status, body } = await ask(url, options);
    return status === 200 ? { answer: body } : { failure: String(status) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { failure: NAMES[code ?? ''] ?? (message.startsWith('no answer') ? 'time-out' : message) };
  }
}

const NAMES: Record<string, string> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ETIMEDOUT: 'time-out',
  EHOSTUNREACH: 'unreachable',
};

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

/** How many requests each version has answered, over all of them. */
export function answersOf(all: readonly Clients[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { tally } of all)
    for (const [version, times] of Object.entries(tally.answers))
      sums[version] = (sums[version] ?? 0) + times;
  return sums;
}

export const failedOf = ({ failures }: Tally) => Object.values(failures).reduce((sum, n) => sum + n, 0);

/** `0`, or every kind with its number: `18 x 502, 8 x time-out`. */
export function describeFailures({ failures }: Tally): string {
  const kinds = Object.entries(failures).map(([kind, times]) => `${times} x ${kind}`);
  return kinds.length === 0 ? '0' : kinds.join(', ');
}
