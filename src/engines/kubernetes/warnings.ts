import { setTimeout as sleep } from 'node:timers/promises';
import type { Kube } from '../../kubernetes/client.ts';
import { EVENTS, type KubeEvent } from '../../kubernetes/workloads.ts';

export interface Warning {
  message: string;
  at: number;
}

/** The API server looks at every event of a namespace to find those of one pod: not more often than this. */
const EVERY_MS = 1_000;
/** And where that takes long, so that it is busy with it for a twentieth of the time, but not for ever. */
const SHARE = 20;
const MOST_MS = 30_000;

interface Namespace {
  /** Of the last answer. */
  at: number;
  tookMs: number;
  /** Begins later: whoever asks until then is told by it. */
  next?: Promise<Map<string, Warning>>;
}

/**
 * What the cluster warns of, by pod. Thousands of pods may be in trouble at once, and then the API server most of all: they are
 * asked about together.
 */
export class Warnings {
  readonly #kube: Kube;
  readonly #signal: AbortSignal;
  readonly #namespaces = new Map<string, Namespace>();

  constructor(kube: Kube, signal: AbortSignal) {
    this.#kube = kube;
    this.#signal = signal;
  }

  /** The newest warning that says something, of those that there are when this is asked, or later. */
  async of(namespace: string, uid: string): Promise<Warning | undefined> {
    const known = this.#namespaces.get(namespace) ?? { at: Number.NEGATIVE_INFINITY, tookMs: 0 };
    this.#namespaces.set(namespace, known);
    known.next ??= this.#ask(namespace, known);
    return (await known.next).get(uid);
  }

  async #ask(namespace: string, known: Namespace): Promise<Map<string, Warning>> {
    const due = known.at + Math.min(MOST_MS, Math.max(EVERY_MS, SHARE * known.tookMs));
    try {
      await sleep(Math.max(0, due - performance.now()), undefined, { signal: this.#signal });
    } finally {
      // From here on an answer may be older than the question.
      delete known.next;
      known.at = performance.now();
    }
    const fieldSelector = 'involvedObject.kind=Pod,type=Warning';
    const events = await this.#kube.list(EVENTS, { namespace, fieldSelector });
    known.tookMs = performance.now() - known.at;
    return newestByPod(events);
  }
}

function newestByPod(events: readonly KubeEvent[]): Map<string, Warning> {
  const found = new Map<string, Warning>();
  for (const event of events.filter(isTelling)) {
    const uid = event.involvedObject?.uid ?? '';
    const at = timeOf(event);
    if (event.message !== undefined && at >= (found.get(uid)?.at ?? 0))
      found.set(uid, { message: event.message.trim(), at });
  }
  return found;
}

/** "Back-off restarting failed container" says less than what it backs off from. */
function isTelling({ reason }: KubeEvent): boolean {
  return reason !== 'BackOff' && reason !== 'FailedScheduling';
}

function timeOf({ lastTimestamp, eventTime, metadata }: KubeEvent): number {
  return Date.parse(lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '') || 0;
}
