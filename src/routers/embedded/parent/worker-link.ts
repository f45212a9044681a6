/** The parent's side of the channel to one worker: forked by this parent, or the one that started this parent. */
import { type ChildProcess, fork } from 'node:child_process';
import { type Identity, identityOf } from '../identity.ts';
import type { BoundHandle, ToParent, ToWorker } from '../ipc.ts';

export interface WorkerLinkEvents {
  message(worker: WorkerLink, message: ToParent, handle: BoundHandle | undefined): void;
  /** It is dead, or as good as: nothing can be sent to it any more. */
  gone(worker: WorkerLink, how: string): void;
}

type Channel = Pick<ChildProcess, 'send' | 'on' | 'connected'>;

export class WorkerLink {
  readonly pid: number;
  readonly identity: Identity;
  /** Last sign of life. Monotonic. */
  aliveAt = performance.now();
  ready = false;
  private readonly channel: Channel;
  private isGone = false;

  private constructor(pid: number, channel: Channel, events: WorkerLinkEvents) {
    this.pid = pid;
    this.identity = identityOf(pid) ?? { pid, startTime: '' };
    this.channel = channel;
    channel.on('message', (message, handle) => {
      this.aliveAt = performance.now();
      events.message(this, message as ToParent, handle as unknown as BoundHandle | undefined);
    });
    const gone = (how: string): void => {
      if (this.isGone) return;
      this.isGone = true;
      events.gone(this, how);
    };
    channel.on('disconnect', () => gone('channel closed'));
    channel.on('exit', (code: number | null, signal: string | null) => gone(signal ?? `exit ${code}`));
    channel.on('error', (error: Error) => gone(error.message));
  }

  static fork(entry: string, events: WorkerLinkEvents): WorkerLink {
    const child = fork(entry, [], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [],
      env: workerEnv(),
    });
    return new WorkerLink(child.pid ?? 0, child, events);
  }

  /** The worker that started this process, after its own parent had died. */
  static adopt(pid: number, events: WorkerLinkEvents): WorkerLink {
    return new WorkerLink(pid, process as unknown as Channel, events);
  }

  get connected(): boolean {
    return !this.isGone && this.channel.connected;
  }

  send(message: ToWorker, handle?: BoundHandle): void {
    if (!this.connected) return;
    // A worker that dies while it is written to is noticed by `disconnect`.
    const ignore = (): void => {};
    if (handle === undefined) this.channel.send(message, ignore);
    else this.channel.send(message, handle as never, ignore);
  }

  kill(signal: NodeJS.Signals): void {
    if (this.isGone || this.pid === 0) return;
    try {
      process.kill(this.pid, signal);
    } catch {
      // It ended just now.
    }
  }
}

function workerEnv(): NodeJS.ProcessEnv {
  const env = { ...process.env };
  delete env.CROSSFADE_ROUTER_ADOPT;
  delete env.CROSSFADE_ROUTER_BEFORE;
  return env;
}
