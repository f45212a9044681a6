/** Holds the sockets and the last tables, keeps one worker alive, replaces it when asked. Carries no request itself. */
import fs from 'node:fs';
import type { AppKey, Ms } from '../../../core/model.ts';
import { BUILD } from '../build.ts';
import { listenKey } from '../data/listener.ts';
import { type RouterFiles, siblingEntry } from '../files.ts';
import type { Identity } from '../identity.ts';
import type { BoundHandle, Change, InFlight, Listen, ToParent, WorkerConfig } from '../ipc.ts';
import { dropLock } from '../lock.ts';
import type { Log } from '../log.ts';
import { eraseTables, type StoredTable } from '../table-store.ts';
import { toWire } from '../wire-error.ts';
import { Relay } from './relay.ts';
import { bindTcp } from './sockets.ts';
import { WorkerLink } from './worker-link.ts';

const RESPAWN_MIN_MS: Ms = 100;
const RESPAWN_MAX_MS: Ms = 5_000;
/** A worker that lived this long did not fail at its start: the next one is started at once. */
const SETTLED_MS: Ms = 10_000;
/** A worker that says nothing for this long hangs. */
const HANG_MS: Ms = 15_000;
const CHECK_HANG_MS: Ms = 1_000;
/** A successor that does not serve after this long is given up; the worker that waits for it takes no changes meanwhile. */
const SUCCESSOR_MS: Ms = 20_000;
/** Workers get this long to end before they are killed. */
const STOP_MS: Ms = 5_000;

export class Supervisor {
  private readonly sockets = new Map<string, { listen: Listen; handle: BoundHandle }>();
  private readonly tables = new Map<AppKey, StoredTable>();
  private control: BoundHandle | undefined;
  private worker: WorkerLink | undefined;
  /** Started to take over from `worker`, not serving yet. */
  private successor: WorkerLink | undefined;
  private readonly relay = new Relay((worker) => {
    this.log.error('a worker that is being replaced does not follow and is killed', { worker: worker.pid });
    worker.kill('SIGKILL');
  });
  private readonly retired = new Map<WorkerLink, InFlight>();
  private workerEntry = siblingEntry('worker');
  private successorEntry = this.workerEntry;
  private respawnMs: Ms = 0;
  private startedAt: Ms = 0;
  private stopping = false;
  private adopting: (() => void) | undefined;
  /** Which tables there are was told by a worker, which knows better than the disk. */
  private given = false;
  private config: WorkerConfig | undefined;
  private readonly files: RouterFiles;
  private readonly log: Log;

  constructor(files: RouterFiles, log: Log) {
    this.files = files;
    this.log = log;
    setInterval(() => this.killHung(), CHECK_HANG_MS);
  }

  /** Starts from nothing: with the tables that were on disk. */
  start(config: WorkerConfig, control: BoundHandle, tables: readonly StoredTable[]): void {
    this.config = config;
    this.control = control;
    if (!this.given) for (const stored of tables) this.tables.set(stored.table.app, stored);
    this.forkWorker();
  }

  /**
   * Takes the place of a dead parent; the worker that started this process goes on serving. `onLost` is called when that
   * worker ends before it has given everything.
   */
  adopt(pid: number, onLost: () => void): void {
    this.startedAt = performance.now();
    this.adopting = onLost;
    this.worker = WorkerLink.adopt(pid, this.events);
    this.worker.ready = true;
  }

  stop(erase: boolean): void {
    if (this.stopping) return;
    this.stopping = true;
    if (erase) void eraseTables(this.files);
    for (const worker of this.workers()) worker.send({ t: 'stop' });
    // Held any longer, connections that nobody will accept would wait instead of being refused.
    for (const { listen } of [...this.sockets.values()]) this.release(listen);
    setTimeout(() => {
      for (const worker of this.workers()) worker.kill('SIGKILL');
    }, STOP_MS);
    this.endIfDone();
  }

