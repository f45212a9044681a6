import type { AppKey, Ms, Reason } from '../../core/model.ts';

/** Somebody else's write is remembered for this long: who puts the route back every now and then is told all the time. */
const FOREIGN_MS: Ms = 10_000;

/** Of each App: that somebody else changed its route, also when it was put right a moment later. */
export class ForeignWriters {
  readonly #found = new Map<AppKey, { why: Reason; until: Ms }>();
  readonly #now: () => Ms;

  constructor(now: () => Ms) {
    this.#now = now;
  }

  /** @param why what a version of the object that was seen differs in; undefined: it is as it was asked for */
  note(app: AppKey, why: Reason | undefined): void {
    if (why) this.#found.set(app, { why, until: this.#now() + FOREIGN_MS });
  }

  /** @param current what the object that is there now differs in */
  of(app: AppKey, current: Reason | undefined): Reason | undefined {
    if (current) return current;
    const found = this.#found.get(app);
    if (!found) return undefined;
    if (this.#now() < found.until) return found.why;
    this.#found.delete(app);
    return undefined;
  }

  forget(app: AppKey): void {
    this.#found.delete(app);
  }
}
