/** Whether requests may go on: open, refused, or held in a queue that ends by itself. */
import type { Admit, Ms, RouterView } from '../../../core/model.ts';

/** A request that waits. Exactly one of the two is called, once, unless it is taken out with leave(). */
export interface Waiter {
  admit(): void;
  refuse(): void;
}

export class Admission {
  /** Since requests were last not let through; kept after that until the next time. */
  readonly counts: RouterView['admission'] = { refused: 0, held: 0 };
  private mode: Admit = { kind: 'open' };
  /** In order of arrival, with the time at which each is refused. */
  private readonly queue = new Map<Waiter, Ms>();
  private timer: NodeJS.Timeout | undefined;
  private readonly wall: () => Ms;
  private readonly onStart: () => void;

  /** `onStart` is called at the first request that is refused or held. */
  constructor(onStart: () => void, wall: () => Ms = Date.now) {
    this.onStart = onStart;
    this.wall = wall;
  }

  get open(): boolean {
    return this.mode.kind === 'open';
  }

  set(mode: Admit): void {
    const wasOpen = this.open;
    this.mode = mode;
    if (wasOpen && mode.kind !== 'open') {
      this.counts.refused = 0;
      this.counts.held = 0;
      delete this.counts.firstAt;
    }
    if (mode.kind === 'open') this.releaseAll((waiter) => waiter.admit());
    if (mode.kind === 'refuse') this.refuseAll();
  }

  /** True: the request may go on. Otherwise it was queued or refused, and `waiter` hears of it. */
  enter(waiter: Waiter): boolean {
    const mode = this.mode;
    if (mode.kind === 'open') return true;
    this.started();
    if (mode.kind === 'hold' && this.queue.size < mode.maxRequests) {
      this.counts.held++;
      this.queue.set(waiter, performance.now() + mode.maxMs);
      this.schedule();
    } else this.refuse(waiter);
    return false;
  }

  /** The client went away. */
  leave(waiter: Waiter): void {
    this.queue.delete(waiter);
  }

  refuseAll(): void {
    this.releaseAll((waiter) => this.refuse(waiter));
  }

  private refuse(waiter: Waiter): void {
    this.counts.refused++;
    waiter.refuse();
  }

  private started(): void {
    if (this.counts.firstAt !== undefined) return;
    this.counts.firstAt = this.wall();
    this.onStart();
  }

  private releaseAll(what: (waiter: Waiter) => void): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const waiting = [...this.queue.keys()];
    this.queue.clear();
    for (const waiter of waiting) what(waiter);
  }

  private schedule(): void {
    if (this.timer !== undefined) return;
    const first = this.queue.values().next().value;
    if (first === undefined) return;
    this.timer = setTimeout(() => this.expire(), Math.max(1, first - performance.now()));
  }

  private expire(): void {
    this.timer = undefined;
    const now = performance.now();
    for (const [waiter, until] of this.queue) {
      if (until > now) continue;
      this.queue.delete(waiter);
      this.refuse(waiter);
    }
    this.schedule();
  }
}
