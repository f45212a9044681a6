import net from 'node:net';

export interface Reply {
  status: number;
  headers: Map<string, string>;
  body: string;
  /** When the request was written. Monotonic. */
  startedAt: number;
}

/**
 * A client of one kept-alive connection that sees every byte and hides nothing: no retry, no pool. A connection that breaks
 * before the answer is complete is a failure; one that was closed in order, after an answer that said so, is opened anew.
 */
export class KeptAlive {
  connections = 0;
  private socket: net.Socket | undefined;
  private readonly port: number;
  private readonly host: string;

  constructor(port: number, host = 'shop.localhost') {
    this.port = port;
    this.host = host;
  }

  get(path = '/', headers: Record<string, string> = {}): Promise<Reply> {
    return this.send('GET', path, headers);
  }

  async send(method: string, path: string, headers: Record<string, string> = {}, body = ''): Promise<Reply> {
    const socket = this.socket ?? (await this.open());
    this.socket = socket;
    const startedAt = performance.now();
    const lines = [`${method} ${path} HTTP/1.1`, `Host: ${this.host}`];
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
    if (body !== '') lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
    const reply = await this.exchange(socket, `${lines.join('\r\n')}\r\n\r\n${body}`, startedAt);
    if (reply.headers.get('connection') === 'close' || headers.Connection === 'close') this.close();
    return reply;
  }

  close(): void {
    this.socket?.destroy();
    this.socket = undefined;
  }

  /** Goes away without a word: a client that only closes its side may still want its answer. */
  reset(): void {
    this.socket?.resetAndDestroy();
    this.socket = undefined;
  }

  private async open(): Promise<net.Socket> {
    this.connections++;
    const socket = net.connect(this.port, '127.0.0.1');
    socket.setNoDelay(true);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    socket.on('error', () => {});
    return socket;
  }

  private exchange(socket: net.Socket, request: string, startedAt: number): Promise<Reply> {
    return new Promise((resolve, reject) => {
      let received: Buffer = Buffer.alloc(0);
      const done = (settle: () => void): void => {
        socket.off('data', onData);
        socket.off('close', onClose);
        settle();
      };
      const onData = (chunk: Buffer): void => {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
        const reply = parseReply(received, startedAt);
        if (reply !== undefined) done(() => resolve(reply));
      };
      const onClose = (): void => {
        this.socket = undefined;
        done(() =>
          reject(
            new Error(
              `connection broke after ${received.length} bytes: ${received.toString('latin1', 0, 80)}`,
            ),
          ),
        );
      };
      socket.on('data', onData);
      socket.on('close', onClose);
      socket.write(request);
    });
  }
}

/** Answers of known length only; undefined: not complete yet. */
function parseReply(b: Buffer, startedAt: number): Reply | undefined {
  const end = b.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = b.toString('latin1', 0, end).split('\r\n');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const length = Number(headers.get('content-length') ?? 0);
  if (b.length < end + 4 + length) return undefined;
  const body = b.toString('utf8', end + 4, end + 4 + length);
  return { status: Number(statusLine.split(' ')[1]), headers, body, startedAt };
}

/** One request on a connection of its own. */
export async function once(
  port: number,
  options: {
    host?: string;
    path?: string;
    headers?: Record<string, string>;
    method?: string;
    body?: string;
  } = {},
): Promise<Reply> {
  const client = new KeptAlive(port, options.host);
  const headers = { Connection: 'close', ...options.headers };
  try {
    return await client.send(options.method ?? 'GET', options.path ?? '/', headers, options.body);
  } finally {
    client.close();
  }
}
