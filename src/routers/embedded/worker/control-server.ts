/** Serves the control socket: answers requests, pushes changes. */
import net from 'node:net';
import { OperatingError } from '../../../core/errors.ts';
import type { AppKey, Ms } from '../../../core/model.ts';
import type { BoundHandle } from '../ipc.ts';
import type { Log } from '../log.ts';
import { readLines, writeLine } from '../ndjson.ts';
import { type Hello, type Operations, PROTOCOLS, type Push, type Request } from '../protocol.ts';
import { toWire } from '../wire-error.ts';

export type Handlers = {
  [Name in Exclude<keyof Operations, 'hello'>]: (
    asked: Operations[Name]['takes'],
  ) => Promise<Operations[Name]['gives']>;
} & { hello(): Omit<Hello, 'protocol'> };

/** A daemon that hangs keeps no worker from ending. */
const CLOSE_MS: Ms = 1_000;

export class ControlServer {
  private server: net.Server | undefined;
  private readonly sockets = new Set<net.Socket>();
  /** Those that have said hello. */
  private readonly greeted = new Set<net.Socket>();
  private readonly dirty = new Set<AppKey>();
  private readonly handlers: Handlers;
  private readonly log: Log;

  constructor(handlers: Handlers, log: Log) {
    this.handlers = handlers;
    this.log = log;
  }

  listen(handle: BoundHandle): Promise<void> {
    const server = net.createServer((socket) => this.accepted(socket));
    this.server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(handle as unknown as net.Server, resolve);
    });
  }

  /** Many changes within one turn of the loop are one line. */
  changed(app: AppKey): void {
    if (this.dirty.size === 0) setImmediate(() => this.pushChanges());
    this.dirty.add(app);
  }

  /** For a new parent. */
  handle(): BoundHandle | undefined {
    const server = this.server as unknown as { _handle: BoundHandle | null } | undefined;
    return server?._handle ?? undefined;
  }

  /** Resolves when the answers that are under way have been written, or are not taken. */
  async close(): Promise<void> {
    this.server?.close();
    const closed = [...this.sockets].map((socket) => {
      socket.end();
      return new Promise<void>((resolve) => socket.once('close', () => resolve()));
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_MS);
    await Promise.race([Promise.all(closed), promise]);
    clearTimeout(timer);
    for (const socket of this.sockets) socket.destroy();
  }

  private accepted(socket: net.Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.sockets.delete(socket);
      this.greeted.delete(socket);
    });
    readLines(socket, (value) => {
      void this.answer(socket, value as Request);
    });
  }

  private async answer(socket: net.Socket, request: Request): Promise<void> {
    try {
      writeLine(socket, { id: request.id, result: await this.perform(socket, request) });
    } catch (error) {
      if (!(error instanceof OperatingError))
        this.log.error('a control request failed', { op: request.op, error });
      writeLine(socket, { id: request.id, error: toWire(error) });
    }
  }

  private async perform(socket: net.Socket, request: Request): Promise<unknown> {
    if (request.op === 'hello') {
      const protocol = PROTOCOLS.find((spoken) => request.protocols.includes(spoken));
      if (protocol === undefined) throw noCommonProtocol(request.protocols);
      this.greeted.add(socket);
      return { protocol, ...this.handlers.hello() };
    }
    if (!this.greeted.has(socket))
      throw new OperatingError('E_ROUTER_PROTOCOL', 'the first request must be hello');
    const handler = this.handlers[request.op] as ((asked: unknown) => Promise<unknown>) | undefined;
    if (handler === undefined)
      throw new OperatingError('E_ROUTER_PROTOCOL', `unknown operation ${String(request.op)}`);
    return await handler(request);
  }

  private pushChanges(): void {
    for (const app of this.dirty) {
      const push: Push = { push: 'changed', app };
      for (const socket of this.greeted) writeLine(socket, push);
    }
    this.dirty.clear();
  }
}

function noCommonProtocol(asked: readonly number[]): OperatingError {
  return new OperatingError(
    'E_ROUTER_PROTOCOL',
    `the router speaks control protocol ${PROTOCOLS.join(', ')}, the daemon speaks ${asked.join(', ')}`,
    {
      hint: 'daemon and router may be one version apart; stop the router with `crossfade daemon stop --replicas`',
    },
  );
}
