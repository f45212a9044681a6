import type { Counts, PoolId } from '../../core/model.ts';
import type { CarrierCounts } from './carrier.ts';
import type { Answer } from './probe.ts';

/** Requests per pool since this process began to count: what a router's counters say, and what our own requests saw. */
export class Tally {
  readonly #last = new Map<PoolId, CarrierCounts>();
  readonly #counted = new Map<PoolId, CarrierCounts>();
  readonly #probes = new Map<PoolId, { ok: number; failed: number }>();
  /** The router tells what it counted: requests of ours are among those. */
  #isTold = false;

  /** Counters of a router begin again when it does, and go with what they counted: only growth is added. */
  absorb(counters: Record<PoolId, CarrierCounts>): void {
    this.#isTold = true;
    for (const [pool, now] of Object.entries(counters)) {
      const last = this.#last.get(pool);
      this.#last.set(pool, now);
      // The first look is where counting begins.
      if (!last) continue;
      const sum = this.#counted.get(pool) ?? nothing();
      this.#counted.set(pool, {
        split: grown(sum.split, last.split, now.split),
        other: grown(sum.other, last.other, now.other),
      });
    }
    for (const pool of this.#last.keys()) if (!counters[pool]) this.#last.set(pool, nothing());
  }

  answers(answers: readonly Answer[]): void {
    for (const { ok, routed } of answers) {
      if (!routed) continue;
      const sum = this.#probes.get(routed.pool) ?? { ok: 0, failed: 0 };
      this.#probes.set(routed.pool, { ok: sum.ok + Number(ok), failed: sum.failed + Number(!ok) });
    }
  }

  get isTold(): boolean {
    return this.#isTold;
  }

  counts(): Record<PoolId, Counts> {
    const pools = new Set([...this.#counted.keys(), ...this.#probes.keys()]);
    return Object.fromEntries([...pools].map((pool) => [pool, this.#of(pool)]));
  }

  #of(pool: PoolId): Counts {
    const { split, other } = this.#counted.get(pool) ?? nothing();
    const probes = this.#probes.get(pool) ?? { ok: 0, failed: 0 };
    const users = this.#isTold
      ? { ok: Math.max(0, split.ok - probes.ok), failed: Math.max(0, split.failed - probes.failed) }
      : { ok: 0, failed: 0 };
    return {
      requests: users.ok + users.failed + other.ok + other.failed,
      ok: users.ok + other.ok,
      failed: users.failed + other.failed,
      split: users.ok + users.failed,
      probes: probes.ok + probes.failed,
      probesOk: probes.ok,
      probesFailed: probes.failed,
    };
  }
}

type Two = { ok: number; failed: number };

function nothing(): CarrierCounts {
  return { split: { ok: 0, failed: 0 }, other: { ok: 0, failed: 0 } };
}

function grown(sum: Two, last: Two, now: Two): Two {
  return { ok: sum.ok + growth(last.ok, now.ok), failed: sum.failed + growth(last.failed, now.failed) };
}

function growth(last: number, now: number): number {
  return now >= last ? now - last : now;
}
