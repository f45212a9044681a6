import { setTimeout as sleep } from 'node:timers/promises';
import { isEqual } from '../../core/json.ts';
import type { AppKey } from '../../core/model.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { KubeError } from '../../kubernetes/error.ts';
import { appNameOf } from '../../kubernetes/names.ts';
import { pathOf } from '../../kubernetes/types.ts';
import { PODS } from '../../kubernetes/workloads.ts';
import { atMost } from './at-most.ts';
import { failureOf } from './failure.ts';
import type { SeenPod } from './seen.ts';
import type { Remembered } from './view.ts';
import { Warnings } from './warnings.ts';

const TAIL_LINES = 20;
/** Thousands of pods may be in trouble at once; kubelets have other things to do then. */
const TAILS_AT_ONCE = 8;
const TAIL_MS = 10_000;
/** A pod in trouble is asked about again after this long, as long as it is. */
const AGAIN_MS = 2_000;
/** A pod that is not ready may just be starting. */
const SLOW_MS = 3_000;

interface Entry extends Remembered {
  restarts: number;
  /** What was asked about last, and when. */
  asked?: { mark: string; at: number };
  asking: boolean;
}

const NOTHING: Remembered = { wasReady: false, crashes: 0 };

/** What the status of a pod does not say: its past, the warnings about it, and its last words. */
export class Memory {
  readonly #kube: Kube;
  readonly #changed: (app: AppKey) => void;
  readonly #pods = new Map<string, Entry>();
  readonly #closing = new AbortController();
  readonly #warnings: Warnings;
  readonly #inTurn = atMost(TAILS_AT_ONCE);

  constructor(kube: Kube, changed: (app: AppKey) => void) {
    this.#kube = kube;
    this.#changed = changed;
    this.#warnings = new Warnings(kube, this.#closing.signal);
  }

  of(uid: string): Remembered {
    return this.#pods.get(uid) ?? NOTHING;
  }

  /** Called with every change of a pod. */
  note(pod: SeenPod): void {
    const entry = this.#pods.get(pod.uid) ?? { ...NOTHING, restarts: pod.restarts, asking: false };
    if (pod.restarts > entry.restarts) {
      if (entry.wasReady) entry.crashes += pod.restarts - entry.restarts;
      entry.restarts = pod.restarts;
    }
    if (pod.ready.is) {
      entry.wasReady = true;
      delete entry.event;
    }
    this.#pods.set(pod.uid, entry);
    this.look(pod);
  }

  forget(uid: string): void {
    this.#pods.delete(uid);
  }

  /** Asks about a pod in trouble, beside everything else. */
  look(pod: SeenPod): void {
    const entry = this.#pods.get(pod.uid);
    if (!entry || entry.asking || pod.deleting || !isInTrouble(pod, entry)) return;
    const mark = markOf(pod);
    if (entry.asked?.mark === mark && performance.now() - entry.asked.at < AGAIN_MS) return;
    entry.asked = { mark, at: performance.now() };
    entry.asking = true;
    void this.#ask(pod, entry).finally(() => {
      entry.asking = false;
    });
  }

  close(): void {
    this.#closing.abort(new Error('the engine is closed'));
    this.#pods.clear();
  }

  async #ask(pod: SeenPod, entry: Entry): Promise<void> {
    const { namespace } = appNameOf(pod.app);
    await Promise.all([
      this.#learn(pod, entry, 'event', this.#warnings.of(namespace, pod.uid)),
      this.#learn(pod, entry, 'logTail', this.#tail(pod)),
    ]);
    // Warnings come a moment after what they warn of.
    await sleep(AGAIN_MS, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }

  /** Each is told when it is known: one may be long in coming. */
  async #learn<F extends 'event' | 'logTail'>(
    { app }: SeenPod,
    entry: Entry,
    field: F,
    asked: Promise<Entry[F]>,
  ): Promise<void> {
    try {
      const found = await asked;
      if (found === undefined || isEqual(found, entry[field])) return;
      entry[field] = found;
      this.#changed(app);
    } catch (error) {
      // It is asked again; what is known of the pod without it is told all the same.
      if (!(error instanceof KubeError || this.#closing.signal.aborted)) throw error;
    }
  }

  #tail(pod: SeenPod): Promise<string[] | undefined> {
    const { restarts, state } = pod;
    const isFirstLife = restarts === 0 && !state.terminated;
    if (isFirstLife && !state.running) return Promise.resolve(undefined);
    return this.#inTurn(() => this.#readTail(pod));
  }

  async #readTail({ app, name, container, restarts, state }: SeenPod): Promise<string[] | undefined> {
    const lines: string[] = [];
    // A kubelet that hangs would keep the place for good.
    const late = AbortSignal.timeout(TAIL_MS);
    try {
      const text = await this.#kube.lines({
        method: 'GET',
        path: pathOf(PODS, appNameOf(app).namespace, name, 'log'),
        query: {
          container,
          tailLines: TAIL_LINES,
          ...(restarts > 0 && !state.terminated ? { previous: true } : {}),
        },
        accept: '*/*',
        signal: AbortSignal.any([this.#closing.signal, late]),
        doing: `reading the log of ${name}`,
      });
      for await (const line of text) lines.push(line);
    } catch (error) {
      if (late.aborted && !this.#closing.signal.aborted) return undefined;
      throw error;
    }
    return lines;
  }
}

function isInTrouble(pod: SeenPod, entry: Entry): boolean {
  if (pod.restarts > 0 || pod.unscheduled || pod.state.terminated) return true;
  if (failureOf(pod, undefined) || pod.init?.last.terminated) return true;
  const age = Date.now() - (Date.parse(pod.startedAt ?? pod.createdAt) || Date.now());
  return !pod.ready.is && (entry.wasReady || age > SLOW_MS);
}

function markOf({ restarts, state, ready }: SeenPod): string {
  const kind = state.waiting?.reason ?? (state.terminated ? 'terminated' : 'running');
  return `${restarts} ${kind} ${ready.is}`;
}
