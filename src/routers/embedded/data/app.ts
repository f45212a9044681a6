/** One App in the data plane: the plan it is served by, its targets and counts, and who is told when they change. */
import type { AppKey, Front, Ms, PoolId, ReplicaId, RouterView, RouteTable } from '../../../core/model.ts';
import type { Answered, LatencySummary, RouterObservation } from '../../../ports/router.ts';
import { Admission } from './admission.ts';
import { Histogram } from './histogram.ts';
import { compilePlan, type Plan } from './plan.ts';
import { Target } from './target.ts';

/** Counts of what left the table this long ago are forgotten. */
const FORGET_COUNTS_MS = 3_600_000;

export class App {
  readonly key: AppKey;
  readonly admission: Admission;
  /** Null: no table, or one that nobody has verified since the machine started. */
  plan: Plan | null = null;
  front: Front | null = null;
  /** A table of another boot: its replicas' addresses may belong to anybody by now. */
  unverified = false;
  stateVersion = 0;
  generation = 0;
  private readonly targets = new Map<string, Target>();
  private readonly latencies = new Map<PoolId, Histogram>();
  private readonly notify: () => void;

  constructor(key: AppKey, notify: () => void) {
    this.key = key;
    this.notify = notify;
    this.admission = new Admission(notify);
  }

  /** One atomic change: the next request on any connection goes by the new table. */
  install(table: RouteTable, stateVersion: number): void {
    this.stateVersion = stateVersion;
    this.generation = table.generation;
    this.front = table.front;
    this.unverified = false;
    for (const target of this.targets.values()) target.member = false;
    this.plan = compilePlan(table, this, this.plan);
    for (const target of this.targets.values()) if (!target.member) target.closeIdle();
    this.forgetOldCounts();
    this.admission.set(table.route.admit);
    this.notify();
  }

  /** Keeps the place (listener, host, versions seen) and answers 503. */
  installUnverified(table: RouteTable, stateVersion: number): void {
    this.stateVersion = stateVersion;
    this.generation = table.generation;
    this.front = table.front;
    this.unverified = true;
  }

  /** The App is gone; what is open may finish. */
  uninstall(): void {
    this.plan = null;
    this.front = null;
    this.admission.refuseAll();
    for (const target of this.targets.values()) {
      target.member = false;
      target.closeIdle();
    }
  }

  target(pool: PoolId, replica: ReplicaId, address: string): Target {
    const id = JSON.stringify([pool, replica, address]);
    let target = this.targets.get(id);
    if (target === undefined) {
      target = new Target(replica, pool, address, this.notify);
      this.targets.set(id, target);
    }
    // A table that names it again takes it back from a drain (undo).
    target.draining = false;
    target.member = true;
    return target;
  }

  latency(pool: PoolId): Histogram {
    let histogram = this.latencies.get(pool);
    if (histogram === undefined) {
      histogram = new Histogram();
      this.latencies.set(pool, histogram);
    }
    return histogram;
  }

  changed(): void {
    this.notify();
  }

  allTargets(): IterableIterator<Target> {
    return this.targets.values();
  }

  targetsOf(replica: ReplicaId): Target[] {
    return [...this.targets.values()].filter((target) => target.replica === replica);
  }

  openRequests(): number {
    let open = 0;
    for (const target of this.targets.values()) open += target.inFlight;
    return open;
  }

  inFlight(): Record<ReplicaId, number> {
    const open: Record<ReplicaId, number> = {};
    for (const target of this.targets.values())
      open[target.replica] = (open[target.replica] ?? 0) + target.inFlight;
    return open;
  }

  /** `leftover`: what a worker that is being replaced still has open. `acked`: what every worker goes by. */
  observe(
    epoch: string,
    workers: number,
    acked: number,
    leftover: Readonly<Record<ReplicaId, number>>,
  ): RouterObservation {
    const inFlight = this.inFlight();
    for (const [replica, open] of Object.entries(leftover))
      inFlight[replica] = (inFlight[replica] ?? 0) + open;
    const view: RouterView = {
      epoch,
      workers,
      ackedGeneration: acked,
      inFlight,
      admission: { ...this.admission.counts },
      firstAnswerAt: {},
    };
    if (this.plan !== null) {
      view.serving = this.plan.table;
      view.stateVersion = this.stateVersion;
    }
    for (const pool of this.plan?.pools.values() ?? []) {
      if (pool.firstAnswerAt > 0) view.firstAnswerAt[pool.key] = pool.firstAnswerAt;
    }
    return { view, answered: this.answered(), latency: this.latencySummaries() };
  }

  private answered(): Answered[] {
    return [...this.targets.values()].map(({ replica, pool, address, counts }) => ({
      replica,
      pool,
      address,
      counts: { ...counts },
    }));
  }

  private latencySummaries(): Record<PoolId, LatencySummary> {
    const summaries: Record<PoolId, LatencySummary> = {};
    for (const [pool, h] of this.latencies) {
      if (h.count === 0) continue;
      summaries[pool] = {
        count: h.count,
        p50Ms: h.quantile(0.5),
        p90Ms: h.quantile(0.9),
        p99Ms: h.quantile(0.99),
      };
    }
    return summaries;
  }

  /** Without this, a router that runs for months keeps a line for every replica there ever was. */
  private forgetOldCounts(now: Ms = performance.now()): void {
    for (const [id, target] of this.targets) {
      if (target.member || target.inFlight > 0 || now - target.lastUsed < FORGET_COUNTS_MS) continue;
      this.targets.delete(id);
    }
    const pools = new Set([...this.targets.values()].map((target) => target.pool));
    for (const pool of this.latencies.keys())
      if (!pools.has(pool) && !this.plan?.pools.has(pool)) this.latencies.delete(pool);
  }
}
