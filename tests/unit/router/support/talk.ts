import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Talk {
  /** Everything that came back, as latin1. */
  text: string;
  /** The other side closed; otherwise the talk ended because `until` was satisfied or nothing more came. */
  closed: boolean;
}

const GIVE_UP_MS = 5_000;
const GAP_MS = 10;

/**
 * Sends the parts, each in a packet of its own, and reads until `until` holds or the other side closes. `end`: closes its own
 * side after the last part.
 */
export async function talk(
  port: number,
  parts: string | string[],
  until: (text: string) => boolean,
  end = false,
): Promise<Talk> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.setNoDelay(true);
  let text = '';
  let closed = false;
  const ended = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, GIVE_UP_MS);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (until(text)) done();
    });
    socket.on('error', () => {});
    // What is half-open is ended here; `close` comes when both sides are.
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      closed = true;
      done();
    });
  });
  for (const part of [parts].flat()) {
    if (socket.destroyed) break;
    socket.write(part, 'latin1');
    if (Array.isArray(parts)) await sleep(GAP_MS);
  }
  if (end) socket.end();
  await ended;
  socket.destroy();
  return { text, closed };
}

/** How many answers with this status line are in the text. */
export function answers(text: string, status = '200'): number {
  return text.split(`HTTP/1.1 ${status}`).length - 1;
}
