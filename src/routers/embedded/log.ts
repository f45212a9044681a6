/**
 * Log lines of parent and worker: JSON to standard error, which is the log file. A logger that fails with the disk would take
 * the data plane with it, so a line that cannot be written is lost.
 */
import fs from 'node:fs';

export interface Log {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** As pino numbers them. */
const LEVEL = { info: 30, warn: 40, error: 50 };

export function createLog(process_: 'parent' | 'worker'): Log {
  const write = (level: number, message: string, fields: Record<string, unknown> = {}): void => {
    const shown = Object.fromEntries(
      Object.entries(fields).map(([k, v]) => [k, v instanceof Error ? v.stack : v]),
    );
    const time = new Date().toISOString();
    const line = JSON.stringify({ level, time, pid: process.pid, process: process_, msg: message, ...shown });
    try {
      fs.writeSync(2, `${line}\n`);
    } catch {
      // Disk full: see above.
    }
  };
  return {
    info: (message, fields) => write(LEVEL.info, message, fields),
    warn: (message, fields) => write(LEVEL.warn, message, fields),
    error: (message, fields) => write(LEVEL.error, message, fields),
  };
}