  private readonly events = {
    message: (worker: WorkerLink, message: ToParent, handle: BoundHandle | undefined): void => {
      this.received(worker, message, handle).catch((error: unknown) => {
        this.log.error('a message of the worker could not be handled', { t: message.t, error });
      });
    },
    gone: (worker: WorkerLink, how: string): void => this.gone(worker, how),
  };

  private async received(
    worker: WorkerLink,
    message: ToParent,
    handle: BoundHandle | undefined,
  ): Promise<void> {
    switch (message.t) {
      case 'up':
        return this.initialize(worker);
      case 'ready':
        return this.becameReady(worker);
      case 'alive':
        return;
      case 'bind':
        return await this.bind(worker, message.id, message.listen);
      case 'try':
        return await this.tryBind(worker, message.id, message.listen);
      case 'release':
        return this.release(message.listen);
      case 'tell':
        this.keep(message.change);
        this.refuseSuccessor();
        return this.relay.pass(worker, message.id, message.change, this.retired.keys());
      case 'followed':
        return this.relay.followed(worker, message.id);
      case 'upgrade':
        return worker === this.worker ? this.upgrade(message.workerEntry) : undefined;
      case 'shutdown':
        return this.stop(true);
      case 'leftover':
        if (this.retired.has(worker)) this.retired.set(worker, message.inFlight);
        this.tellLeftover();
        return worker.send({ t: 'told', id: message.id });
      case 'adopt':
        this.config = message.config;
        this.given = true;
        for (const stored of message.tables) this.tables.set(stored.table.app, stored);
        return;
      case 'socket':
        if (handle) this.sockets.set(listenKey(message.listen), { listen: message.listen, handle });
        return;
      case 'control':
        this.control = handle;
        return;
      case 'adopted':
        this.adopting = undefined;
        this.tellLeftover();
        this.log.info('took over from a dead parent', {
          worker: worker.pid,
          sockets: [...this.sockets.keys()],
        });
        return;
    }
  }

  private keep(change: Change): void {
    if (change.kind === 'table') this.tables.set(change.stored.table.app, change.stored);
    if (change.kind === 'remove') this.tables.delete(change.app);
  }

  private workers(): WorkerLink[] {
    const serving = [this.worker, this.successor].filter((worker) => worker !== undefined);
    return [...serving, ...this.retired.keys()];
  }

  private forkWorker(): void {
    this.startedAt = performance.now();
    this.worker = WorkerLink.fork(this.workerEntry, this.events);
    this.log.info('worker started', { worker: this.worker.pid });
  }

  private initialize(worker: WorkerLink): void {
    if (this.config === undefined || this.control === undefined)
      throw new Error('nothing to give to a worker');
    worker.send({
      t: 'init',
      build: BUILD,
      config: this.config,
      tables: [...this.tables.values()],
      sockets: this.sockets.size,
      retiring: this.retiring(),
    });
    for (const { listen, handle } of this.sockets.values()) worker.send({ t: 'socket', listen }, handle);
    worker.send({ t: 'control' }, this.control);
  }

  private becameReady(worker: WorkerLink): void {
    worker.ready = true;
    if (worker === this.successor) {
      const before = this.worker;
      this.worker = worker;
      // Only now: an entry that does not start must not be what the next worker is started from.
      this.workerEntry = this.successorEntry;
      this.successor = undefined;
      if (before !== undefined) {
        this.retired.set(before, {});
        before.send({ t: 'retire' });
      }
    }
    this.tellLeftover();
  }

  private async bind(worker: WorkerLink, id: number, listen: Listen): Promise<void> {
    try {
      const held = this.sockets.get(listenKey(listen)) ?? { listen, handle: await bindTcp(listen) };
      this.sockets.set(listenKey(listen), held);
      worker.send({ t: 'bound', id }, held.handle);
    } catch (error) {
      worker.send({ t: 'bindFailed', id, error: toWire(error) });
    }
  }

