/** The head of an answer as it goes to the client. */
import type { ClientConn } from './client.ts';
import { setsCookie } from './fields.ts';
import type { Head } from './head.ts';
import { copyKept } from './upstream-request.ts';

const CONNECTION_CLOSE = Buffer.from('Connection: close\r\n', 'latin1');
const CONNECTION_KEEP = Buffer.from('Connection: keep-alive\r\n', 'latin1');
const CONNECTION_UPGRADE = Buffer.from('Connection: Upgrade\r\n', 'latin1');
const ADDED_BYTES = 64;

export function responseRoom(start: number, h: Head, client: ClientConn): number {
  const added = (client.pool?.revisionLine?.length ?? 0) + (client.cookie?.length ?? 0) + ADDED_BYTES;
  // The Upgrade line is taken out and put back.
  return h.end - start + (h.upgradeEnd - h.upgradeStart) + added;
}

/** Writes the head without what concerns only the replica's connection. Returns the index after it. */
export function writeResponseHead(
  b: Buffer,
  start: number,
  h: Head,
  out: Buffer,
  client: ClientConn,
  connection: 'keep' | 'close' | 'upgrade',
): number {
  if (h.chunked && client.minor === 0) stripChunked(h);
  let at = copyKept(b, start, h.end - 2, h, out, 0);
  const revision = client.pool?.revisionLine;
  if (revision) at += revision.copy(out, at);
  if (client.cookie !== null && client.by === 'split') at = writeCookie(b, h, out, at, client);
  if (connection === 'close') at += CONNECTION_CLOSE.copy(out, at);
  else if (connection === 'upgrade') {
    at += CONNECTION_UPGRADE.copy(out, at);
    if (h.upgradeStart >= 0) at += b.copy(out, at, h.upgradeStart, h.upgradeEnd);
  } else if (client.minor === 0) at += CONNECTION_KEEP.copy(out, at);
  at += out.write('\r\n', at, 'latin1');
  return at;
}

/** The application's own cookie of that name wins: it knows its user. */
function writeCookie(b: Buffer, h: Head, out: Buffer, at: number, client: ClientConn): number {
  const issued = client.cookie as Buffer;
  const name = issued.toString('latin1', 'Set-Cookie: '.length, issued.indexOf('='));
  return setsCookie(b, h.fields, name) ? at : at + issued.copy(out, at);
}

function stripChunked(h: Head): void {
  const spans: [number, number][] = [[h.chunkedStart, h.chunkedEnd]];
  for (let k = 0; k < h.stripCount; k += 2) spans.push([h.strip[k] as number, h.strip[k + 1] as number]);
  spans.sort((x, y) => x[0] - y[0]);
  h.stripCount = 0;
  for (const [from, to] of spans) h.addStrip(from, to);
}

/** A 1xx head, without what concerns only the replica's connection. */
export function writeInformation(b: Buffer, start: number, h: Head): Buffer {
  const out = Buffer.allocUnsafe(h.end - start);
  const at = copyKept(b, start, h.end - 2, h, out, 0);
  return out.subarray(0, at + b.copy(out, at, h.end - 2, h.end));
}
