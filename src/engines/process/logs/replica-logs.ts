import fs from 'node:fs';
import path from 'node:path';
import type { Ms } from '../../../core/model.ts';
import type { LogLine } from '../../../ports/engine.ts';
import { StampedFile } from './stamped-file.ts';

export type Stream = LogLine['stream'];

export function logFile(folder: string, stream: Stream): string {
  return path.join(folder, `${stream}.log`);
}

/** The writing side of a living replica's logs. */
export class ReplicaLogs {
  readonly #folder: string;
  readonly #files: StampedFile[];
  readonly #trouble: (error: unknown) => void;

  constructor(
    folder: string,
    limits: { logBytes: number; logFiles: number },
    trouble: (error: unknown) => void,
  ) {
    this.#folder = folder;
    this.#trouble = trouble;
    const streams: Stream[] = ['stdout', 'stderr', 'crossfade'];
    this.#files = streams.map((stream) => new StampedFile(logFile(folder, stream), limits));
  }

  /** A line of Crossfade itself among those of the replica. */
  note(at: Ms, text: string): void {
    this.#attempt(() => fs.appendFileSync(logFile(this.#folder, 'crossfade'), `${text}\n`, { mode: 0o600 }));
    this.stamp(at);
  }

  stamp(at: Ms): void {
    for (const file of this.#files) this.#attempt(() => file.stamp(at));
  }

  /** Logs are lost before replicas are: on a full disk supervision goes on. */
  #attempt(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#trouble(error);
    }
  }
}
