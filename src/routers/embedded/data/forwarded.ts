/** What a replica is told about whom a request is made for: X-Forwarded-For, -Proto and -Host. */
import { fieldValues } from './fields.ts';
import type { Head } from './head.ts';

/** Lines for a client of this address, as far as they are the same for all its requests. */
export function forwardLine(remoteAddress: string): Buffer {
  return Buffer.from(`X-Forwarded-For: ${remoteAddress}\r\nX-Forwarded-Proto: http\r\n`, 'latin1');
}

const HOST = Buffer.from('X-Forwarded-Host: ', 'latin1');

/** Replaces whatever the client said. Returns the index after what was written. */
export function writeForwarded(b: Buffer, h: Head, out: Buffer, at: number, line: Buffer): number {
  return writeHost(b, h, out, at + line.copy(out, at));
}

/** Slow path, for a trusted proxy: what it said stays, its own address is added, and what it did not say is said. */
export function writeTrusted(b: Buffer, h: Head, out: Buffer, at: number, address: string): number {
  const clients = fieldValues(b, h.fields, 'x-forwarded-for').filter((value) => value !== '');
  let to = at + out.write(`X-Forwarded-For: ${[...clients, address].join(', ')}\r\n`, at, 'latin1');
  if (fieldValues(b, h.fields, 'x-forwarded-proto').length === 0)
    to += out.write('X-Forwarded-Proto: http\r\n', to, 'latin1');
  return fieldValues(b, h.fields, 'x-forwarded-host').length === 0 ? writeHost(b, h, out, to) : to;
}

/** Takes the lines of a trusted proxy back among those that are passed on; X-Forwarded-For is written anew. */
export function keepForwarded(b: Buffer, h: Head): void {
  const spans: [number, number][] = [];
  for (let k = 0; k < h.stripCount; k += 2) spans.push([h.strip[k] as number, h.strip[k + 1] as number]);
  h.stripCount = 0;
  for (const [start, end] of spans) {
    const name = b.toString('latin1', start, b.indexOf(58, start)).toLowerCase();
    const isKept = name === 'forwarded' || (name.startsWith('x-forwarded-') && name !== 'x-forwarded-for');
    if (!isKept) h.addStrip(start, end);
  }
}

function writeHost(b: Buffer, h: Head, out: Buffer, at: number): number {
  if (h.hosts === 0) return at;
  let to = at + HOST.copy(out, at);
  to += b.copy(out, to, h.hostStart, h.hostEnd);
  return to + out.write('\r\n', to, 'latin1');
}
