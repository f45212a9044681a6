/** The request as it goes to a replica, built in a buffer that the client connection owns: a retry costs no copy. */
import type { Head } from './head.ts';

/** Room for the lines that are added. */
const ADDED_BYTES = 256;

/** b[start, end) without the stripped lines. Returns the index after what was written. */
export function copyKept(b: Buffer, start: number, end: number, h: Head, out: Buffer, at: number): number {
  let from = start;
  let to = at;
  for (let k = 0; k < h.stripCount; k += 2) {
    to += b.copy(out, to, from, h.strip[k]);
    from = h.strip[k + 1] as number;
  }
  return to + b.copy(out, to, from, end);
}

/** How large the buffer must be for this head and `bodyBytes` of body. */
export function requestRoom(start: number, h: Head, forwardLine: Buffer, bodyBytes: number): number {
  return 2 * (h.end - start) + forwardLine.length + ADDED_BYTES + bodyBytes;
}

/**
 * Writes the head to `out`. Returns the index after it. Replicas are always spoken to in HTTP/1.1.
 * `forwardLine`: the X-Forwarded lines for a client that sent none.
 */
export function writeRequestHead(
  b: Buffer,
  start: number,
  h: Head,
  out: Buffer,
  forward: { line: Buffer; address: string; upgrade: boolean },
): number {
  let at = copyKept(b, start, h.end - 2, h, out, 0);
  if (h.minor === 0) out[h.fields - start - 3] = 49;
  if (h.forwardedCount === 0) at += forward.line.copy(out, at);
  else {
    const before =
      h.forwardedCount === 1 ? b.toString('latin1', h.forwardedStart, h.forwardedEnd) : joinForwarded(b, h);
    const line = `X-Forwarded-For: ${before}, ${forward.address}\r\nX-Forwarded-Proto: http\r\n`;
    at += out.write(line, at, 'latin1');
  }
  if (forward.upgrade) {
    at += out.write('Connection: Upgrade\r\n', at, 'latin1');
    at += b.copy(out, at, h.upgradeStart, h.upgradeEnd);
  }
  at += out.write('\r\n', at, 'latin1');
  return at;
}

/** Slow path: X-Forwarded-For on several lines is one list. */
function joinForwarded(b: Buffer, h: Head): string {
  const lines = b.toString('latin1', h.fields, h.end).split('\r\n');
  const values = lines.filter((line) => /^x-forwarded-for:/i.test(line)).map((line) => line.slice(16).trim());
  return values.filter((value) => value !== '').join(', ');
}

export function forwardLine(remoteAddress: string): Buffer {
  return Buffer.from(`X-Forwarded-For: ${remoteAddress}\r\nX-Forwarded-Proto: http\r\n`, 'latin1');
}
