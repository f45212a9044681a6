/** Where a body ends. Bytes are passed on as they came; this only follows them. */
import { COLON, CR, LF, SPACE, TAB, TOKEN, VALUE } from './bytes.ts';
import { MAX_HEAD_BYTES } from './head.ts';

const MAX_SIZE_DIGITS = 12;
const MAX_EXTENSION_BYTES = 1024;
const SEMICOLON = 59;

/** The bytes break the framing: nothing after them can be trusted. */
export const BAD_FRAMING = -1;

const NONE = 0;
const LENGTH = 1;
const CHUNKED = 2;
const TO_CLOSE = 3;

/** States of the chunked decoder. */
const SIZE = 0;
const EXTENSION = 1;
const SIZE_LF = 2;
const DATA = 4;
const DATA_CR = 5;
const DATA_LF = 6;
const TRAILER_START = 7;
const END_LF = 8;
/** From here on within a trailer's line. */
const TRAILER_NAME = 9;
const TRAILER_VALUE = 10;
const TRAILER_LF = 11;

/** What of a chunked body is passed on. Chunk extensions never are: two readers may disagree on them. */
export type ChunksPassed =
  | 'all'
  /** Chunks without trailer: a field that came after the body was never checked as those before it were. */
  | 'noTrailer'
  /** The content alone, for a receiver that speaks HTTP/1.0. */
  | 'content';

/** Follows one body. Reused for each message of a connection. */
export class Body {
  done = true;
  /** Pairs [start, end) within the bytes of the last feed() that must not be passed on. */
  readonly cuts: number[] = [];
  private mode: number = NONE;
  private left = 0;
  private state = SIZE;
  private digits = 0;
  private line = 0;
  private passed: ChunksPassed = 'all';

  none(): void {
    this.mode = NONE;
    this.done = true;
  }

  length(bytes: number): void {
    this.mode = LENGTH;
    this.left = bytes;
    this.done = bytes === 0;
    this.cuts.length = 0;
  }

  chunked(passed: ChunksPassed): void {
    this.mode = CHUNKED;
    this.left = 0;
    this.state = SIZE;
    this.digits = 0;
    this.line = 0;
    this.passed = passed;
    this.done = false;
    this.cuts.length = 0;
  }

  /** Ends with the connection. */
  toClose(): void {
    this.mode = TO_CLOSE;
    this.done = false;
    this.cuts.length = 0;
  }

  get endsWithConnection(): boolean {
    return this.mode === TO_CLOSE;
  }

  /** How many of b[start, end) belong to the body, or BAD_FRAMING. */
  feed(b: Uint8Array, start: number, end: number): number {
    switch (this.mode) {
      case LENGTH: {
        const taken = end - start < this.left ? end - start : this.left;
        this.left -= taken;
        this.done = this.left === 0;
        return taken;
      }
      case TO_CLOSE:
        return end - start;
      case CHUNKED:
        return this.feedChunked(b, start, end);
      default:
        return 0;
    }
  }

  private feedChunked(b: Uint8Array, start: number, end: number): number {
    const cuts = this.cuts;
    cuts.length = 0;
    let i = start;
    while (i < end) {
      if (this.state === DATA) {
        const taken = end - i < this.left ? end - i : this.left;
        i += taken;
        this.left -= taken;
        if (this.left === 0) this.state = DATA_CR;
        continue;
      }
      const before = this.state;
      if (!this.step(b[i] as number)) return BAD_FRAMING;
      if (this.isCut(before)) cut(cuts, i);
      i++;
      if (this.done) break;
    }
    return i - start;
  }

  /** Whether the byte that led from `before` to the state that is now is kept back. */
  private isCut(before: number): boolean {
    if (this.passed === 'content' || this.state === EXTENSION) return true;
    return this.passed === 'noTrailer' && (this.state >= TRAILER_NAME || before === TRAILER_LF);
  }

  /** One byte outside the content. False: malformed. */
  private step(c: number): boolean {
    switch (this.state) {
      case SIZE:
        return this.stepSize(c);
      case EXTENSION:
        if (c === CR) this.state = SIZE_LF;
        else if (VALUE[c] !== 1 || ++this.line > MAX_EXTENSION_BYTES) return false;
        return true;
      case SIZE_LF:
        this.state = this.left === 0 ? TRAILER_START : DATA;
        this.digits = 0;
        this.line = 0;
        return c === LF;
      case DATA_CR:
        this.state = DATA_LF;
        return c === CR;
      case DATA_LF:
        this.state = SIZE;
        this.left = 0;
        return c === LF;
      case TRAILER_START:
        this.state = c === CR ? END_LF : TRAILER_NAME;
        return c === CR || (TOKEN[c] === 1 && this.lineGoesOn());
      case TRAILER_NAME:
        if (c === COLON) this.state = TRAILER_VALUE;
        return c === COLON || (TOKEN[c] === 1 && this.lineGoesOn());
      case TRAILER_VALUE:
        if (c === CR) this.state = TRAILER_LF;
        return c === CR || (VALUE[c] === 1 && this.lineGoesOn());
      case TRAILER_LF:
        this.state = TRAILER_START;
        return c === LF;
      case END_LF:
        this.done = c === LF;
        return this.done;
      default:
        throw new Error(`chunk decoder in state ${this.state}`);
    }
  }

  /** An endless trailer must end somewhere. */
  private lineGoesOn(): boolean {
    return ++this.line <= MAX_HEAD_BYTES;
  }

  private stepSize(c: number): boolean {
    const digit = hexDigit(c);
    if (digit >= 0) {
      if (++this.digits > MAX_SIZE_DIGITS) return false;
      this.left = this.left * 16 + digit;
      return true;
    }
    if (this.digits === 0) return false;
    if (c === CR) {
      this.state = SIZE_LF;
      return true;
    }
    this.state = EXTENSION;
    return c === SEMICOLON || c === SPACE || c === TAB;
  }
}

function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const lower = c | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** Adds byte i, joining it to the last cut where they touch. */
function cut(cuts: number[], i: number): void {
  if (cuts.length > 0 && cuts[cuts.length - 1] === i) cuts[cuts.length - 1] = i + 1;
  else cuts.push(i, i + 1);
}

/** Copies b[start, end) without the cuts to `out` at `at`. Returns the index after what was written. */
export function copyUncut(
  b: Buffer,
  start: number,
  end: number,
  cuts: readonly number[],
  out: Buffer,
  at: number,
): number {
  let from = start;
  let to = at;
  for (let k = 0; k < cuts.length; k += 2) {
    to += b.copy(out, to, from, cuts[k]);
    from = cuts[k + 1] as number;
  }
  return to + b.copy(out, to, from, end);
}
