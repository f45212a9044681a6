import { setTimeout as sleep } from 'node:timers/promises';
import { type Agents, createAgents } from './agents.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { sendRequest, type Target } from './request.ts';
import type { ConnectionKind, Ms, ProbeSummary, RequestRecord, SwitchView } from './types.ts';

export interface ProbeOptions {
  /** http or https. */
  url: string;
  /**
   * Requests per second, sent at their time whether or not earlier ones were answered, up to `concurrency`; latency
   * counts from the intended start. Absent: each connection sends its next request when its last one was answered.
   */
  rps?: number;
  /** Most requests open at a time. Default 1 without a rate, 64 with one. */
  concurrency?: number;
  /** Sends nothing more after this. Absent, and no `requests`: until stop(). */
  durationMs?: Ms;
  /** Sends this many. */
  requests?: number;
  /** kept: connections are reused (default). fresh: a new one for each request. mixed: every second one is new. */
  connections?: ConnectionKind | 'mixed';
  /** For one request, from its start to the last byte of its answer. Default 30 s. */
  timeoutMs?: Ms;
  headers?: Record<string, string>;
  /** Default GET. A POST has no body, and no router may send it twice. */
  method?: 'GET' | 'POST';
  /** Statuses of 400 and above that are no failure. */
  acceptStatus?: readonly number[];
  onRecord?: (record: RequestRecord) => void;
  /** Called after onRecord of the request that showed it. */
  onSwitch?: (found: SwitchView, record: RequestRecord) => void;
}

export interface Probe {
  /** Resolves when everything sent was answered or has failed. Called once. */
  run(): Promise<ProbeSummary>;
  /** Sends nothing more; run() resolves when what is open has ended. */
  stop(): void;
  /** What is known so far. */
  summary(): ProbeSummary;
}

const REFUSED_PAUSE_MS = 10;

interface Run {
  options: ProbeOptions;
  target: Target;
  agents: Agents;
  ledger: Ledger;
  concurrency: number;
  stopped: boolean;
  /** Set while the pacer sleeps: wakes it. */
  wake: () => void;
}

/** The continuous client: sends requests, and keeps account of each. */
export function createProbe(options: ProbeOptions): Probe {
  const url = new URL(options.url);
  const concurrency = options.concurrency ?? (options.rps === undefined ? 1 : 64);
  const run: Run = {
    options,
    target: {
      url,
      method: options.method ?? 'GET',
      headers: { 'user-agent': 'crossfade-probe', accept: '*/*', ...options.headers },
      timeoutMs: options.timeoutMs ?? 30_000,
      acceptStatus: new Set(options.acceptStatus),
    },
    agents: createAgents(url, concurrency),
    ledger: createLedger(),
    concurrency,
    stopped: false,
    wake: () => {},
  };
  return {
    async run() {
      try {
        await (options.rps === undefined ? sendInTurn(run) : sendAtRate(run, options.rps));
      } finally {
        run.agents.close();
      }
      return run.ledger.summary();
    },
    stop() {
      run.stopped = true;
      run.wake();
    },
    summary: () => run.ledger.summary(),
  };
}

/** Closed loop: `concurrency` clients, each sends its next request when it has its answer. */
async function sendInTurn(run: Run): Promise<void> {
  const endAt = performance.now() + (run.options.durationMs ?? Number.POSITIVE_INFINITY);
  const limit = run.options.requests ?? Number.POSITIVE_INFINITY;
  let sent = 0;
  const client = async () => {
    while (!run.stopped && sent < limit && performance.now() < endAt) {
      sent += 1;
      const { failure } = await sendOne(run, sent, performance.now());
      // Nobody there: answers in microseconds, and a tight loop would only burn the machine's time.
      if (failure === 'refused' || failure === 'unreachable') await sleep(REFUSED_PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: run.concurrency }, client));
}

/** Open loop: request n is due at n / rps whatever became of the ones before it. */
async function sendAtRate(run: Run, rps: number): Promise<void> {
  const beganAt = performance.now();
  const byTime =
    run.options.durationMs === undefined
      ? Number.POSITIVE_INFINITY
      : Math.ceil((run.options.durationMs / 1000) * rps);
  const total = Math.min(run.options.requests ?? Number.POSITIVE_INFINITY, byTime);
  const endAt = beganAt + (run.options.durationMs ?? Number.POSITIVE_INFINITY);
  const open = new Set<Promise<void>>();
  let sent = 0;
  const dueBy = (now: number) => Math.min(total, Math.floor(((now - beganAt) / 1000) * rps) + 1);
  const full = () => open.size >= run.concurrency;
  // At the end, what was due and could be sent is sent: a late timer must not lose requests silently.
  while (!run.stopped && sent < total && !(full() && performance.now() >= endAt)) {
    const due = dueBy(performance.now());
    while (sent < due && !full()) {
      const intended = beganAt + (sent * 1000) / rps;
      sent += 1;
      const one = sendOne(run, sent, intended).then(() => {
        open.delete(one);
        // A request that is already late must not wait for the next tick of the clock as well.
        if (open.size === run.concurrency - 1) run.wake();
      });
      open.add(one);
    }
    const nextAt = full() ? endAt : beganAt + (sent * 1000) / rps;
    await sleepUntil(run, Math.min(nextAt, endAt));
  }
  if (full()) run.ledger.notSent(Math.max(0, dueBy(performance.now()) - sent));
  await Promise.all(open);
}

function sleepUntil(run: Run, at: number): Promise<void> {
  // setTimeout fires at once beyond 2^31 ms; nothing due for a day is looked at again tomorrow.
  const ms = Math.min(at - performance.now(), 86_400_000);
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, ms));
    run.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

async function sendOne(run: Run, number: number, intended: number): Promise<RequestRecord> {
  const { connections = 'kept' } = run.options;
  const connection = connections === 'mixed' ? (number % 2 === 0 ? 'fresh' : 'kept') : connections;
  const startedAt = wall(performance.now());
  const answer = await sendRequest(run.target, run.agents.of(connection));
  const record: RequestRecord = {
    ...answer,
    number,
    intendedAt: wall(intended),
    startedAt,
    endedAt: wall(performance.now()),
    connection,
  };
  const found = run.ledger.add(record);
  run.options.onRecord?.(record);
  if (found !== undefined) run.options.onSwitch?.(found, record);
  return record;
}

/** A time of day from the clock that never jumps: differences stay true when the wall clock is set. */
const wall = (monotonicMs: number): Ms => performance.timeOrigin + monotonicMs;
