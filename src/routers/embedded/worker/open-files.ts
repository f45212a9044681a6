/** How many connections this process can carry: each may need one to a replica too. */
import fs from 'node:fs';

const MOST_CONNECTIONS = 16_384;
/** For the listeners, the log, the control socket, and what the runtime has open. */
const KEPT_FILES = 256;

/** `limits`: content of /proc/self/limits; undefined where the system has none. */
export function connectionCap(limits: string | undefined = readLimits()): number {
  const soft = /^Max open files\s+(\d+)/m.exec(limits ?? '')?.[1];
  if (soft === undefined) return MOST_CONNECTIONS;
  return Math.max(1, Math.min(MOST_CONNECTIONS, Math.floor((Number(soft) - KEPT_FILES) / 2)));
}

function readLimits(): string | undefined {
  try {
    return fs.readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return undefined;
  }
}
