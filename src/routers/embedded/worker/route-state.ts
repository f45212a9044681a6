/** The Apps of this worker: applies tables, drains, removes, one change after the other. */
import { OperatingError } from '../../../core/errors.ts';
import type { AppKey, Front, Ms, ReplicaId, RouteTable } from '../../../core/model.ts';
import type { RouterObservation } from '../../../ports/router.ts';
import { App } from '../data/app.ts';
import type { DataPlane } from '../data/data-plane.ts';
import { claimsOf, type Destination } from '../data/listener.ts';
import { checkTable } from '../data/table-check.ts';
import type { Target } from '../data/target.ts';
import type { Change, InFlight, Listen } from '../ipc.ts';
import { type StoredTable, storedTable } from '../table-store.ts';
import type { Listeners } from './listeners.ts';
import type { Others } from './others.ts';
import type { ParentLink } from './parent-link.ts';

/** Longest that setTimeout counts. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface RouteStateOptions {
  plane: DataPlane;
  listeners: Listeners;
  parent: ParentLink;
  others: Others;
  bootId: string;
  epoch: string;
  /** observe() of the App would answer something else. */
  changed(app: AppKey): void;
  /** Resolves when every worker that answers has made the change. What is served stays served when that fails. */
  publish(change: Change): Promise<void>;
}

export class RouteState {
  private readonly options: RouteStateOptions;
  private readonly apps: Map<AppKey, App>;
  private readonly stored = new Map<AppKey, StoredTable>();
  private readonly drains = new Map<Target, NodeJS.Timeout>();
  /** Generation of each App that every worker goes by. */
  private readonly acked = new Map<AppKey, number>();
  /** Removed by this worker: not to be restored by a try that comes late. */
  private readonly removed = new Set<AppKey>();
  private retired = false;
  private last: Promise<unknown> = Promise.resolve();

  constructor(options: RouteStateOptions) {
    this.options = options;
    this.apps = options.plane.apps;
  }

  /**
   * Serves a stored table again; one of another boot only keeps the place until a table is applied. What has been applied or
   * removed meanwhile stays so.
   */
  restore(stored: StoredTable): Promise<void> {
    return this.inTurn(async () => {
      if (this.stored.has(stored.table.app) || this.removed.has(stored.table.app)) return;
      await this.listenFor(stored.table);
      const app = this.app(stored.table.app);
      this.stored.set(app.key, stored);
      const verified = stored.bootId === this.options.bootId;
      if (verified) app.install(stored.table, stored.stateVersion);
      else app.installUnverified(stored.table, stored.stateVersion);
      this.routeHosts();
      if (verified) void this.acknowledgeRestored(stored);
    });
  }

  /** A worker that is being replaced may have missed the last change of the worker before this one. */
  private async acknowledgeRestored(stored: StoredTable): Promise<void> {
    const { others, parent } = this.options;
    const { app, generation } = stored.table;
    if (others.count > 0) {
      const told = parent.tell({ kind: 'table', stored }).catch(() => others.ended());
      if (!(await told.then(() => true).catch(() => false))) return;
    }
    if (this.stored.get(app) !== stored) return;
    this.acked.set(app, generation);
    this.options.changed(app);
  }

  /** Resolves with the generation once it is served and, if that was possible, written down. */
  apply(stateVersion: number, table: RouteTable): Promise<{ generation: number; workers: number }> {
    return this.inOrder(async () => {
      checkTable(table);
      this.refuseStale(table.app, stateVersion, table.generation);
      this.refuseConflict(table);
      await this.listenFor(table);
      await this.make({ kind: 'table', stored: storedTable(this.options.bootId, stateVersion, table) });
      return { generation: table.generation, workers: this.workers };
    });
  }

  /** `forMs`: what is open after that is closed. */
  drain(key: AppKey, stateVersion: number, replica: ReplicaId, forMs: Ms): Promise<Record<string, never>> {
    return this.inOrder(async () => {
      this.refuseStale(key, stateVersion, undefined);
      const app = this.apps.get(key);
      if (app === undefined) return {};
      app.stateVersion = stateVersion;
      await this.make({ kind: 'drain', app: key, replica, forMs });
      return {};
    });
  }

  remove(key: AppKey, stateVersion: number): Promise<Record<string, never>> {
    return this.inOrder(async () => {
      this.refuseStale(key, stateVersion, undefined);
      // Also one that is not served here: its port may have been taken when it was to be restored, and it may be on disk.
      await this.make({ kind: 'remove', app: key });
      return {};
    });
  }

  /** A change that another worker has made; this one only finishes what it has. */
  follow(change: Change): void {
    this.change(change);
    this.giveHosts();
  }

  observe(key: AppKey): RouterObservation {
    const { epoch, others } = this.options;
    const app = this.apps.get(key) ?? new App(key, () => {});
    return app.observe(epoch, this.workers, this.acked.get(key) ?? 0, others.inFlight(key));
  }

  async check(front: Front): Promise<Record<string, never>> {
    const asked: Listen[] = front.previewListen ? [front.listen, front.previewListen] : [front.listen];
    for (const listen of asked) {
      if (!this.options.listeners.has(listen)) await this.options.parent.tryBind(listen);
    }
    return {};
  }

  appKeys(): AppKey[] {
    return [...this.stored.keys()];
  }

  tables(): StoredTable[] {
    return [...this.stored.values()];
  }

  /** Lets nothing change while `work` runs: a new worker is given the tables meanwhile. */
  frozen<T>(work: () => Promise<T>): Promise<T> {
    return this.inTurn(work);
  }

  inFlight(): InFlight {
    const open: InFlight = {};
    for (const app of this.apps.values()) if (app.openRequests() > 0) open[app.key] = app.inFlight();
    return open;
  }

