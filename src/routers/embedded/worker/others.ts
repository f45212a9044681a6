/** The workers that are being replaced and still answer, as far as this one knows of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { OperatingError } from '../../../core/errors.ts';
import type { AppKey, Ms, ReplicaId } from '../../../core/model.ts';
import { type Identity, isAlive } from '../identity.ts';
import type { InFlight } from '../ipc.ts';

const CHECK_MS: Ms = 50;
/** Without a parent they end by themselves; see WorkerProcess.orphaned. */
const END_MS: Ms = 6_000;

interface Known {
  inFlight: InFlight;
  workers: readonly Identity[];
}

const NOBODY: Known = { inFlight: {}, workers: [] };

export class Others {
  /** By the parent that is there now. */
  private told: Known = NOBODY;
  /** Those of a parent that died: nobody tells of them, and nobody can tell them anything. */
  private lost: Known = NOBODY;
  private readonly changed: (app: AppKey) => void;

  constructor(changed: (app: AppKey) => void) {
    this.changed = changed;
  }

  get count(): number {
    return this.told.workers.length + this.lost.workers.length;
  }

  inFlight(app: AppKey): Record<ReplicaId, number> {
    const open = { ...this.told.inFlight[app] };
    for (const [replica, n] of Object.entries(this.lost.inFlight[app] ?? {}))
      open[replica] = (open[replica] ?? 0) + n;
    return open;
  }

  set(inFlight: InFlight, workers: readonly Identity[]): void {
    const before = this.told;
    this.told = { inFlight, workers };
    this.announce(before, this.told);
  }

  /** The parent died. What it said of them stays true until they are dead. */
  orphan(): void {
    const { told } = this;
    if (told.workers.length === 0) return;
    this.lost = { inFlight: told.inFlight, workers: [...this.lost.workers, ...told.workers] };
    this.told = NOBODY;
    void this.watchLost();
  }

  /**
   * For a change that could not be passed on to them: resolves when they have ended.
   * @throws OperatingError E_ROUTER_DOWN when they go on
   */
  async ended(): Promise<void> {
    const until = performance.now() + END_MS;
    for (;;) {
      const alive = [...this.told.workers, ...this.lost.workers].filter(isAlive);
      if (alive.length === 0) return;
      if (performance.now() >= until) throw notFollowed(alive);
      await sleep(CHECK_MS);
    }
  }

  private async watchLost(): Promise<void> {
    while (this.lost.workers.some(isAlive)) await sleep(CHECK_MS);
    const before = this.lost;
    this.lost = NOBODY;
    this.announce(before, NOBODY);
  }

  private announce(before: Known, after: Known): void {
    const touched = new Set([...Object.keys(before.inFlight), ...Object.keys(after.inFlight)]);
    for (const app of touched) this.changed(app);
  }
}

function notFollowed(alive: readonly Identity[]): OperatingError {
  const pids = alive.map(({ pid }) => pid).join(', ');
  return new OperatingError(
    'E_ROUTER_DOWN',
    `the router serves the change, but a process of it that is being replaced has not followed: pid ${pids}`,
    { hint: 'it is tried again by itself; end that process when it hangs' },
  );
}
