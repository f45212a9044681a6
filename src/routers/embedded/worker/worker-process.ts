/** One worker from its first message to its end. worker.ts is the entry file; data-plane.ts carries the requests. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AppKey, Ms } from '../../../core/model.ts';
import { BUILD } from '../build.ts';
import { DataPlane } from '../data/data-plane.ts';
import { availableTransport } from '../data/transport.ts';
import { routerFiles } from '../files.ts';
import type { BoundHandle, ToWorker, WorkerConfig } from '../ipc.ts';
import type { Log } from '../log.ts';
import type { StoredTable } from '../table-store.ts';
import { fromWire } from '../wire-error.ts';
import { ControlServer } from './control-server.ts';
import { Listeners } from './listeners.ts';
import { connectionCap } from './open-files.ts';
import { Others } from './others.ts';
import { ParentLink, parentGone } from './parent-link.ts';
import { RouteState } from './route-state.ts';
import { TableWriter } from './table-writer.ts';

const ALIVE_MS: Ms = 1_000;
const CHECK_END_MS: Ms = 50;
const RESTORE_AGAIN_MS: Ms = 500;
/** For requests under way when the data plane is shut down. */
const STOP_GRACE_MS: Ms = 3_000;

interface Serving {
  config: WorkerConfig;
  plane: DataPlane;
  listeners: Listeners;
  routes: RouteState;
  others: Others;
  writer: TableWriter;
  control: ControlServer;
}

export class WorkerProcess {
  private readonly log: Log;
  private readonly parent: ParentLink;
  private readonly epoch = `${Date.now().toString(36)}-${process.pid}-${randomBytes(4).toString('hex')}`;
  private serving: Serving | undefined;
  private tables: StoredTable[] = [];
  private sockets = 0;
  private controlHandle: BoundHandle | undefined;
  /** Of an older program; undefined: it is of this one. */
  private outdatedParent: number | null | undefined;
  private ready = false;
  private endsAt: Ms = Number.POSITIVE_INFINITY;
  /** No new parent is started any more. */
  private ending = false;
  private upgrading: PromiseWithResolvers<void> | undefined;

  constructor(log: Log) {
    this.log = log;
    this.parent = new ParentLink(log, {
      message: (message, handle) => this.received(message, handle),
      orphaned: () => this.orphaned(),
      adopted: () => this.giveToParent(),
      displaced: () => this.stop(),
    });
    this.parent.send({ t: 'up' });
    setInterval(() => {
      this.parent.send({ t: 'alive' });
      this.replaceParent();
    }, ALIVE_MS).unref();
  }

  private received(message: ToWorker, handle: BoundHandle | undefined): void {
    switch (message.t) {
      case 'init':
        this.tables = message.tables;
        this.sockets = message.sockets;
        this.serving = this.prepare(message.config);
        this.serving.others.set({}, message.retiring);
        if (message.build !== BUILD) this.outdatedParent = this.parent.parentPid;
        return;
      case 'socket':
        if (handle) this.serving?.listeners.offer(message.listen, handle);
        this.sockets--;
        return;
      case 'control':
        this.controlHandle = handle;
        this.start().catch((error: unknown) => this.fail(error));
        return;
      case 'leftover':
        this.serving?.others.set(message.inFlight, message.retiring);
        return;
      case 'follow':
        this.serving?.routes.follow(message.change);
        this.parent.send({ t: 'followed', id: message.id });
        return;
      case 'upgradeFailed':
        this.upgrading?.reject(fromWire(message.error));
        return;
      case 'retire':
        this.retire();
        return;
      case 'stop':
        this.stop();
        return;
    }
  }

  private retire(): void {
    this.end('retire').catch((error: unknown) => this.fail(error));
  }

  private stop(): void {
    this.end('stop').catch((error: unknown) => this.fail(error));
  }

  /** The parent is dead: a worker that serves needs a new one, the others end. */
  private orphaned(): boolean {
    this.upgrading?.reject(parentGone());
    this.serving?.others.orphan();
    if (!this.ready) process.exit(1);
    // Nobody tells this worker of new tables any more: what it would answer later could be wrong.
    if (this.ending) this.stop();
    return !this.ending;
  }

  private fail(error: unknown): void {
    this.log.error('the worker ends', { error });
    process.exit(1);
  }

  private prepare(config: WorkerConfig): Serving {
    const { log, parent } = this;
    const plane = new DataPlane({
      transport: availableTransport(),
      probeToken: config.probeToken,
      limits: { maxConnections: connectionCap() },
      onError: (error) => log.error('a connection met a bug', { error }),
    });
    const listeners = new Listeners(plane, parent);
    const files = routerFiles(config.stateDir);
    const changed = (app: AppKey): void => this.serving?.control.changed(app);
    const others = new Others(changed);
    const writer = new TableWriter(files, log);
    const routes = new RouteState({
      plane,
      listeners,
      parent,
      others,
      bootId: config.bootId,
      epoch: this.epoch,
      changed,
      publish: async (change) => {
        await Promise.all([parent.tell(change).catch(() => others.ended()), writer.write(change)]);
      },
    });
    const control = new ControlServer(this.handlers(config, routes), log);
    return { config, plane, listeners, routes, others, writer, control };
  }

