/** The worker's side of the channel to its parent, and what happens when the parent dies: the worker starts a new one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { siblingEntry } from '../files.ts';
import type { BoundHandle, Listen, ToParent, ToWorker } from '../ipc.ts';
import type { Log } from '../log.ts';
import { fromWire } from '../wire-error.ts';

const RESPAWN_MIN_MS = 100;
const RESPAWN_MAX_MS = 5_000;
/** A parent that lived this long did not fail at its start. */
const SETTLED_MS = 10_000;

/** `process` when the parent forked this worker, a child when this worker started the parent. */
type Channel = Pick<ChildProcess, 'send' | 'on' | 'connected'>;

interface Waiting {
  resolve(handle: BoundHandle | undefined): void;
  reject(error: Error): void;
}

export interface ParentLinkEvents {
  message(message: ToWorker, handle: BoundHandle | undefined): void;
  /** A new parent is there: give it what the old one held. */
  adopted(): void;
}

export class ParentLink {
  /** No new parent is started any more. */
  ending = false;
  parentPid: number | null = process.ppid;
  private channel: Channel = process as unknown as Channel;
  private lastParentPid: number = process.ppid;
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 1;
  private respawnMs = 0;
  private readonly log: Log;
  private readonly events: ParentLinkEvents;

  constructor(log: Log, events: ParentLinkEvents) {
    this.log = log;
    this.events = events;
    this.listenTo(this.channel);
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

  private ask(t: 'bind' | 'try', listen: Listen): Promise<BoundHandle | undefined> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      if (!this.channel.connected) {
        reject(parentGone());
        return;
      }
      this.waiting.set(id, { resolve, reject });
      this.send({ t, id, listen });
    });
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
    if (message.t === 'bound' || message.t === 'tried' || message.t === 'bindFailed') {
      const waiting = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      if (message.t === 'bindFailed') waiting?.reject(fromWire(message.error));
      else waiting?.resolve(handle);
      return;
    }
    this.events.message(message, handle);
  }

  private orphaned(): void {
    this.lastParentPid = this.parentPid ?? this.lastParentPid;
    this.parentPid = null;
    for (const waiting of this.waiting.values()) waiting.reject(parentGone());
    this.waiting.clear();
    if (this.ending) return;
    this.log.warn('the parent is gone; a new one is started', { afterMs: this.respawnMs });
    setTimeout(() => this.startParent(), this.respawnMs);
    this.respawnMs = Math.min(RESPAWN_MAX_MS, Math.max(RESPAWN_MIN_MS, this.respawnMs * 2));
  }

  private startParent(): void {
    if (this.ending) return;
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
    child.on('exit', () => clearTimeout(settled));
    this.events.adopted();
  }
}

function parentGone(): Error {
  return fromWire({
    code: 'E_ROUTER_DOWN',
    message: 'the router’s parent process is being replaced',
    hint: 'this takes less than a second; traffic goes on meanwhile',
  });
}
