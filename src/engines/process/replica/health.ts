import type { Ms, RunSpec } from '../../../core/model.ts';
import type { Probe } from '../../../spec/app.ts';
import type { Redact } from '../logs/redact.ts';
import type { ProbeAnswer } from '../probes/answer.ts';
import { probeLoop } from '../probes/loop.ts';
import {
  askProbe,
  DEFAULT_PROBE,
  ListenerProof,
  settledWorker,
  type Target,
  WORKER_PROBE,
} from './readiness.ts';

export interface HealthOptions {
  health: RunSpec['health'];
  target: Target;
  redact: Redact;
  now: () => Ms;
  /** Something that list() shows is another. */
  changed: () => void;
  becameReady: () => void;
  /** Liveness failed for good: the replica is to be started again. */
  failed: (why: string) => void;
  /** Someone else listens on the port, and this replica was never ready. */
  stranger: () => void;
}

/** Asks one start of a replica whether it is ready and alive, until it is stopped. */
export class Health {
  ready = false;
  readySince: Ms | undefined;
  wasReady = false;
  lastProbe: { at: Ms; ok: boolean; detail: string } | undefined;
  readonly #options: HealthOptions;
  readonly #proof: ListenerProof;
  readonly #ending = new AbortController();
  readonly #loops: Promise<void>;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#proof = new ListenerProof(options.target);
    const { signal } = this.#ending;
    const { live } = options.health;
    const loops = [probeLoop(this.#readiness(), signal)];
    if (live) loops.push(probeLoop(this.#liveness(live), signal));
    this.#loops = Promise.all(loops).then(() => undefined);
    // Awaited in stop(); until then a failure must not count as unhandled.
    this.#loops.catch(() => undefined);
  }

  /** Nothing of it is under way any more when this resolves. */
  async stop(): Promise<void> {
    this.ready = false;
    this.readySince = undefined;
    this.#ending.abort();
    await this.#loops;
  }

  #readiness() {
    const { health, target } = this.#options;
    const asksNothing = health.ready === undefined && target.port === undefined;
    const probe = health.ready ?? (asksNothing ? WORKER_PROBE : DEFAULT_PROBE);
    const ask = asksNothing ? settledWorker : (signal: AbortSignal) => askProbe(probe, target, signal);
    return {
      probe,
      eager: true,
      ask: async (signal: AbortSignal) => this.#proof.check(await ask(signal)),
      heard: (answer: ProbeAnswer, passing: boolean) => {
        this.#heard(answer);
        // An answer of someone else is not a weak answer of this replica: no threshold applies.
        this.#setReady(passing && !this.#proof.stranger);
        if (this.#proof.stranger && !this.wasReady) this.#options.stranger();
      },
    };
  }

  #liveness(probe: Probe) {
    return {
      probe,
      eager: false,
      ask: (signal: AbortSignal) => askProbe(probe, this.#options.target, signal),
      heard: (answer: ProbeAnswer, _passing: boolean, failures: number) => {
        if (answer.ok) return;
        this.#heard(answer);
        if (failures === probe.failureThreshold) this.#options.failed(answer.detail);
      },
    };
  }

  #heard(answer: ProbeAnswer): void {
    const detail = this.#options.redact(answer.detail);
    const same = this.lastProbe?.ok === answer.ok && this.lastProbe.detail === detail;
    this.lastProbe = { at: this.#options.now(), ok: answer.ok, detail };
    if (!same) this.#options.changed();
  }

  #setReady(ready: boolean): void {
    if (ready === this.ready) return;
    this.ready = ready;
    this.readySince = ready ? this.#options.now() : undefined;
    if (ready && !this.wasReady) {
      this.wasReady = true;
      this.#options.becameReady();
    }
    this.#options.changed();
  }
}