  private handlers(config: WorkerConfig, routes: RouteState): ConstructorParameters<typeof ControlServer>[0] {
    return {
      hello: () => ({
        build: BUILD,
        epoch: this.epoch,
        bootId: config.bootId,
        workers: 1,
        workerPid: process.pid,
        parentPid: this.parent.parentPid,
        apps: routes.appKeys(),
        probeToken: config.probeToken,
      }),
      apply: ({ stateVersion, table }) => routes.apply(stateVersion, table),
      drain: ({ app, stateVersion, replica, forMs }) => routes.drain(app, stateVersion, replica, forMs),
      remove: ({ app, stateVersion }) => routes.remove(app, stateVersion),
      observe: async ({ app }) => routes.observe(app),
      check: ({ front }) => routes.check(front),
      // Asked again because the answer was lost: it has been done.
      upgrade: async ({ workerEntry, workerPid }) =>
        workerPid !== undefined && workerPid !== process.pid ? {} : await this.upgrade(routes, workerEntry),
      shutdown: async () => {
        this.ending = true;
        this.parent.send({ t: 'shutdown' });
        // Without a parent there is nobody to ask.
        if (this.parent.parentPid === null) setImmediate(() => this.stop());
        return { workerPid: process.pid, parentPid: this.parent.parentPid };
      },
    };
  }

  /** Everything from the parent is here: serve what was served before, then take orders. */
  private async start(): Promise<void> {
    const { serving, controlHandle } = this;
    if (serving === undefined || controlHandle === undefined || this.sockets !== 0) {
      throw new Error('the parent did not send everything it announced');
    }
    for (const stored of this.tables) await this.restore(serving.routes, stored);
    serving.listeners.releaseOffered();
    await serving.control.listen(controlHandle);
    this.ready = true;
    this.parent.send({ t: 'ready' });
    this.log.info('serving', {
      epoch: this.epoch,
      apps: serving.routes.appKeys(),
      transport: serving.plane.transport,
    });
  }

  /** The port may be taken for a moment, by a process of this router that is about to end. */
  private async restore(routes: RouteState, stored: StoredTable): Promise<void> {
    try {
      await routes.restore(stored);
    } catch (error) {
      this.log.error('a table cannot be served again; trying again', { app: stored.table.app, error });
      setTimeout(() => void this.restore(routes, stored), RESTORE_AGAIN_MS);
    }
  }

  private giveToParent(): void {
    const { serving } = this;
    if (serving === undefined) return;
    this.parent.send({ t: 'adopt', config: serving.config, tables: serving.routes.tables() });
    for (const { listen, handle } of serving.listeners.handles())
      this.parent.send({ t: 'socket', listen }, handle);
    const control = serving.control.handle();
    if (control) this.parent.send({ t: 'control' }, control);
    this.parent.send({ t: 'adopted' });
  }

  /** Resolves when another worker serves and this one has been told to retire. Nothing may change meanwhile. */
  private upgrade(routes: RouteState, workerEntry: string | undefined): Promise<Record<string, never>> {
    return routes.frozen(async () => {
      // Nobody would ever answer, or another one would be replaced.
      if (!this.parent.connected || this.ending) throw parentGone();
      this.upgrading = Promise.withResolvers<void>();
      this.parent.send(workerEntry === undefined ? { t: 'upgrade' } : { t: 'upgrade', workerEntry });
      await this.upgrading.promise;
      return {};
    });
  }

  /**
   * A parent of an older program ends when nobody but this worker depends on it: what it held, a new one is given, as when it
   * dies by itself.
   */
  private replaceParent(): void {
    const { serving, outdatedParent } = this;
    if (!outdatedParent || !this.ready || this.ending || serving === undefined || serving.others.count > 0)
      return;
    this.outdatedParent = undefined;
    if (this.parent.parentPid !== outdatedParent) return;
    const kill = async (): Promise<void> => {
      this.log.info('the parent is of an older program: it is replaced', { parent: outdatedParent });
      process.kill(outdatedParent, 'SIGKILL');
    };
    serving.routes.frozen(kill).catch((error: unknown) => this.log.error('the parent stays', { error }));
  }

  /** Stops accepting, answers the rest, ends the process. */
  private async end(how: 'retire' | 'stop'): Promise<void> {
    const { serving } = this;
    this.ending = true;
    if (serving === undefined) process.exit(0);
    const { plane, listeners, routes, writer, control } = serving;
    plane.retiring = true;
    routes.retire();
    listeners.stopAccepting();
    this.log.info(how === 'retire' ? 'another worker serves; finishing' : 'stopping', {
      open: plane.clients.size,
    });
    if (how === 'stop') {
      plane.closeWaiting();
      this.endsAt = performance.now() + STOP_GRACE_MS;
    } else {
      routes.closeLong();
      // Before anybody asks the other worker: what is open here would look finished.
      await Promise.all([this.parent.report(routes.inFlight()), writer.stop()]);
    }
    this.upgrading?.resolve();
    // The answer to `upgrade` goes out before its connection ends, and before this process does: it would be asked again.
    const closed = new Promise<void>((resolve) => setImmediate(() => void control.close().then(resolve)));
    await this.finish(plane, routes, closed);
  }

  private async finish(plane: DataPlane, routes: RouteState, closed: Promise<void>): Promise<never> {
    let reported = '';
    while (plane.clients.size > 0 && performance.now() < this.endsAt) {
      const inFlight = routes.inFlight();
      if (JSON.stringify(inFlight) !== reported) {
        reported = JSON.stringify(inFlight);
        await this.parent.report(inFlight);
      }
      await sleep(CHECK_END_MS);
    }
    await closed;
    plane.stop();
    process.exit(0);
  }

  /** Asked to end from outside: another worker takes over first. */
  replace(): void {
    const { serving } = this;
    if (serving === undefined || this.ending) return;
    this.upgrade(serving.routes, undefined).catch((error: unknown) =>
      this.log.error('the worker is not replaced', { error }),
    );
  }
}
