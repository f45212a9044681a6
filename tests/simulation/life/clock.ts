/** The one clock of a simulated world: a queue of calls in the order of their time. Nothing here takes real time. */
import type { Ms } from '../../../src/core/model.ts';

interface Call {
  at: Ms;
  order: number;
  call: (() => void) | undefined;
}

export class SimClock {
  /** True time since the world began. */
  now: Ms = 0;
  readonly #heap: Call[] = [];
  #order = 0;
  #stirred = false;

  /** @returns takes the call back */
  after(ms: Ms, call: () => void): () => void {
    const entry: Call = { at: this.now + Math.max(0, ms), order: this.#order++, call };
    this.#push(entry);
    return () => {
      entry.call = undefined;
    };
  }

  sleep(ms: Ms): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, () => {
        this.stir();
        resolve();
      });
    });
  }

  /** Somebody's promises go on: they are waited for before time passes. */
  stir(): void {
    this.#stirred = true;
  }

  /** Makes the next call, and lets everything happen that follows from it at once. @returns false: there is none */
  async turn(): Promise<boolean> {
    const next = this.#pop();
    if (!next) return false;
    if (!next.call) return true;
    this.now = next.at;
    next.call();
    if (this.#stirred) {
      this.#stirred = false;
      // All microtasks have run by then, however many follow from one another.
      await new Promise(setImmediate);
    }
    return true;
  }

  #push(entry: Call): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as Call;
      if (!isBefore(entry, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = entry;
  }

  #pop(): Call | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Call, heap[child] as Call)) child += 1;
      if (!isBefore(heap[child] as Call, last)) break;
      heap[at] = heap[child] as Call;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Call, b: Call): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
