/**
 * How bytes come in and go out. `onread` reads into one buffer per connection and is about a fifth faster; accepted sockets
 * are wrapped anew for it, which leans on a part of Node that is not documented, so `stream` is the fallback.
 * One buffer shared by all connections would corrupt data as soon as a write becomes asynchronous.
 */
import net from 'node:net';

/** Unsent bytes beyond which the other side is not read any further. */
const HIGH_WATER_BYTES = 256 * 1024;
const CLIENT_BUFFER_BYTES = 16_384;
const UPSTREAM_BUFFER_BYTES = 65_536;

export type Transport = 'onread' | 'stream';

/** One end of a connection: what the transport calls. */
export interface Peer {
  /** The buffer that is read into; null asks for a new one, because a pending write still needs the old one. */
  readBuffer: Buffer | null;
  onData(b: Buffer, start: number, end: number): void;
  /** Null: the other side ended in order. May be called more than once. */
  onEnd(error: Error | null): void;
  onDrain(): void;
  onConnect?(): void;
}

/** What `onread` needs of a socket that Node does not declare. */
interface WithHandle {
  _handle: { useUserBuffer?: unknown } | null;
}

/** `onread` where this Node still has what it leans on. */
export function availableTransport(
  asked: string | undefined = process.env.CROSSFADE_ROUTER_TRANSPORT,
): Transport {
  if (asked === 'stream') return 'stream';
  const probe = new net.Socket() as unknown as WithHandle;
  return '_handle' in probe ? 'onread' : 'stream';
}

function wire(socket: net.Socket, peer: Peer, transport: Transport): net.Socket {
  socket.setNoDelay(true);
  if (transport === 'stream') socket.on('data', (chunk: Buffer) => peer.onData(chunk, 0, chunk.length));
  socket.on('end', () => peer.onEnd(null));
  socket.on('error', (error) => peer.onEnd(error));
  socket.on('close', () => peer.onEnd(null));
  socket.on('drain', () => peer.onDrain());
  return socket;
}

/** Undefined keeps the buffer; only a null one is replaced. */
function bufferFor(owner: () => Peer | null, bytes: number): () => Buffer {
  return (() => {
    const peer = owner();
    if (peer !== null && peer.readBuffer !== null) return undefined;
    const fresh = Buffer.allocUnsafeSlow(bytes);
    if (peer !== null) peer.readBuffer = fresh;
    return fresh;
  }) as () => Buffer;
}

/** Wires an accepted socket (from a server with pauseOnConnect where the transport is `onread`). */
export function accept(
  accepted: net.Socket,
  transport: Transport,
  make: (socket: net.Socket, remoteAddress: string) => Peer,
): void {
  const remoteAddress = accepted.remoteAddress ?? 'unknown';
  if (transport === 'stream') {
    const peer = make(accepted, remoteAddress);
    wire(accepted, peer, transport);
    return;
  }
  const inner = accepted as unknown as WithHandle;
  const handle = inner._handle;
  // Reset before it was accepted here: nothing to serve.
  if (handle === null) return;
  inner._handle = null;
  let peer: Peer | null = null;
  const first = Buffer.allocUnsafeSlow(CLIENT_BUFFER_BYTES);
  let given = false;
  const next = bufferFor(() => peer, CLIENT_BUFFER_BYTES);
  const options = {
    handle,
    allowHalfOpen: true,
    onread: {
      buffer: () => {
        if (given) return next();
        given = true;
        return first;
      },
      callback: (bytes: number, b: Buffer) => {
        peer?.onData(b, 0, bytes);
        return true;
      },
    },
  };
  const socket = new net.Socket(options as unknown as net.SocketConstructorOpts);
  peer = make(socket, remoteAddress);
  peer.readBuffer = first;
  wire(socket, peer, transport);
}

export function connect(host: string, port: number, transport: Transport, peer: Peer): net.Socket {
  const options: net.TcpNetConnectOpts = { host, port };
  if (transport === 'onread') {
    options.onread = {
      buffer: bufferFor(() => peer, UPSTREAM_BUFFER_BYTES),
      callback: (bytes, b) => {
        peer.onData(b as Buffer, 0, bytes);
        return true;
      },
    };
  }
  const socket = wire(net.connect(options), peer, transport);
  if (peer.onConnect) socket.once('connect', () => peer.onConnect?.());
  return socket;
}

/**
 * Writes b[start, end) without a copy where the kernel takes it at once. Where it does not, the pending write owns the memory:
 * the reader is given another buffer. False: stop reading until onDrain.
 */
export function put(socket: net.Socket, b: Buffer, start: number, end: number, owner: Peer): boolean {
  if (start === end) return socket.writableLength < HIGH_WATER_BYTES;
  if (socket.writableLength === 0) {
    socket.write(start === 0 && end === b.length ? b : b.subarray(start, end));
    if (socket.writableLength !== 0 && b === owner.readBuffer) owner.readBuffer = null;
  } else socket.write(Buffer.from(b.subarray(start, end)));
  return socket.writableLength < HIGH_WATER_BYTES;
}
