/** One client connection: reads requests one after the other, and answers them in order. */
import type net from 'node:net';
import type { Ms } from '../../../core/model.ts';
import type { Waiter } from './admission.ts';
import { CR, LF } from './bytes.ts';
import { BODY, DEAD, IDLE, TUNNEL, WAIT } from './client-states.ts';
import type { DataPlane } from './data-plane.ts';
import { dispatch, releaseUpstream } from './dispatch.ts';
import { forwardLine } from './forwarded.ts';
import { BAD_FRAMING, Body, copyUncut } from './framing.ts';
import { Head, INCOMPLETE, MALFORMED, MAX_HEAD_BYTES } from './head.ts';
import type { Destination, Listener } from './listener.ts';
import { parseRequest } from './message.ts';
import { codeForStatus, type OwnCode, ownAnswer } from './own-answer.ts';
import type { Choice, Plan, PoolPlan } from './plan.ts';
import type { Target } from './target.ts';
import { type Peer, put } from './transport.ts';
import type { UpstreamConn } from './upstream.ts';
import { type RequestTo, requestRoom, writeRequestHead } from './upstream-request.ts';

const MAX_PENDING_BYTES = 65_536;
const FIRST_REQUEST_BYTES = 1024;
const KEPT_REQUEST_BYTES = 32_768;
const TUNNEL_PROBE_MS: Ms = 60_000;
const NOT_IN_HOST = /[\s,/\\@?#<>"{}|^`]/;

/** One for all: a parse is over before the next one begins. */
const HEAD = new Head();

export class ClientConn implements Peer, Waiter {
  readonly plane: DataPlane;
  readonly listener: Listener;
  readonly socket: net.Socket;
  readBuffer: Buffer | null = null;
  /** See client-states.ts. */
  state = IDLE;
  /** Bytes that came before they could be used: an incomplete head, or pipelined requests. */
  pending: Buffer | null = null;
  /** When the connection last got further; what that is depends on the state. */
  stamp: Ms = performance.now();
  /** When the client closed its side, or last got a byte of its answer after that; 0: it has not. */
  endedAt: Ms = 0;
  /** What was unsent when it last changed, and since when it is; for timeouts.ts. */
  unsentBytes = 0;
  unsentSince: Ms = 0;
  private stepping = false;
  private readonly address: string;
  private readonly forward: Buffer;

  /** The request under way; see begin(). */
  requestNumber = 0;
  destination: Destination | null = null;
  /** The request as it goes upstream. */
  request: Buffer = Buffer.allocUnsafeSlow(FIRST_REQUEST_BYTES);
  requestBytes = 0;
  /** Index of the first field in `request`. */
  fieldsAt = 0;
  /** A pending write still reads `request`. */
  requestBusy = false;
  /** Bytes of the body went upstream that are not in `request`: it cannot be sent again. */
  streamed = false;
  readonly body = new Body();
  upgrade = false;
  isHead = false;
  idempotent = false;
  minor = 1;
  close = false;
  probe = false;
  /** The dispatch under way; see dispatch.ts. */
  plan: Plan | null = null;
  pool: PoolPlan | null = null;
  by: Choice['by'] = 'split';
  cookie: Buffer | null = null;
  target: Target | null = null;
  upstream: UpstreamConn | null = null;
  tries = 0;
  startedAt: Ms = 0;
  /** When the last byte of the request went to the replica: its time to answer runs from here. */
  waitingSince: Ms = 0;
  /** The head of the answer has been passed on. */
  answered = false;
  /** Status of that answer. */
  status = 0;

  constructor(plane: DataPlane, listener: Listener, socket: net.Socket, remoteAddress: string) {
    this.plane = plane;
    this.listener = listener;
    this.socket = socket;
    this.address = remoteAddress.replace(/^::ffff:/, '');
    this.forward = forwardLine(this.address);
  }

  get requestComplete(): boolean {
    return this.state === WAIT;
  }

  get tunnel(): boolean {
    return this.state === TUNNEL;
  }

  get dead(): boolean {
    return this.state === DEAD;
  }

  /** Between requests, with none begun. */
  get waiting(): boolean {
    return this.state === IDLE && this.pending === null;
  }

  /** The answer that is being written is the connection's last. */
  get closing(): boolean {
    const isLast = this.ended && this.pending === null;
    return this.close || this.state !== WAIT || isLast || this.plane.retiring || this.listener.closing;
  }

  /** The client has closed its side: it sends nothing more, and gets what it has asked for. */
  get ended(): boolean {
    return this.endedAt > 0;
  }

  onData(b: Buffer, start: number, end: number): void {
    this.plane.guard(this, () => this.read(b, start, end));
  }

  onEnd(error: Error | null): void {
    if (error !== null || this.socket.destroyed || !this.halfClosed()) this.destroy();
  }

  /** False: there is nothing more to give to the client. */
  private halfClosed(): boolean {
    if (this.state === WAIT) {
      this.endedAt = performance.now();
      return true;
    }
    // The last answer may still be on its way out.
    if (this.state === IDLE && this.socket.writableLength > 0) this.finish();
    return this.state === DEAD && this.socket.writableLength > 0;
  }

  onDrain(): void {
    this.upstream?.socket.resume();
  }

  private read(b: Buffer, start: number, end: number): void {
    switch (this.state) {
      case IDLE:
        this.readHead(b, start, end);
        return;
      case BODY:
        this.readBody(b, start, end);
        return;
      case WAIT:
        this.keep(b, start, end);
        return;
      case TUNNEL:
        if (this.upstream !== null && !put(this.upstream.socket, b, start, end, this)) this.socket.pause();
        return;
    }
  }

  private readHead(b: Buffer, start: number, end: number): void {
    const before = this.pending;
    if (before !== null) {
      b = Buffer.concat([before, b.subarray(start, end)]);
      start = 0;
      end = b.length;
      // Parsed again only when a line is complete: byte by byte would otherwise cost the square of the head.
      if (b.indexOf(LF, before.length) < 0 && end <= MAX_HEAD_BYTES) {
        this.pending = b;
        return;
      }
      this.pending = null;
    }
    // An empty line before a request is tolerated, as RFC 9112 section 2.2 asks.
    if (b[start] === CR && b[start + 1] === LF) start += 2;
    const headEnd = start === end ? INCOMPLETE : parseRequest(b, start, end, HEAD);
    if (headEnd === MALFORMED) this.refuseHead(HEAD.error);
    else if (headEnd === INCOMPLETE ? end - start > MAX_HEAD_BYTES : headEnd - start > MAX_HEAD_BYTES)
      this.refuseHead(431);
    else if (headEnd === INCOMPLETE) this.keepHead(before, b, start, end);
    else this.begin(b, start, end);
  }

  private keepHead(before: Buffer | null, b: Buffer, start: number, end: number): void {
    if (start === end) return;
    this.pending = Buffer.from(b.subarray(start, end));
    // From the first byte, not the last: a client that sends a byte now and then must not hold the connection for ever.
    if (before === null) this.stamp = performance.now();
  }

  /** A request's head is complete in b[start, HEAD.end). */
  private begin(b: Buffer, start: number, end: number): void {
    const h = HEAD;
    this.noteRequest(b, h);
    const used = this.hostIsOdd(b, h) ? BAD_FRAMING : this.buildRequest(b, start, end, h);
    if (used === BAD_FRAMING) {
      this.refuseHead(400);
      return;
    }
    this.state = this.body.done ? WAIT : BODY;
    this.stamp = this.startedAt;
    if (used < end) this.keep(b, used, end);
    dispatch(this);
  }

  private hostIsOdd(b: Buffer, h: Head): boolean {
    return h.hosts > 0 && NOT_IN_HOST.test(b.toString('latin1', h.hostStart, h.hostEnd));
  }

  /** Head and what is there of the body into `request`. Returns the index after what was used, or BAD_FRAMING. */
  private buildRequest(b: Buffer, start: number, end: number, h: Head): number {
    const to = this.requestTo();
    const room = requestRoom(start, h, to, end - h.end);
    if (this.requestBusy || this.request.length < room) {
      this.request = Buffer.allocUnsafeSlow(room + FIRST_REQUEST_BYTES);
    }
    this.requestBusy = false;
    this.requestBytes = writeRequestHead(b, start, h, this.request, to);
    this.fieldsAt = h.fields - start;
    if (h.chunked) this.body.chunked('noTrailer');
    else if (h.contentLength > 0) this.body.length(h.contentLength);
    else this.body.none();
    if (this.body.done) return h.end;
    const taken = this.body.feed(b, h.end, end);
    if (taken === BAD_FRAMING) return BAD_FRAMING;
    this.requestBytes = copyUncut(b, h.end, h.end + taken, this.body.cuts, this.request, this.requestBytes);
    return h.end + taken;
  }

  private requestTo(): RequestTo {
    const app = this.destination?.app;
    const trusted = app?.plan?.trusts?.(this.address) ?? false;
    const host = app?.front?.host ?? this.listener.key;
    return { line: this.forward, address: this.address, trusted, upgrade: this.upgrade, host };
  }

  private noteRequest(b: Buffer, h: Head): void {
    this.requestNumber++;
    this.destination = this.listener.find(b, h.hostStart, h.hosts === 0 ? h.hostStart : h.hostEnd) ?? null;
    this.isHead = h.isHead;
    this.idempotent = h.idempotent;
    this.minor = h.minor;
    this.close = h.close;
    this.upgrade = h.upgradeStart >= 0 && h.connectionUpgrade && h.minor === 1;
    this.probe = h.probeStart >= 0 && this.plane.isProbe(b, h.probeStart, h.probeEnd);
    this.startedAt = performance.now();
    this.waitingSince = this.startedAt;
    this.tries = 0;
    this.streamed = false;
    this.answered = false;
    this.cookie = null;
    this.target = null;
  }

  private readBody(b: Buffer, start: number, end: number): void {
    const taken = this.body.feed(b, start, end);
    if (taken === BAD_FRAMING) {
      if (this.answered) this.destroy();
      else this.answer('E_BAD_REQUEST');
      return;
    }
    if (this.upstream === null) throw new Error('body bytes without a replica to give them to');
    this.streamed = true;
    this.stamp = performance.now();
    if (!this.passBody(this.upstream.socket, b, start, start + taken)) this.socket.pause();
    if (this.body.done) {
      this.state = WAIT;
      this.waitingSince = this.stamp;
    }
    if (start + taken < end) this.keep(b, start + taken, end);
  }

  private passBody(to: net.Socket, b: Buffer, start: number, end: number): boolean {
    if (this.body.cuts.length === 0) return put(to, b, start, end, this);
    const out = Buffer.allocUnsafe(end - start);
    return put(to, out, 0, copyUncut(b, start, end, this.body.cuts, out, 0), this);
  }

  private keep(b: Buffer, start: number, end: number): void {
    const rest = b.subarray(start, end);
    const bytes = b === this.readBuffer ? Buffer.from(rest) : rest;
    this.pending = this.pending === null ? bytes : Buffer.concat([this.pending, bytes]);
    if (this.pending.length > MAX_PENDING_BYTES) this.socket.pause();
  }

  /** Takes what waited, one request at a time: many pipelined ones that are answered at once must not nest. */
  private step(): void {
    if (this.stepping) return;
    this.stepping = true;
    try {
      while (this.state === IDLE && this.pending !== null && this.pending.includes('\r\n')) {
        const before = this.pending;
        this.pending = null;
        this.readHead(before, 0, before.length);
        if (this.state === IDLE && this.pending !== null) break;
      }
    } finally {
      this.stepping = false;
    }
  }

  /** The replica has taken the connection: the rest of the body may come. */
  upstreamReady(): void {
    if (this.state === BODY) this.socket.resume();
  }

  /** Bytes after an accepted Upgrade pass both ways. */
  startTunnel(): void {
    this.state = TUNNEL;
    const early = this.pending;
    this.pending = null;
    if (early !== null) this.upstream?.socket.write(early);
    // Nothing else would ever tell that the other side's machine is gone.
    this.socket.setKeepAlive(true, TUNNEL_PROBE_MS);
    this.socket.resume();
  }

  /** The answer is complete and `closing` was asked for its head: goes on with the next request, or ends. */
  next(last: boolean): void {
    this.target = null;
    if (last) {
      this.finish();
      return;
    }
    this.state = IDLE;
    this.stamp = performance.now();
    if (this.request.length > KEPT_REQUEST_BYTES) this.request = Buffer.allocUnsafeSlow(FIRST_REQUEST_BYTES);
    if (this.socket.isPaused()) this.socket.resume();
    this.step();
    if (this.ended && this.state === IDLE) this.finish();
  }

  admit(): void {
    this.plane.guard(this, () => dispatch(this, true));
  }

  refuse(): void {
    this.answer('E_NOT_ADMITTED');
  }

  /** Body bytes must not arrive before there is somebody to give them to. */
  pauseBody(): void {
    if (this.state === BODY) this.socket.pause();
  }

  refuseHead(status: number): void {
    this.close = true;
    this.isHead = false;
    this.answer(codeForStatus(status));
  }

  /** The router's own answer. */
  answer(code: OwnCode): void {
    if (this.state === DEAD) return;
    releaseUpstream(this);
    const last = this.closing;
    this.socket.write(ownAnswer(code, { close: last, head: this.isHead, minor: this.minor }));
    this.next(last);
  }

  /** Ends an upgraded or streaming connection from the replica's side, after what was sent. */
  closeLong(): void {
    releaseUpstream(this);
    this.finish();
  }

  /** Ends after what was written; goes on reading until the client closes, or a reset could take the answer from it. */
  finish(): void {
    if (this.state === DEAD) return;
    this.state = DEAD;
    this.pending = null;
    this.stamp = performance.now();
    this.socket.resume();
    this.socket.end();
  }

  /** Bytes were already passed on and more should have come: a broken connection is the only honest signal. */
  destroy(): void {
    this.destination?.app.admission.leave(this);
    releaseUpstream(this);
    this.state = DEAD;
    this.plane.clients.delete(this);
    this.socket.destroy();
  }
}
