/** Passes a change on to the workers that are being replaced: they still answer, and must not answer by an older table. */
import type { Change } from '../ipc.ts';
import type { WorkerLink } from './worker-link.ts';

interface Told {
  by: WorkerLink;
  id: number;
  waiting: Set<WorkerLink>;
}

export class Relay {
  private readonly open = new Map<number, Told>();
  private nextId = 1;

  /** Answers `told` to `by` when every one of `others` has followed, or is gone. */
  pass(by: WorkerLink, id: number, change: Change, others: Iterable<WorkerLink>): void {
    const told: Told = { by, id, waiting: new Set(others) };
    const own = this.nextId++;
    this.open.set(own, told);
    for (const other of told.waiting) other.send({ t: 'follow', id: own, change });
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
    this.open.delete(id);
    told.by.send({ t: 'told', id: told.id });
  }
}
