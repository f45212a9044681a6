/** Keeps the daemon connected to the router, and the router running. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AppKey, Ms } from '../../../core/model.ts';
import { routerFiles } from '../files.ts';
import { type Identity, identityOf, isAlive } from '../identity.ts';
import { lockOwner } from '../lock.ts';
import type { Hello, OperationName, Operations } from '../protocol.ts';
import { ControlConnection, routerDown } from './connection.ts';
import { logTail, startParent } from './launch.ts';

const RECONNECT_MS: Ms = 25;
const RELAUNCH_MIN_MS: Ms = 200;
const RELAUNCH_MAX_MS: Ms = 5_000;

export interface LinkLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface LinkOptions {
  stateDir: string;
  bootId: string;
  logger: LinkLogger | undefined;
  onChange(app: AppKey): void;
}

interface Connected {
  connection: ControlConnection;
  hello: Hello;
}

export class RouterLink {
  private readonly options: LinkOptions;
  private readonly files: ReturnType<typeof routerFiles>;
  private current: Connected | undefined;
  private arrival = Promise.withResolvers<Connected>();
  private closed = false;
  private relaunchMs: Ms = 0;
  private relaunchAt: Ms = 0;
  private lastEnd = '';
  private launching = false;
  private readonly stopWaiting = new AbortController();

  constructor(options: LinkOptions) {
    this.options = options;
    this.files = routerFiles(options.stateDir);
    void this.keepConnected();
  }

  get hello(): Hello | undefined {
    return this.current?.hello;
  }

  get log(): string {
    return this.files.log;
  }

  /** @throws OperatingError E_ROUTER_DOWN */
  async connected(timeoutMs: Ms): Promise<Connected> {
    if (this.closed) throw routerDown('the connection to the router has been closed');
    if (this.current !== undefined) return this.current;
    const late = new AbortController();
    const giveUp = sleep(timeoutMs, undefined, { signal: late.signal }).then(() => {
      const tail = logTail(this.files.log).join('\n');
      const ended = this.lastEnd === '' ? '' : ` (${this.lastEnd})`;
      throw routerDown(
        `the router did not come up within ${timeoutMs} ms${ended}\n${tail}`.trimEnd(),
        this.files.log,
      );
    });
    giveUp.catch(() => {});
    try {
      return await Promise.race([this.arrival.promise, giveUp]);
    } finally {
      late.abort();
    }
  }

  /**
   * Every operation may be repeated: when the connection breaks, it is asked again on the next one.
   * @throws OperatingError what the router refused, or E_ROUTER_DOWN
   */
  async request<Name extends OperationName>(
    op: Name,
    takes: Operations[Name]['takes'],
    timeoutMs: Ms,
  ): Promise<Operations[Name]['gives']> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const { connection } = await this.connected(Math.max(1, until - performance.now()));
      const left = Math.max(1, until - performance.now());
      try {
        return await connection.request(op, takes, left);
      } catch (error) {
        const down = (error as { code?: string }).code === 'E_ROUTER_DOWN';
        if (!down || this.closed || performance.now() >= until) throw error;
        await sleep(RECONNECT_MS);
      }
    }
  }

  /** From now on one that is gone stays gone. @returns the processes of the one that runs, as far as they are known */
  launchNoMore(): Identity[] {
    this.relaunchAt = Number.POSITIVE_INFINITY;
    const { workerPid, parentPid } = this.current?.hello ?? { workerPid: null, parentPid: null };
    const pids = [workerPid, parentPid].filter((pid) => pid !== null);
    const owner = lockOwner(this.files.lock);
    const known = [...pids.map(identityOf), owner].filter((identity) => identity !== undefined);
    return known.filter(isAlive);
  }

  close(): void {
    this.closed = true;
    this.stopWaiting.abort();
    this.current?.connection.end();
    this.arrival.promise.catch(() => {});
    this.arrival.reject(routerDown('the connection to the router has been closed'));
  }

  private async keepConnected(): Promise<void> {
    while (!this.closed) {
      const connected = await this.connect();
      if (connected === undefined) {
        await sleep(RECONNECT_MS, undefined, { signal: this.stopWaiting.signal }).catch(() => {});
        continue;
      }
      await connected.connection.closed;
      this.current = undefined;
      if (this.closed) return;
      this.arrival = Promise.withResolvers<Connected>();
      this.options.logger?.warn({}, 'the connection to the router broke; connecting again');
    }
  }

  private async connect(): Promise<Connected | undefined> {
    try {
      const connected = await ControlConnection.open(this.files.controlSocket, this.options.onChange);
      if (this.closed) {
        connected.connection.end();
        return undefined;
      }
      this.current = connected;
      this.relaunchMs = 0;
      this.arrival.resolve(connected);
      const { workerPid, parentPid, epoch } = connected.hello;
      this.options.logger?.info({ workerPid, parentPid, epoch }, 'connected to the router');
      // Another worker: its counters and what it has acknowledged are its own.
      for (const app of connected.hello.apps) this.options.onChange(app);
      return connected;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT' || code === 'ECONNREFUSED') this.launch();
      else this.lastEnd = (error as Error).message;
      return undefined;
    }
  }

  private launch(): void {
    const now = performance.now();
    if (this.closed || this.launching || now < this.relaunchAt) return;
    const owner = lockOwner(this.files.lock);
    // It is about to listen.
    if (owner !== undefined && isAlive(owner)) return;
    this.relaunchMs = Math.min(RELAUNCH_MAX_MS, Math.max(RELAUNCH_MIN_MS, this.relaunchMs * 2));
    this.relaunchAt = now + this.relaunchMs;
    try {
      const { pid, ended } = startParent(this.files, this.options.stateDir, this.options.bootId);
      this.options.logger?.info({ pid }, 'router started');
      // A second one would wait at the lock, and take over from the first at a moment that nobody expects.
      this.launching = true;
      void ended.then((how) => {
        this.launching = false;
        this.lastEnd = how;
      });
    } catch (error) {
      this.lastEnd = (error as Error).message;
    }
  }
}
