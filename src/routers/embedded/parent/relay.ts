/** Passes a change on to the workers that are being replaced: they still answer, and must not answer by an older table. */
import type { Ms } from '../../../core/model.ts';
import type { Change } from '../ipc.ts';
import type { WorkerLink } from './worker-link.ts';

/** A worker that does not follow for this long is ended: what it would answer goes by an older table. */
const FOLLOW_MS: Ms = 5_000;

interface Told {
  by: WorkerLink;
  id: number;
  waiting: Set<WorkerLink>;
  timer: NodeJS.Timeout;
}

export class Relay {
  private readonly open = new Map<number, Told>();
  private nextId = 1;
  private readonly onDeaf: (worker: WorkerLink) => void;

  /** `onDeaf` is called with a worker that does not follow, and must end it. */
  constructor(onDeaf: (worker: WorkerLink) => void) {
    this.onDeaf = onDeaf;
  }

  /** Answers `told` to `by` when every one of `others` has followed, or is gone. */
  pass(by: WorkerLink, id: number, change: Change, others: Iterable<WorkerLink>): void {
    const waiting = new Set(others);
    const timer = setTimeout(() => {
      for (const worker of waiting) this.onDeaf(worker);
    }, FOLLOW_MS);
    const told: Told = { by, id, waiting, timer };
    const own = this.nextId++;
    this.open.set(own, told);
    for (const other of waiting) other.send({ t: 'follow', id: own, change });
    this.finish(own, told);
  }

  followed(worker: WorkerLink, id: number): void {
    const told = this.open.get(id);
    if (told === undefined) return;
    told.waiting.delete(worker);
    this.finish(id, told);
  }

  gone(worker: WorkerLink): void {
    for (const [id, told] of this.open) {
      told.waiting.delete(worker);
      this.finish(id, told);
    }
  }

  private finish(id: number, told: Told): void {
    if (told.waiting.size > 0) return;
    clearTimeout(told.timer);
    this.open.delete(id);
    told.by.send({ t: 'told', id: told.id });
  }
}
