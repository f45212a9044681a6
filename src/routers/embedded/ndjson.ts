/** One JSON value per line over a socket. */
import type net from 'node:net';
import { MAX_LINE_BYTES } from './protocol.ts';

/** Calls `onValue` for each line. A line that is not JSON, or too long, ends the connection. */
export function readLines(socket: net.Socket, onValue: (value: unknown) => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_BYTES) {
      socket.destroy();
      return;
    }
    for (const line of lines) {
      const value = parse(line);
      if (value === undefined) {
        socket.destroy();
        return;
      }
      onValue(value);
    }
  });
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

export function writeLine(socket: net.Socket, value: unknown): void {
  if (!socket.destroyed) socket.write(`${JSON.stringify(value)}\n`);
}