  private async tryBind(worker: WorkerLink, id: number, listen: Listen): Promise<void> {
    try {
      if (!this.sockets.has(listenKey(listen))) (await bindTcp(listen)).close();
      worker.send({ t: 'tried', id });
    } catch (error) {
      worker.send({ t: 'bindFailed', id, error: toWire(error) });
    }
  }

  private release(listen: Listen): void {
    const held = this.sockets.get(listenKey(listen));
    this.sockets.delete(listenKey(listen));
    held?.handle.close();
  }

  private upgrade(entry: string | undefined): void {
    if (this.stopping || this.successor !== undefined) return;
    this.successorEntry = entry ?? this.workerEntry;
    this.successor = WorkerLink.fork(this.successorEntry, this.events);
    const { successor } = this;
    this.log.info('successor started', { worker: successor.pid, entry: this.successorEntry });
    setTimeout(() => {
      if (this.successor === successor) successor.kill('SIGKILL');
    }, SUCCESSOR_MS).unref();
  }

  /** It was given the tables before this change, and would serve without it. */
  private refuseSuccessor(): void {
    if (this.successor === undefined) return;
    this.log.warn('the route changed while a successor started: it is given up');
    this.successor.kill('SIGKILL');
  }

  private tellLeftover(): void {
    const all: InFlight = {};
    for (const inFlight of this.retired.values()) {
      for (const [app, replicas] of Object.entries(inFlight)) {
        const sum = all[app] ?? {};
        for (const [replica, open] of Object.entries(replicas)) sum[replica] = (sum[replica] ?? 0) + open;
        all[app] = sum;
      }
    }
    this.worker?.send({ t: 'leftover', inFlight: all, retiring: this.retiring() });
  }

  private retiring(): Identity[] {
    return [...this.retired.keys()].map((worker) => worker.identity);
  }

  private gone(worker: WorkerLink, how: string): void {
    this.log.info('worker ended', { worker: worker.pid, how });
    this.relay.gone(worker);
    if (this.retired.delete(worker)) this.tellLeftover();
    else if (worker === this.successor) {
      this.successor = undefined;
      const error = toWire(new Error(`the new worker ended before it served: ${how}`));
      this.worker?.send({ t: 'upgradeFailed', error });
    } else if (worker === this.worker) {
      this.worker = undefined;
      if (!this.stopping) this.forkAgain();
    }
    this.endIfDone();
  }

  /** The kernel queues connections meanwhile; a worker that dies again and again is given time. */
  private forkAgain(): void {
    const { adopting } = this;
    this.adopting = undefined;
    // The control socket is the last that is given: with it, everything is here.
    if (adopting !== undefined && this.control === undefined) {
      this.log.warn('the worker ended before this parent had taken over');
      adopting();
      return;
    }
    if (this.successor !== undefined) {
      this.worker = this.successor;
      this.successor = undefined;
      return;
    }
    const settled = performance.now() - this.startedAt > SETTLED_MS;
    this.respawnMs = settled ? 0 : Math.min(RESPAWN_MAX_MS, this.respawnMs * 2);
    setTimeout(() => {
      if (!this.stopping && this.worker === undefined) this.forkWorker();
    }, this.respawnMs);
    this.respawnMs = Math.max(RESPAWN_MIN_MS, this.respawnMs);
  }

  private killHung(): void {
    const now = performance.now();
    for (const worker of this.workers()) {
      if (now - worker.aliveAt < HANG_MS) continue;
      this.log.error('the worker hangs and is killed', { worker: worker.pid });
      worker.kill('SIGKILL');
    }
  }

  private endIfDone(): void {
    if (!this.stopping || this.workers().length > 0) return;
    fs.rmSync(this.files.controlSocket, { force: true });
    dropLock(this.files.lock);
    this.log.info('stopped');
    process.exit(0);
  }
}
