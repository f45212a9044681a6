import type { Readable, Writable } from 'node:stream';

/** What `crossfade daemon` is asked to do; src/main.ts does it. */
export interface DaemonOptions {
  stateDir: string;
  /** An additional TCP listener; it needs tokens. */
  listen?: { host: string; port: number };
}

/** Everything that a command touches outside of itself, so that tests can give their own. */
export interface CliContext {
  stdout: Writable & { columns?: number; rows?: number };
  stderr: Writable;
  stdin: Readable & { isTTY?: boolean };
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** stdout is a terminal. */
  isTTY: boolean;
  /** Program and first arguments that start this program again, absolute: [node, main.ts]. */
  entry: readonly string[];
  /** Runs the daemon in this process until it is stopped. */
  runDaemon(options: DaemonOptions): Promise<void>;
  /** Starts a daemon of its own session; absent: `entry` is spawned. */
  startDaemon?(stateDir: string): Promise<void>;
}
