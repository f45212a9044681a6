/** Request and answer heads: the first line, then the fields, then what must hold between them. */
import { CR, LF, SPACE, TARGET, TOKEN, VALUE } from './bytes.ts';
import { type Head, INCOMPLETE, MALFORMED, parseFields, stripNominated } from './head.ts';

const MAX_METHOD = 32;
/** ` HTTP/1.` */
const VERSION = Buffer.from(' HTTP/1.', 'latin1');
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** Parses a request head in b[start, end). Returns the index after it, INCOMPLETE or MALFORMED. */
export function parseRequest(b: Buffer, start: number, end: number, h: Head): number {
  h.reset();
  const line = parseRequestLine(b, start, end, h);
  if (line < 0) return line;
  h.fields = line;
  const done = parseFields(b, line, end, h);
  if (done < 0) return done;
  h.end = done;
  if (h.hosts > 1 || (h.hosts === 0 && h.minor === 1)) return h.fail(400);
  // Two lengths are two opinions on where the next request starts.
  if (h.chunked && (h.contentLength >= 0 || h.minor === 0)) return h.fail(400);
  if (h.minor === 0) h.close = !h.keepAlive || h.close;
  if (h.nominated !== null) stripNominated(b, h);
  return done;
}

function parseRequestLine(b: Buffer, start: number, end: number, h: Head): number {
  let i = start;
  while (i < end && TOKEN[b[i] as number] === 1) i++;
  if (i - start > MAX_METHOD) return h.fail(400);
  if (i >= end) return INCOMPLETE;
  if (b[i] !== SPACE || i === start) return h.fail(400);
  if (!noteMethod(b, start, i, h)) return MALFORMED;
  i++;
  const target = i;
  while (i < end && TARGET[b[i] as number] === 1) i++;
  if (i >= end) return INCOMPLETE;
  // Origin form, or `*`: an absolute form would carry a second opinion on the host.
  if (b[i] !== SPACE || i === target) return h.fail(400);
  if (b[target] !== 47 && !(b[target] === 42 && i - target === 1)) return h.fail(400);
  return parseVersion(b, i, end, h);
}

function noteMethod(b: Buffer, start: number, end: number, h: Head): boolean {
  if (end - start === 3 && b[start] === 71 && b[start + 1] === 69 && b[start + 2] === 84) {
    h.idempotent = true;
    return true;
  }
  const method = b.toString('latin1', start, end);
  h.isHead = method === 'HEAD';
  h.idempotent = IDEMPOTENT.has(method);
  if (method !== 'CONNECT' && method !== 'TRACE') return true;
  h.error = 405;
  return false;
}

function parseVersion(b: Buffer, i: number, end: number, h: Head): number {
  for (let k = 0; k < VERSION.length; k++) {
    if (i + k >= end) return INCOMPLETE;
    if (b[i + k] !== VERSION[k]) return h.fail(505);
  }
  if (i + 8 >= end) return INCOMPLETE;
  h.minor = (b[i + 8] as number) - 48;
  if (h.minor !== 1 && h.minor !== 0) return h.fail(400);
  if (i + 9 >= end) return INCOMPLETE;
  if (b[i + 9] !== CR) return h.fail(400);
  if (i + 10 >= end) return INCOMPLETE;
  return b[i + 10] === LF ? i + 11 : h.fail(400);
}

/** Parses an answer's head in b[start, end). Whatever is wrong with it is the replica's fault: 502. */
export function parseResponse(b: Buffer, start: number, end: number, h: Head): number {
  h.reset();
  const line = parseStatusLine(b, start, end, h);
  if (line < 0) return line;
  h.fields = line;
  const done = parseFields(b, line, end, h);
  if (done === MALFORMED) h.error = 502;
  if (done < 0) return done;
  h.end = done;
  if (h.chunked && (h.contentLength >= 0 || h.minor === 0)) return h.fail(502);
  if (h.minor === 0) h.close = !h.keepAlive || h.close;
  if (h.nominated !== null) stripNominated(b, h);
  return done;
}

function parseStatusLine(b: Buffer, start: number, end: number, h: Head): number {
  for (let k = 1; k < VERSION.length; k++) {
    if (start + k - 1 >= end) return INCOMPLETE;
    if (b[start + k - 1] !== VERSION[k]) return h.fail(502);
  }
  if (end - start < 13) return INCOMPLETE;
  h.minor = (b[start + 7] as number) - 48;
  if ((h.minor !== 1 && h.minor !== 0) || b[start + 8] !== SPACE) return h.fail(502);
  for (let k = 9; k < 12; k++) {
    const digit = (b[start + k] as number) - 48;
    if (digit < 0 || digit > 9) return h.fail(502);
    h.status = h.status * 10 + digit;
  }
  if (h.status < 100 || h.status > 599) return h.fail(502);
  let i = start + 12;
  if (b[i] !== SPACE && b[i] !== CR) return h.fail(502);
  while (i < end && VALUE[b[i] as number] === 1) i++;
  if (i >= end) return INCOMPLETE;
  if (b[i] !== CR) return h.fail(502);
  if (i + 1 >= end) return INCOMPLETE;
  return b[i + 1] === LF ? i + 2 : h.fail(502);
}
