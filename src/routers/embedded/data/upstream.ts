/** One connection to a replica: carries one request at a time, then waits in the target's idle list for the next. */
import type net from 'node:net';
import type { Ms } from '../../../core/model.ts';
import type { ClientConn } from './client.ts';
import type { DataPlane } from './data-plane.ts';
import { noteAnswer, noteDone, upstreamBroken } from './dispatch.ts';
import { BAD_FRAMING, Body, copyUncut } from './framing.ts';
import { Head, INCOMPLETE, MALFORMED, MAX_HEAD_BYTES } from './head.ts';
import { parseResponse } from './message.ts';
import { responseRoom, writeInformation, writeResponseHead } from './response.ts';
import type { Target } from './target.ts';
import { connect, type Peer, put } from './transport.ts';

/** Applications send larger heads than clients may (cookies, policies). */
const MAX_ANSWER_HEAD_BYTES = 4 * MAX_HEAD_BYTES;
/** How long before the replica closes an idle connection it is not used any more. */
const IDLE_MARGIN_MS = 1_000;
/** A replica that only ever announces an answer does not answer. */
const MAX_INFORMATION = 100;
const TUNNEL_END_MS = 5_000;

/** One for all: a parse is over before the next one begins. */
const HEAD = new Head();

export class UpstreamConn implements Peer {
  readonly target: Target;
  readonly socket: net.Socket;
  client: ClientConn | null = null;
  readBuffer: Buffer | null = null;
  connected = false;
  /** It has carried an answer before: when it breaks without a byte, it may just have been idle too long. */
  used = false;
  idleSince: Ms = 0;
  /** What the replica said about how long it keeps idle connections, less a margin. */
  idleLimitMs: Ms = Number.POSITIVE_INFINITY;
  private readonly plane: DataPlane;
  private readonly body = new Body();
  private inBody = false;
  /** 1xx answers to the request under way. */
  private informed = 0;
  private keepAlive = true;
  private closed = false;
  private pending: Buffer | null = null;

  constructor(target: Target, plane: DataPlane) {
    this.target = target;
    this.plane = plane;
    this.socket = connect(target.host, target.port, plane.transport, this);
  }

  start(client: ClientConn): void {
    this.client = client;
    this.inBody = false;
    this.informed = 0;
    this.keepAlive = true;
    // Until the connection stands the whole request is kept for another replica, so no more of it may come in.
    if (!this.connected) client.pauseBody();
    this.socket.write(client.request.subarray(0, client.requestBytes));
    if (this.socket.writableLength > 0) client.requestBusy = true;
  }

  onConnect(): void {
    this.connected = true;
    this.client?.upstreamReady();
  }

  onData(b: Buffer, start: number, end: number): void {
    this.plane.guard(this.client ?? this, () => this.read(b, start, end));
  }

  onDrain(): void {
    this.client?.socket.resume();
  }

  onEnd(error: Error | null): void {
    if (this.closed) return;
    const client = this.client;
    this.plane.guard(client ?? this, () => this.ended(client, error));
  }

  private ended(client: ClientConn | null, error: Error | null): void {
    if (client === null) this.close();
    else if (client.tunnel) client.closeLong();
    else if (this.inBody && this.body.endsWithConnection && error === null) this.complete(client, false);
    else upstreamBroken(client, this, { kind: 'ended', error });
  }

  private read(b: Buffer, start: number, end: number): void {
    const client = this.client;
    if (client?.ended) client.endedAt = performance.now();
    // Bytes that nobody asked for would become the answer to the next request.
    if (client === null) this.close();
    else if (client.tunnel) this.pass(client, b, start, end);
    else if (this.inBody) this.readBody(client, b, start, end);
    else this.readHead(client, b, start, end);
  }

  private pass(client: ClientConn, b: Buffer, start: number, end: number): void {
    if (!put(client.socket, b, start, end, this)) this.socket.pause();
  }

