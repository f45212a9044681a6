/** Header fields of a request or an answer: one bytewise pass that notes positions, never strings. */
import { COLON, CR, LF, matches, SPACE, TAB, TOKEN, VALUE, word } from './bytes.ts';

export const MAX_HEAD_BYTES = 16_384;
export const MAX_FIELDS = 100;
/** More digits than this cannot be a length that anyone means, and would lose precision. */
const MAX_LENGTH_DIGITS = 15;

/** The head is not complete yet. */
export const INCOMPLETE = -1;
/** The head is wrong; `head.error` has the status to answer with. */
export const MALFORMED = -2;

const NAME = {
  te: word('te'),
  host: word('host'),
  expect: word('expect'),
  upgrade: word('upgrade'),
  connection: word('connection'),
  keepAlive: word('keep-alive'),
  contentLength: word('content-length'),
  proxyConnection: word('proxy-connection'),
  transferEncoding: word('transfer-encoding'),
  xForwarded: word('x-forwarded-'),
  forwarded: word('forwarded'),
  crossfade: word('x-crossfade-'),
  crossfadeProbe: word('x-crossfade-probe'),
};
const CHUNKED = word('chunked');
const CLOSE = word('close');

/** Fields that a client may not have removed by naming them in Connection. */
const NOT_HOP_BY_HOP = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'cookie',
  'authorization',
  'date',
]);

/** What one parse found. One instance per direction is used again and again: the fast path allocates nothing. */
export class Head {
  /** Pairs [start, end) of lines that are not passed on, in order. */
  readonly strip = new Int32Array(4 * MAX_FIELDS + 8);
  stripCount = 0;
  /** Index after the blank line. */
  end = 0;
  /** Index of the first field. */
  fields = 0;
  /** -1: none. */
  contentLength = -1;
  chunked = false;
  /** The Transfer-Encoding line, for HTTP/1.0 clients, who must not see it. */
  chunkedStart = -1;
  chunkedEnd = -1;
  close = false;
  keepAlive = false;
  /** Lower-case fields that Connection named, besides the usual ones. */
  nominated: Set<string> | null = null;
  connectionUpgrade = false;
  /** The Upgrade line, or -1. */
  upgradeStart = -1;
  upgradeEnd = -1;
  expect = false;
  hosts = 0;
  hostStart = 0;
  hostEnd = 0;
  /** X-Forwarded-* or Forwarded is among the lines that are not passed on; see forwarded.ts. */
  forwarded = false;
  probeStart = -1;
  probeEnd = -1;
  /** Seconds that the other side says it keeps an idle connection; -1: it did not say. */
  idleSeconds = -1;
  /** Status to answer with when the head is malformed. */
  error = 0;
  /** HTTP/1.x */
  minor = 1;
  status = 0;
  isHead = false;
  idempotent = false;

  reset(): void {
    this.stripCount = 0;
    this.end = 0;
    this.fields = 0;
    this.contentLength = -1;
    this.chunked = false;
    this.chunkedStart = -1;
    this.chunkedEnd = -1;
    this.close = false;
    this.keepAlive = false;
    this.nominated = null;
    this.connectionUpgrade = false;
    this.upgradeStart = -1;
    this.upgradeEnd = -1;
    this.expect = false;
    this.hosts = 0;
    this.forwarded = false;
    this.probeStart = -1;
    this.probeEnd = -1;
    this.idleSeconds = -1;
    this.error = 0;
    this.minor = 1;
    this.status = 0;
    this.isHead = false;
    this.idempotent = false;
  }

  fail(status: number): typeof MALFORMED {
    this.error = status;
    return MALFORMED;
  }

  addStrip(start: number, end: number): void {
    this.strip[this.stripCount++] = start;
    this.strip[this.stripCount++] = end;
  }
}

