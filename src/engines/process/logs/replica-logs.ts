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
  readonly #output: StampedFile[];
  readonly #own: StampedFile;
  readonly #trouble: (error: unknown) => void;

  constructor(
    folder: string,
    limits: { logBytes: number; logFiles: number },
    trouble: (error: unknown) => void,
  ) {
    this.#folder = folder;
    this.#trouble = trouble;
    const file = (stream: Stream) => new StampedFile(logFile(folder, stream), limits);
    this.#output = [file('stdout'), file('stderr')];
    this.#own = file('crossfade');
  }

  /** A line of Crossfade itself, after what the replica has written until now. @param at when it happened */
  note(at: Ms, text: string): void {
    this.#stampAll(this.#output, at);
    this.#attempt(() => fs.appendFileSync(logFile(this.#folder, 'crossfade'), `${text}\n`, { mode: 0o600 }));
    this.#stampAll([this.#own], at);
  }

  /** The same, of something that happened before the replica wrote anything: its output gets later times. */
  noteStart(at: Ms, text: string): void {
    this.#attempt(() => fs.appendFileSync(logFile(this.#folder, 'crossfade'), `${text}\n`, { mode: 0o600 }));
    this.#stampAll([this.#own], at);
  }

  stamp(at: Ms): void {
    this.#stampAll([...this.#output, this.#own], at);
  }

  #stampAll(files: readonly StampedFile[], at: Ms): void {
    for (const file of files) this.#attempt(() => file.stamp(at));
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
