/** The worker's side of the channel to its parent, and what happens when the parent dies: the worker starts a new one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { siblingEntry } from '../files.ts';
import {
  ANOTHER_PARENT,
  type BoundHandle,
  type Change,
  type InFlight,
  type Listen,
  type ToParent,
  type ToWorker,
} from '../ipc.ts';
import type { Log } from '../log.ts';
import { fromWire } from '../wire-error.ts';

const RESPAWN_MIN_MS = 100;
const RESPAWN_MAX_MS = 5_000;
/** A parent that lived this long did not fail at its start. */
const SETTLED_MS = 10_000;

/** A parent that does not answer for this long is not waited for. */
const ANSWER_MS = 5_000;
/** Longer than the parent gives other workers to follow. */
const FOLLOWED_MS = 8_000;

/** `process` when the parent forked this worker, a child when this worker started the parent. */
type Channel = Pick<ChildProcess, 'send' | 'on' | 'connected'>;

interface Waiting {
  resolve(handle: BoundHandle | undefined): void;
  reject(error: Error): void;
}

export interface ParentLinkEvents {
  message(message: ToWorker, handle: BoundHandle | undefined): void;
  /** The parent is dead. True: a new one is to be started. */
  orphaned(): boolean;
  /** A new parent is there: give it what the old one held. */
  adopted(): void;
  /** Another parent has this state folder, with a worker of its own. */
  displaced(): void;
}

export class ParentLink {
  parentPid: number | null = process.ppid;
  private channel: Channel = process as unknown as Channel;
  private lastParentPid: number = process.ppid;
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 1;
  private respawnMs = 0;
  private displaced = false;
  private readonly log: Log;
  private readonly events: ParentLinkEvents;

  constructor(log: Log, events: ParentLinkEvents) {
    this.log = log;
    this.events = events;
    this.listenTo(this.channel);
  }

  get connected(): boolean {
    return this.channel.connected;
  }

  send(message: ToParent, handle?: BoundHandle): void {
    if (!this.channel.connected) return;
    // A parent that dies while it is written to is noticed by `disconnect`.
    const ignore = (): void => {};
    if (handle === undefined) this.channel.send(message, ignore);
    else this.channel.send(message, handle as never, ignore);
  }

  /** @throws OperatingError E_PORT_TAKEN, E_LISTEN_FAILED, E_ROUTER_DOWN */
  async bind(listen: Listen): Promise<BoundHandle> {
    const handle = await this.ask('bind', listen);
    if (handle === undefined) throw new Error('the parent bound a socket and did not send it');
    return handle;
  }

  /** @throws OperatingError E_PORT_TAKEN, E_LISTEN_FAILED, E_ROUTER_DOWN */
  async tryBind(listen: Listen): Promise<void> {
    await this.ask('try', listen);
  }

  /**
   * Resolves when the parent keeps the change and every worker that is being replaced has made it too.
   * @throws OperatingError E_ROUTER_DOWN
   */
  async tell(change: Change): Promise<void> {
    await this.request((id) => ({ t: 'tell', id, change }), FOLLOWED_MS);
  }

  /** What is still open here; resolves when the worker that serves has been sent it. */
  async report(inFlight: InFlight): Promise<void> {
    await this.request((id) => ({ t: 'leftover', id, inFlight })).catch(() => {});
  }

  private ask(t: 'bind' | 'try', listen: Listen): Promise<BoundHandle | undefined> {
    return this.request((id) => ({ t, id, listen }));
  }

  private async request(
    message: (id: number) => ToParent,
    limitMs = ANSWER_MS,
  ): Promise<BoundHandle | undefined> {
    if (!this.channel.connected) throw parentGone();
    const id = this.nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<BoundHandle | undefined>();
    this.waiting.set(id, { resolve, reject });
    const timer = setTimeout(() => reject(parentGone()), limitMs);
    this.send(message(id));
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.waiting.delete(id);
    }
  }

  private listenTo(channel: Channel): void {
    channel.on('message', (message, handle) => {
      if (channel === this.channel)
        this.receive(message as ToWorker, handle as unknown as BoundHandle | undefined);
    });
    let gone = false;
    const lost = (): void => {
      if (gone || channel !== this.channel) return;
      gone = true;
      this.orphaned();
    };
    channel.on('disconnect', lost);
    // A parent that dies while it starts may never have had a channel to lose.
    if (channel !== (process as unknown as Channel)) channel.on('exit', lost);
  }

  private receive(message: ToWorker, handle: BoundHandle | undefined): void {
    switch (message.t) {
      case 'bound':
      case 'tried':
      case 'told':
        this.waiting.get(message.id)?.resolve(handle);
        return;
      case 'bindFailed':
        this.waiting.get(message.id)?.reject(fromWire(message.error));
        return;
      default:
        this.events.message(message, handle);
    }
  }

  private orphaned(): void {
    this.lastParentPid = this.parentPid ?? this.lastParentPid;
    this.parentPid = null;
    for (const waiting of this.waiting.values()) waiting.reject(parentGone());
    if (!this.events.orphaned()) return;
    this.log.warn('the parent is gone; a new one is started', { afterMs: this.respawnMs });
    setTimeout(() => this.startParent(), this.respawnMs);
    this.respawnMs = Math.min(RESPAWN_MAX_MS, Math.max(RESPAWN_MIN_MS, this.respawnMs * 2));
  }

  private startParent(): void {
    if (this.displaced) return;
    const child = spawn(process.execPath, [siblingEntry('parent')], {
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: {
        ...process.env,
        CROSSFADE_ROUTER_ADOPT: String(process.pid),
        CROSSFADE_ROUTER_BEFORE: String(this.lastParentPid),
      },
    });
    child.on('error', (error) => this.log.error('the new parent could not be started', { error }));
    if (child.pid === undefined) {
      this.orphaned();
      return;
    }
    this.channel = child;
    this.parentPid = child.pid;
    this.listenTo(child);
    const settled = setTimeout(() => {
      this.respawnMs = 0;
    }, SETTLED_MS);
    child.on('exit', (code) => {
      clearTimeout(settled);
      if (code !== ANOTHER_PARENT) return;
      this.displaced = true;
      this.events.displaced();
    });
    this.events.adopted();
  }
}

export function parentGone(): Error {
  return fromWire({
    code: 'E_ROUTER_DOWN',
    message: 'the router’s parent process is being replaced',
    hint: 'this takes less than a second; traffic goes on meanwhile',
  });
}
