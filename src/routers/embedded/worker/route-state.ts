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
import type { ParentLink } from './parent-link.ts';

/** Longest that setTimeout counts. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface RouteStateOptions {
  plane: DataPlane;
  listeners: Listeners;
  parent: ParentLink;
  bootId: string;
  epoch: string;
  /** observe() of the App would answer something else. */
  changed(app: AppKey): void;
  /** Best effort: what is served stays served whether or not others hear of it and it can be written down. */
  publish(change: Change): Promise<void>;
}

export class RouteState {
  private readonly options: RouteStateOptions;
  private readonly apps: Map<AppKey, App>;
  private readonly stored = new Map<AppKey, StoredTable>();
  private readonly drains = new Map<Target, NodeJS.Timeout>();
  private leftover: InFlight = {};
  /** Workers that are being replaced and still answer. */
  private retiring = 0;
  private last: Promise<unknown> = Promise.resolve();

  constructor(options: RouteStateOptions) {
    this.options = options;
    this.apps = options.plane.apps;
  }

  /**
   * Serves a stored table again; one of another boot only keeps the place until a table is applied. A table that has been
   * applied meanwhile stays.
   */
  restore(stored: StoredTable): Promise<void> {
    return this.inTurn(async () => {
      if (this.stored.has(stored.table.app)) return;
      await this.listenFor(stored.table);
      const app = this.app(stored.table.app);
      this.stored.set(app.key, stored);
      if (stored.bootId === this.options.bootId) app.install(stored.table, stored.stateVersion);
      else app.installUnverified(stored.table, stored.stateVersion);
      this.routeHosts();
    });
  }

  /** Resolves with the generation once it is served and, if that was possible, written down. */
  apply(stateVersion: number, table: RouteTable): Promise<{ generation: number; workers: number }> {
    return this.inTurn(async () => {
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
    return this.inTurn(async () => {
      this.refuseStale(key, stateVersion, undefined);
      const app = this.apps.get(key);
      if (app === undefined) return {};
      app.stateVersion = stateVersion;
      await this.make({ kind: 'drain', app: key, replica, forMs });
      return {};
    });
  }

  remove(key: AppKey, stateVersion: number): Promise<Record<string, never>> {
    return this.inTurn(async () => {
      this.refuseStale(key, stateVersion, undefined);
      const app = this.apps.get(key);
      if (app === undefined) return {};
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
    const { epoch } = this.options;
    const app = this.apps.get(key) ?? new App(key, () => {});
    return app.observe(epoch, this.workers, this.leftover[key] ?? {});
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

  /** What a worker that is being replaced still has open counts as open here. */
  setLeftover(leftover: InFlight, retiring: number): void {
    this.retiring = retiring;
    const touched = new Set([...Object.keys(this.leftover), ...Object.keys(leftover)]);
    this.leftover = leftover;
    for (const key of touched) this.options.changed(key);
  }

  /** Ends upgraded and streaming connections, each App's spread over its own time. */
  closeLong(): void {
    for (const app of this.apps.values()) {
      for (const target of app.allTargets())
        this.options.plane.closeLong(target, app.front?.drainLongMs ?? 0);
    }
  }

  get workers(): number {
    return 1 + this.retiring;
  }

  private async make(change: Change): Promise<void> {
    this.change(change);
    this.routeHosts();
    await this.options.publish(change);
  }

  private change(change: Change): void {
    switch (change.kind) {
      case 'table': {
        const { table, stateVersion } = change.stored;
        this.app(table.app).install(table, stateVersion);
        this.stored.set(table.app, change.stored);
        return;
      }
      case 'remove': {
        const app = this.apps.get(change.app);
        this.stored.delete(change.app);
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

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work, work);
    this.last = result.catch(() => {});
    return result;
  }
}
