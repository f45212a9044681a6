/** One connection of the daemon to the router's control socket. */
import net from 'node:net';
import { OperatingError } from '../../../core/errors.ts';
import type { AppKey, Ms } from '../../../core/model.ts';
import { readLines, writeLine } from '../ndjson.ts';
import {
  type Answer,
  type Hello,
  type OperationName,
  type Operations,
  PROTOCOLS,
  type Push,
} from '../protocol.ts';
import { fromWire } from '../wire-error.ts';

const HELLO_MS: Ms = 10_000;

export class ControlConnection {
  readonly closed: Promise<void>;
  private readonly socket: net.Socket;
  private readonly waiting = new Map<number, PromiseWithResolvers<unknown>>();
  private nextId = 1;

  private constructor(socket: net.Socket, onChange: (app: AppKey) => void) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      for (const waiting of this.waiting.values())
        waiting.reject(routerDown('the router closed the connection'));
      this.waiting.clear();
    });
    readLines(socket, (value) => this.received(value as Answer | Push, onChange));
  }

  /** Rejects with the socket's own error (ENOENT, ECONNREFUSED) when nobody listens there. */
  static async open(
    path: string,
    onChange: (app: AppKey) => void,
  ): Promise<{ connection: ControlConnection; hello: Hello }> {
    const socket = net.connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const connection = new ControlConnection(socket, onChange);
    try {
      const hello = await connection.request('hello', { protocols: PROTOCOLS }, HELLO_MS);
      return { connection, hello };
    } catch (error) {
      connection.end();
      throw error;
    }
  }

  /** @throws OperatingError what the router refused, or E_ROUTER_DOWN */
  async request<Name extends OperationName>(
    op: Name,
    takes: Operations[Name]['takes'],
    timeoutMs: Ms,
  ): Promise<Operations[Name]['gives']> {
    if (this.socket.destroyed) throw routerDown('the router closed the connection');
    const id = this.nextId++;
    const waiting = Promise.withResolvers<unknown>();
    this.waiting.set(id, waiting);
    const timer = setTimeout(() => {
      waiting.reject(routerDown(`the router did not answer ${op} within ${timeoutMs} ms`));
    }, timeoutMs);
    writeLine(this.socket, { ...takes, id, op });
    try {
      return (await waiting.promise) as Operations[Name]['gives'];
    } finally {
      clearTimeout(timer);
      this.waiting.delete(id);
    }
  }

  end(): void {
    this.socket.destroy();
  }

  private received(value: Answer | Push, onChange: (app: AppKey) => void): void {
    if ('push' in value) {
      onChange(value.app);
      return;
    }
    const waiting = this.waiting.get(value.id);
    if ('error' in value) waiting?.reject(fromWire(value.error));
    else waiting?.resolve(value.result);
  }
}

export function routerDown(what: string, log?: string): OperatingError {
  const where = log === undefined ? '' : `; its log is ${log}`;
  return new OperatingError('E_ROUTER_DOWN', what, {
    hint: `the router is started again by itself; traffic goes on meanwhile where it still runs${where}`,
  });
}
