import { setTimeout as sleep } from 'node:timers/promises';
import type { Probe } from '../../../spec/app.ts';
import type { ProbeAnswer } from '../probes/answer.ts';
import { probeExec } from '../probes/exec.ts';
import { probeHttp } from '../probes/http.ts';
import { probeTcp } from '../probes/tcp.ts';
import { withPort } from './command.ts';
import type { Place } from './launch.ts';
import { type Listener, listenerOn, portsOf, stillListens } from './listeners.ts';
import type { ProcessStat } from './procfs.ts';

/** Where and how a replica is asked. */
export interface Target {
  port: number | undefined;
  /** A probe that names this port means the replica's own. */
  appPort: number | undefined;
  place: Place;
  members: () => ProcessStat[];
}

/** What an App without a readiness probe is asked. */
export const DEFAULT_PROBE: Probe = {
  action: { kind: 'tcpSocket' },
  initialDelaySeconds: 0,
  periodSeconds: 1,
  timeoutSeconds: 1,
  successThreshold: 1,
  failureThreshold: 3,
};

/** A worker that has nothing to be asked is ready when it lived this long: programs that cannot start end earlier. */
const WORKER_SETTLE_MS = 250;
export const WORKER_PROBE: Probe = { ...DEFAULT_PROBE, action: { kind: 'exec', command: [] } };

const LOOK_ELSEWHERE_EVERY = 5;

export async function askProbe(probe: Probe, target: Target, signal: AbortSignal): Promise<ProbeAnswer> {
  const { action } = probe;
  const timeoutMs = probe.timeoutSeconds * 1000;
  if (action.kind === 'exec') {
    const { cwd, env, user } = target.place;
    return probeExec({ command: withPort(action.command, target.port), cwd, env, user, timeoutMs, signal });
  }
  const port = action.port === undefined || action.port === target.appPort ? target.port : action.port;
  if (port === undefined) return { ok: false, detail: 'the probe needs a port, and the App has none' };
  if (action.kind === 'tcpSocket') return probeTcp({ port, timeoutMs, signal });
  return probeHttp({
    port,
    path: action.path,
    headers: action.headers,
    host: action.host,
    timeoutMs,
    signal,
  });
}

export async function settledWorker(signal: AbortSignal): Promise<ProbeAnswer> {
  await sleep(WORKER_SETTLE_MS, undefined, { signal }).catch(() => undefined);
  return { ok: true, detail: 'running' };
}

/** Readiness includes the proof that it is this replica who listens on its port. */
export class ListenerProof {
  readonly #target: Target;
  #listener: Listener = { kind: 'nobody' };
  #refused = 0;
  #others: readonly number[] = [];

  constructor(target: Target) {
    this.#target = target;
  }

  /** Someone else was found on the port. */
  get stranger(): boolean {
    return this.#listener.kind === 'stranger';
  }

  /** @param answer what the probe heard */
  check(answer: ProbeAnswer): ProbeAnswer {
    const { port, members } = this.#target;
    if (port === undefined) return answer;
    if (!answer.ok) return this.#explain(answer, port);
    if (!stillListens(this.#listener)) this.#listener = listenerOn(port, members());
    if (this.#listener.kind === 'own') return answer;
    if (this.#listener.kind === 'nobody')
      return { ok: false, detail: this.#elsewhere(`nothing listens on 127.0.0.1:${port}`) };
    return { ok: false, detail: `127.0.0.1:${port} is answered by another process than this replica` };
  }

  #explain(answer: ProbeAnswer, port: number): ProbeAnswer {
    const refused = answer.detail === `connection refused on 127.0.0.1:${port}`;
    return refused ? { ok: false, detail: this.#elsewhere(answer.detail) } : answer;
  }

  /** The commonest mistake is a port of its own choice: say so. */
  #elsewhere(detail: string): string {
    // Most replicas refuse only while they start; to look at all processes each time would slow them down.
    if (++this.#refused % LOOK_ELSEWHERE_EVERY === 0) this.#others = portsOf(this.#target.members());
    if (this.#others.length === 0) return detail;
    return `${detail}; the replica listens on ${this.#others.join(', ')} instead of the port in PORT`;
  }
}