  private readHead(client: ClientConn, b: Buffer, start: number, end: number): void {
    if (this.pending !== null) {
      b = Buffer.concat([this.pending, b.subarray(start, end)]);
      start = 0;
      end = b.length;
      this.pending = null;
    }
    let headEnd = parseResponse(b, start, end, HEAD);
    // 100 Continue, 103 Early Hints: passed on, and the answer is still to come.
    while (headEnd >= 0 && HEAD.status < 200 && HEAD.status !== 101) {
      if (++this.informed > MAX_INFORMATION) {
        upstreamBroken(client, this, { kind: 'malformed' });
        return;
      }
      if (client.minor === 1) client.socket.write(writeInformation(b, start, HEAD));
      start = headEnd;
      if (start === end) return;
      headEnd = parseResponse(b, start, end, HEAD);
    }
    if (headEnd === MALFORMED || (headEnd === INCOMPLETE && end - start > MAX_ANSWER_HEAD_BYTES)) {
      upstreamBroken(client, this, { kind: 'malformed' });
    } else if (headEnd === INCOMPLETE) this.pending = Buffer.from(b.subarray(start, end));
    else if (HEAD.status === 101) this.switchProtocols(client, b, start, end);
    else this.answer(client, b, start, end);
  }

  private switchProtocols(client: ClientConn, b: Buffer, start: number, end: number): void {
    if (!client.upgrade || !client.requestComplete) {
      upstreamBroken(client, this, { kind: 'malformed' });
      return;
    }
    const h = HEAD;
    noteAnswer(client, 101);
    const out = Buffer.allocUnsafe(responseRoom(start, h, client));
    const at = writeResponseHead(b, start, h, out, client, 'upgrade');
    client.socket.write(out.subarray(0, at));
    client.startTunnel();
    if (h.end < end) this.pass(client, b, h.end, end);
  }

  private answer(client: ClientConn, b: Buffer, start: number, end: number): void {
    const h = HEAD;
    this.keepAlive = !h.close;
    if (h.idleSeconds >= 0) this.idleLimitMs = Math.max(0, h.idleSeconds * 1000 - IDLE_MARGIN_MS);
    this.frame(client, h);
    const taken = this.body.done ? 0 : this.body.feed(b, h.end, end);
    if (taken === BAD_FRAMING) {
      upstreamBroken(client, this, { kind: 'malformed' });
      return;
    }
    noteAnswer(client, h.status);
    const bodyEnd = h.end + taken;
    const out = Buffer.allocUnsafe(responseRoom(start, h, client) + taken);
    let at = writeResponseHead(b, start, h, out, client, client.closing ? 'close' : 'keep');
    at = copyUncut(b, h.end, bodyEnd, taken > 0 ? this.body.cuts : [], out, at);
    const flowing = put(client.socket, out, 0, at, this);
    this.afterBytes(client, bodyEnd < end, flowing);
  }

  /** Where this answer ends. */
  private frame(client: ClientConn, h: Head): void {
    if (client.isHead || h.status === 204 || h.status === 304) this.body.none();
    else if (h.chunked) {
      // HTTP/1.0 knows no chunks: the content alone, ended by the connection.
      if (client.minor === 0) client.close = true;
      this.body.chunked(client.minor === 0 ? 'content' : 'all');
    } else if (h.contentLength >= 0) this.body.length(h.contentLength);
    else {
      this.body.toClose();
      this.keepAlive = false;
      client.close = true;
    }
  }

  private readBody(client: ClientConn, b: Buffer, start: number, end: number): void {
    const taken = this.body.feed(b, start, end);
    if (taken === BAD_FRAMING) {
      upstreamBroken(client, this, { kind: 'malformed' });
      return;
    }
    const { cuts } = this.body;
    let flowing: boolean;
    if (cuts.length === 0) flowing = put(client.socket, b, start, start + taken, this);
    else {
      const out = Buffer.allocUnsafe(taken);
      flowing = put(client.socket, out, 0, copyUncut(b, start, start + taken, cuts, out, 0), this);
    }
    this.afterBytes(client, start + taken < end, flowing);
  }

  private afterBytes(client: ClientConn, excess: boolean, flowing: boolean): void {
    if (this.body.done) this.complete(client, this.keepAlive && !excess);
    else {
      this.inBody = true;
      if (!flowing) this.socket.pause();
    }
  }

  private complete(client: ClientConn, keep: boolean): void {
    this.inBody = false;
    this.used = true;
    const last = client.closing;
    noteDone(client, this, keep && !this.closed);
    client.next(last);
  }

  /** Ends the connection; the client, if there is one, has been told. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.target.forgetIdle(this);
    this.socket.destroy();
  }

  /** The end of a tunnel: what the client sent last still arrives. */
  endTunnel(): void {
    if (this.closed) return;
    this.closed = true;
    this.socket.end();
    this.socket.setTimeout(TUNNEL_END_MS, () => this.socket.destroy());
    this.socket.resume();
  }

  destroy(): void {
    this.close();
  }
}