/** Fields from `i`. Returns the index after the blank line, INCOMPLETE or MALFORMED. */
export function parseFields(b: Buffer, from: number, end: number, h: Head): number {
  let i = from;
  for (let count = 0; ; count++) {
    if (i >= end) return INCOMPLETE;
    if (b[i] === CR) return afterLine(b, i, end, h);
    if (count === MAX_FIELDS) return h.fail(431);
    i = parseField(b, i, end, h);
    if (i < 0) return i;
  }
}

/** One line from `line`. Returns the index after it, INCOMPLETE or MALFORMED. */
function parseField(b: Buffer, line: number, end: number, h: Head): number {
  let i = line;
  while (i < end && TOKEN[b[i] as number] === 1) i++;
  if (i >= end) return INCOMPLETE;
  // Here fall obs-fold, a space before the colon, a bare LF and an empty name: each has smuggled requests somewhere.
  if (b[i] !== COLON || i === line) return h.fail(400);
  const nameLength = i - line;
  i++;
  while (i < end && (b[i] === SPACE || b[i] === TAB)) i++;
  const value = i;
  while (i < end && VALUE[b[i] as number] === 1) i++;
  if (i >= end) return INCOMPLETE;
  let valueEnd = i;
  while (valueEnd > value && (b[valueEnd - 1] === SPACE || b[valueEnd - 1] === TAB)) valueEnd--;
  i = afterLine(b, i, end, h);
  if (i < 0) return i;
  return noteField(b, line, nameLength, value, valueEnd, i, h) ? i : MALFORMED;
}

/** Exactly CR LF at `i`: a bare one of them is where parsers disagree. */
function afterLine(b: Buffer, i: number, end: number, h: Head): number {
  if (b[i] !== CR) return h.fail(400);
  if (i + 1 >= end) return INCOMPLETE;
  return b[i + 1] === LF ? i + 2 : h.fail(400);
}

/** Notes what the field means for framing and routing. False: malformed, h.error is set. */
function noteField(
  b: Buffer,
  line: number,
  nameLength: number,
  vs: number,
  ve: number,
  end: number,
  h: Head,
): boolean {
  switch (nameLength) {
    case 2:
      if (matches(b, line, NAME.te)) h.addStrip(line, end);
      return true;
    case 4:
      if (matches(b, line, NAME.host)) {
        h.hosts++;
        h.hostStart = vs;
        h.hostEnd = ve;
      }
      return true;
    case 6:
      if (matches(b, line, NAME.expect)) h.expect = true;
      return true;
    case 7:
      if (matches(b, line, NAME.upgrade)) {
        h.addStrip(line, end);
        // Past an upgrade to h2c nothing would be routed, stripped or counted any more: it is answered in HTTP/1.1.
        if (b.toString('latin1', vs, ve).toLowerCase().includes('h2c')) return true;
        h.upgradeStart = line;
        h.upgradeEnd = end;
      }
      return true;
    case 9:
      if (matches(b, line, NAME.forwarded)) noteForwarded(line, end, h);
      return true;
    case 10:
      if (matches(b, line, NAME.connection)) {
        noteConnection(b, vs, ve, h);
        h.addStrip(line, end);
      } else if (matches(b, line, NAME.keepAlive)) {
        noteKeepAlive(b, vs, ve, h);
        h.addStrip(line, end);
      }
      return true;
    case 14:
      return !matches(b, line, NAME.contentLength) || noteLength(b, vs, ve, h);
    case 17:
      if (matches(b, line, NAME.transferEncoding)) return noteTransferEncoding(b, line, vs, ve, end, h);
      break;
  }
  if (nameLength >= 12) noteLongName(b, line, nameLength, vs, ve, end, h);
  return true;
}

