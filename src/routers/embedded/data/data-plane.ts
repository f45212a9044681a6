/** What all connections of one worker share, and the sweep that ends what takes too long. */
import { timingSafeEqual } from 'node:crypto';
import net from 'node:net';
import type { AppKey, Ms } from '../../../core/model.ts';
import type { App } from './app.ts';
import { ClientConn } from './client.ts';
import { giveUp } from './dispatch.ts';
import type { Listener } from './listener.ts';
import type { Target } from './target.ts';
import { endIfTooLong } from './timeouts.ts';
import { accept, type Transport } from './transport.ts';
import { UpstreamConn } from './upstream.ts';

const SWEEP_MS = 100;
const BACKLOG = 4096;

export interface Limits {
  /** From the first byte of a head to its last. */
  headTimeoutMs: Ms;
  /** Between two requests. */
  idleTimeoutMs: Ms;
  /** Without a byte of a body that was announced. */
  bodyTimeoutMs: Ms;
  /** Without the client taking a byte of what it is sent. */
  sendTimeoutMs: Ms;
  /** For the answer to a client that has closed its side, without a byte of it: it may as well have gone away. */
  halfClosedMs: Ms;
  /** From the last answer's last byte until the client has closed too. */
  lingerMs: Ms;
  maxConnections: number;
}

const DEFAULT_LIMITS: Limits = {
  headTimeoutMs: 10_000,
  idleTimeoutMs: 75_000,
  bodyTimeoutMs: 60_000,
  sendTimeoutMs: 60_000,
  halfClosedMs: 30_000,
  lingerMs: 5_000,
  maxConnections: 16_384,
};

export class DataPlane {
  readonly transport: Transport;
  readonly limits: Limits;
  readonly clients = new Set<ClientConn>();
  readonly apps = new Map<AppKey, App>();
  /** Being replaced: every answer closes its connection. */
  retiring = false;
  private readonly probeToken: Buffer;
  private readonly sweeper: NodeJS.Timeout;
  private sweptAt: Ms = performance.now();
  private readonly onError: (error: unknown) => void;

  /** `onError` hears of bugs: the connection that met one is ended, the others go on. */
  constructor(options: {
    transport: Transport;
    probeToken: string;
    onError: (error: unknown) => void;
    limits?: Partial<Limits>;
  }) {
    this.transport = options.transport;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.probeToken = Buffer.from(options.probeToken, 'latin1');
    this.onError = options.onError;
    this.sweeper = setInterval(() => this.sweep(), SWEEP_MS);
  }

  /** Starts to accept on a bound handle. Rejects when somebody else has come to listen there since it was bound. */
  listen(listener: Listener, handle: unknown): Promise<void> {
    const server = net.createServer(
      // Half-open: a client may close its side when it has sent its request, and still wants the answer.
      { pauseOnConnect: this.transport === 'onread', noDelay: true, allowHalfOpen: true },
      (socket) => this.accepted(listener, socket),
    );
    listener.server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(handle as net.Server, BACKLOG, () => {
        server.removeListener('error', reject);
        server.on('error', this.onError);
        resolve();
      });
    });
  }

  connect(target: Target): UpstreamConn {
    return new UpstreamConn(target, this);
  }

  isProbe(b: Buffer, start: number, end: number): boolean {
    return end - start === this.probeToken.length && timingSafeEqual(b.subarray(start, end), this.probeToken);
  }

  /** Runs what a connection does; an exception ends this connection only. */
  guard(connection: { destroy(): void }, what: () => void): void {
    try {
      what();
    } catch (error) {
      this.onError(error);
      connection.destroy();
    }
  }

  /** Ends what is still open on a drained replica: requests without an answer now, the others spread over `spreadMs`. */
  closeOpen(target: Target, spreadMs: Ms): void {
    for (const client of this.openOn(target)) if (!client.answered) giveUp(client, 'E_DRAINED');
    this.closeLong(target, spreadMs);
  }

  /** All at once would come back all at once. */
  closeLong(target: Target, spreadMs: Ms): void {
    const long = this.openOn(target).filter((client) => client.answered);
    long.forEach((client, i) => {
      const request = client.requestNumber;
      const close = (): void => {
        if (client.target === target && client.requestNumber === request) client.closeLong();
      };
      setTimeout(close, (spreadMs * i) / long.length);
    });
  }

  private openOn(target: Target): ClientConn[] {
    return [...this.clients].filter((client) => client.target === target && client.upstream !== null);
  }

  /** Ends connections that wait for a next request; those that are busy end with their answer when retiring. */
  closeWaiting(): void {
    for (const client of this.clients) if (client.waiting) client.destroy();
  }

  stop(): void {
    clearInterval(this.sweeper);
    for (const client of this.clients) client.destroy();
  }

  private accepted(listener: Listener, socket: net.Socket): void {
    // A flood that does not even take its refusal must not take the open files of those who are served.
    if (this.clients.size >= 2 * this.limits.maxConnections) {
      socket.destroy();
      return;
    }
    accept(socket, this.transport, (wrapped, remoteAddress) => {
      const client = new ClientConn(this, listener, wrapped, remoteAddress);
      this.clients.add(client);
      if (this.clients.size > this.limits.maxConnections) client.answer('E_TOO_MANY_CONNECTIONS');
      return client;
    });
  }

  /**
   * Ages are those of the sweep before: all that had come by then has been read since. After a moment in which the process
   * could not run, timers come before sockets, and what looks idle may have sent its request long ago.
   */
  private sweep(): void {
    const now = this.sweptAt;
    this.sweptAt = performance.now();
    for (const client of this.clients) this.guard(client, () => endIfTooLong(client, now));
    for (const app of this.apps.values()) for (const target of app.allTargets()) target.sweepIdle(now);
  }
}
