/** The request as it goes to a replica, built in a buffer that the client connection owns: a retry costs no copy. */
import { keepForwarded, writeForwarded, writeTrusted } from './forwarded.ts';
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

export interface RequestTo {
  /** X-Forwarded lines for a client whose word is not taken. */
  line: Buffer;
  address: string;
  /** What it says about whom it speaks for is believed. */
  trusted: boolean;
  upgrade: boolean;
  /** For a client of HTTP/1.0 that named no host: HTTP/1.1 needs one. */
  host: string;
}

/** How large the buffer must be for this head and `bodyBytes` of body. */
export function requestRoom(start: number, h: Head, to: RequestTo, bodyBytes: number): number {
  return 2 * (h.end - start) + to.line.length + to.host.length + ADDED_BYTES + bodyBytes;
}

/** Writes the head to `out`. Returns the index after it. Replicas are always spoken to in HTTP/1.1. */
export function writeRequestHead(b: Buffer, start: number, h: Head, out: Buffer, to: RequestTo): number {
  const takesWord = to.trusted && h.forwarded;
  if (takesWord) keepForwarded(b, h);
  let at = copyKept(b, start, h.end - 2, h, out, 0);
  if (h.minor === 0) out[h.fields - start - 3] = 49;
  if (h.hosts === 0) at += out.write(`Host: ${to.host}\r\n`, at, 'latin1');
  at = takesWord ? writeTrusted(b, h, out, at, to.address) : writeForwarded(b, h, out, at, to.line);
  if (to.upgrade) {
    at += out.write('Connection: Upgrade\r\n', at, 'latin1');
    at += b.copy(out, at, h.upgradeStart, h.upgradeEnd);
  }
  at += out.write('\r\n', at, 'latin1');
  return at;
}