  /** Another worker serves: changes that waited in line here are for that one to make. */
  retire(): void {
    this.retired = true;
  }

  /** Ends upgraded and streaming connections, each App's spread over its own time. */
  closeLong(): void {
    for (const app of this.apps.values()) {
      for (const target of app.allTargets())
        this.options.plane.closeLong(target, app.front?.drainLongMs ?? 0);
    }
  }

  get workers(): number {
    return 1 + this.options.others.count;
  }

  private async make(change: Change): Promise<void> {
    this.change(change);
    this.routeHosts();
    await this.options.publish(change);
    if (change.kind === 'table') this.acked.set(change.stored.table.app, change.stored.table.generation);
    if (change.kind === 'remove') this.acked.delete(change.app);
    if (change.kind !== 'drain') this.options.changed(appOf(change));
  }

  private change(change: Change): void {
    switch (change.kind) {
      case 'table': {
        const { table, stateVersion } = change.stored;
        this.app(table.app).install(table, stateVersion);
        this.stored.set(table.app, change.stored);
        this.removed.delete(table.app);
        return;
      }
      case 'remove': {
        const app = this.apps.get(change.app);
        this.stored.delete(change.app);
        this.removed.add(change.app);
        if (app === undefined) return;
        app.uninstall();
        this.forgetIfDone(app);
        return;
      }
      case 'drain': {
        const app = this.apps.get(change.app);
        for (const target of app?.targetsOf(change.replica) ?? [])
          this.startDrain(app as App, target, change.forMs);
        return;
      }
    }
  }

  private startDrain(app: App, target: Target, forMs: Ms): void {
    target.draining = true;
    target.closeIdle();
    clearTimeout(this.drains.get(target));
    const close = (): void => this.endDrain(app, target);
    this.drains.set(target, setTimeout(close, Math.min(Math.max(0, forMs), MAX_TIMER_MS)));
  }

  private endDrain(app: App, target: Target): void {
    this.drains.delete(target);
    if (target.usable || target.inFlight === 0) return;
    this.options.plane.closeOpen(target, app.front?.drainLongMs ?? 0);
  }

  private app(key: AppKey): App {
    let app = this.apps.get(key);
    if (app === undefined) {
      const made = new App(key, () => {
        this.options.changed(key);
        this.forgetIfDone(made);
      });
      app = made;
      this.apps.set(key, app);
    }
    return app;
  }

  /** A removed App is known for as long as it has something open. */
  private forgetIfDone(app: App): void {
    if (app.front === null && app.openRequests() === 0) this.apps.delete(app.key);
  }

  private refuseStale(key: AppKey, stateVersion: number, generation: number | undefined): void {
    const app = this.apps.get(key);
    if (app === undefined || app.front === null) return;
    const older =
      stateVersion < app.stateVersion
        ? `state version ${stateVersion}, the router has seen ${app.stateVersion}`
        : generation !== undefined && generation < app.generation
          ? `generation ${generation}, the router serves ${app.generation}`
          : undefined;
    if (older === undefined) return;
    throw new OperatingError('E_STALE_WRITER', `${key}: a change with ${older}`, {
      hint: 'another daemon with a newer state controls this router; stop one of the two',
    });
  }

  private refuseConflict(table: RouteTable): void {
    const wanted = new Set(claimsOf(table.front).map((claim) => `${claim.host} on ${claim.listener}`));
    for (const other of this.apps.values()) {
      if (other.key === table.app || other.front === null) continue;
      const both = claimsOf(other.front).find((claim) => wanted.has(`${claim.host} on ${claim.listener}`));
      if (both === undefined) continue;
      const host = both.host === '*' ? 'every host' : both.host;
      throw new OperatingError(
        'E_ROUTE_CLAIMED',
        `${table.app} and ${other.key} both want ${host} on ${both.listener}`,
        {
          hint: 'give one of them another route.host or route.listen',
        },
      );
    }
  }

  private async listenFor(table: RouteTable): Promise<void> {
    const { listeners } = this.options;
    try {
      await listeners.acquire(table.front.listen);
      if (table.front.previewListen) await listeners.acquire(table.front.previewListen);
      // What was bound for the one is let go when the other cannot be.
    } catch (error) {
      this.routeHosts();
      throw error;
    }
  }

  /** Gives every listener its hosts, and closes those that no App wants any more. */
  private routeHosts(): void {
    this.options.listeners.releaseUnused(this.giveHosts());
  }

  /** Returns the listeners that are wanted. */
  private giveHosts(): Set<string> {
    const byListener = new Map<string, Map<string, Destination>>();
    for (const app of this.apps.values()) {
      if (app.front === null) continue;
      for (const claim of claimsOf(app.front)) {
        const hosts = byListener.get(claim.listener) ?? new Map<string, Destination>();
        hosts.set(claim.host, { app, preview: claim.preview });
        byListener.set(claim.listener, hosts);
      }
    }
    for (const [key, hosts] of byListener) this.options.listeners.get(key)?.route(hosts);
    return new Set(byListener.keys());
  }

  /** A change that the daemon asks for. */
  private inOrder<T>(work: () => Promise<T>): Promise<T> {
    return this.inTurn(() => {
      if (this.retired) throw replacedByAnother();
      return work();
    });
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work, work);
    this.last = result.catch(() => {});
    return result;
  }
}

function appOf(change: Exclude<Change, { kind: 'drain' }>): AppKey {
  return change.kind === 'table' ? change.stored.table.app : change.app;
}

/** Asked again on its next connection, the daemon finds the worker that serves. */
function replacedByAnother(): OperatingError {
  return new OperatingError('E_ROUTER_DOWN', 'this process of the router has been replaced by another one', {
    hint: 'it is asked again by itself',
  });
}