function noteLongName(
  b: Buffer,
  line: number,
  n: number,
  vs: number,
  ve: number,
  end: number,
  h: Head,
): void {
  if (((b[line] as number) | 32) !== 120) {
    if (n === 16 && matches(b, line, NAME.proxyConnection)) h.addStrip(line, end);
    return;
  }
  if (matches(b, line, NAME.xForwarded)) noteForwarded(line, end, h);
  else if (matches(b, line, NAME.crossfade)) {
    // A client must not speak for the router, nor a replica for the router's measurement.
    h.addStrip(line, end);
    if (n === 17 && matches(b, line, NAME.crossfadeProbe)) {
      h.probeStart = vs;
      h.probeEnd = ve;
    }
  }
}

/** Whom a client claims to speak for is only passed on where its address is trusted. */
function noteForwarded(line: number, end: number, h: Head): void {
  h.forwarded = true;
  h.addStrip(line, end);
}

/** Digits only; a second one, even an equal one, is refused: two readers could pick different ones. */
function noteLength(b: Buffer, vs: number, ve: number, h: Head): boolean {
  h.error = 400;
  if (h.contentLength >= 0 || ve === vs || ve - vs > MAX_LENGTH_DIGITS) return false;
  let length = 0;
  for (let k = vs; k < ve; k++) {
    const digit = (b[k] as number) - 48;
    if (digit < 0 || digit > 9) return false;
    length = length * 10 + digit;
  }
  h.error = 0;
  h.contentLength = length;
  return true;
}

/**
 * Only one exact `chunked`. llhttp trims blanks after it and no tab: to such a reader `chunked<TAB>` is another coding,
 * and the body of an answer ends elsewhere.
 */
function noteTransferEncoding(
  b: Buffer,
  line: number,
  vs: number,
  ve: number,
  end: number,
  h: Head,
): boolean {
  const isExact = ve - vs === 7 && matches(b, vs, CHUNKED) && !b.subarray(ve, end).includes(TAB);
  if (h.chunked || !isExact) {
    h.error = h.chunked ? 400 : 501;
    return false;
  }
  h.chunked = true;
  h.chunkedStart = line;
  h.chunkedEnd = end;
  return true;
}

function noteConnection(b: Buffer, vs: number, ve: number, h: Head): void {
  if (ve - vs === 5 && matches(b, vs, CLOSE)) {
    h.close = true;
    return;
  }
  if (ve - vs === 10 && matches(b, vs, NAME.keepAlive)) {
    h.keepAlive = true;
    return;
  }
  for (const part of b.toString('latin1', vs, ve).toLowerCase().split(',')) {
    const token = part.trim();
    if (token === 'close') h.close = true;
    else if (token === 'keep-alive') h.keepAlive = true;
    else if (token === 'upgrade') h.connectionUpgrade = true;
    else if (token !== '' && token !== 'te' && !isEndToEnd(token)) {
      h.nominated ??= new Set();
      h.nominated.add(token);
    }
  }
}

function isEndToEnd(name: string): boolean {
  return NOT_HOP_BY_HOP.has(name) || name === 'forwarded' || name.startsWith('x-forwarded-');
}

function noteKeepAlive(b: Buffer, vs: number, ve: number, h: Head): void {
  const found = /(?:^|[ ,;])timeout=(\d{1,6})/i.exec(b.toString('latin1', vs, ve));
  if (found) h.idleSeconds = Number(found[1]);
}

/** Slow path: also removes the fields that Connection named. */
export function stripNominated(b: Buffer, h: Head): void {
  const named = h.nominated;
  if (named === null) return;
  const spans: [number, number][] = [];
  for (let k = 0; k < h.stripCount; k += 2) spans.push([h.strip[k] as number, h.strip[k + 1] as number]);
  const already = new Set(spans.map(([start]) => start));
  let i = h.fields;
  while (b[i] !== CR) {
    const colon = b.indexOf(COLON, i);
    const next = b.indexOf(LF, i) + 1;
    if (!already.has(i) && named.has(b.toString('latin1', i, colon).toLowerCase())) spans.push([i, next]);
    i = next;
  }
  spans.sort((x, y) => x[0] - y[0]);
  h.stripCount = 0;
  for (const [start, end] of spans) h.addStrip(start, end);
}
