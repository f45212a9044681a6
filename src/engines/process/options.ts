import type { Ms } from '../../core/model.ts';
import type { Clock } from '../../ports/clock.ts';

/** The part of pino's logger that this engine uses. */
export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Where secret values come from; see secret-files.ts. */
export interface SecretSource {
  get(namespace: string, name: string): Promise<string | undefined>;
  /** Key of this installation for the hashes of secret values in revisions. */
  hmacKey(): Promise<Buffer>;
}

export interface ProcessEngineOptions {
  /** Absolute; created when absent. */
  stateDir: string;
  /** Identity of this boot: processes recorded under another one are gone. */
  bootId: string;
  clock: Clock;
  /** The steady time that the core decides by: a replica's readiness is dated by it. Absent: the wall clock. */
  now?: () => Ms;
  logger?: Logger;
  secrets: SecretSource;
  limits?: Partial<Limits>;
}

export interface Limits {
  /** Largest source folder that is snapshotted, in bytes. */
  sourceBytes: number;
  /** A replica's stdout and stderr are each rotated beyond this many bytes. */
  logBytes: number;
  /** Rotated files kept per stream. */
  logFiles: number;
  /** Ports that replicas are given, both ends included. Absent: outside the kernel's ephemeral range. */
  ports?: { from: number; to: number };
  /** PATH of replicas and builds. */
  path: string;
}

/** Systems put programs here; the folder of Crossfade's own node comes last, so that `node` is always found. */
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function limitsOf(given: Partial<Limits> | undefined, nodeFolder: string): Limits {
  return {
    sourceBytes: 1024 ** 3,
    logBytes: 10 * 1024 ** 2,
    logFiles: 3,
    path: `${SYSTEM_PATH}:${nodeFolder}`,
    ...given,
  };
}
