import fs from 'node:fs';
import type { Ms } from '../../../core/model.ts';

/**
 * Replicas write their lines straight into files, so nobody notes when each one was written. What is noted, beside the
 * file, is how far it had grown at a time: a line's time is the first one at which the daemon saw it in the file.
 */
export interface Stamp {
  /** What is in the file before this offset was seen at `at`. */
  offset: number;
  at: Ms;
}

function stampFile(file: string): string {
  return `${file}.at`;
}

export function readStamps(file: string): Stamp[] {
  return parseStamps(readIfThere(stampFile(file)));
}

const RECENT_BYTES = 8 * 1024;

/** The last ones only: enough for lines that were written just now. */
export function recentStamps(file: string): Stamp[] {
  const size = sizeIfThere(stampFile(file));
  if (size <= RECENT_BYTES) return readStamps(file);
  const fd = fs.openSync(stampFile(file), 'r');
  try {
    const bytes = Buffer.alloc(RECENT_BYTES);
    const text = bytes.toString('latin1', 0, fs.readSync(fd, bytes, 0, RECENT_BYTES, size - RECENT_BYTES));
    return parseStamps(text.slice(text.indexOf('\n') + 1));
  } finally {
    fs.closeSync(fd);
  }
}

function parseStamps(text: string): Stamp[] {
  const stamps: Stamp[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    const [offset, at] = line.split(' ').map(Number);
    if (offset !== undefined && at !== undefined && Number.isFinite(offset + at)) stamps.push({ offset, at });
  }
  return stamps;
}

/** The time of the line that begins at `start`. @param fallback for what no stamp covers yet */
export function timeOf(stamps: readonly Stamp[], start: number, fallback: Ms): Ms {
  let low = 0;
  let high = stamps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((stamps[middle] as Stamp).offset > start) high = middle;
    else low = middle + 1;
  }
  return stamps[low]?.at ?? fallback;
}

/** Keeps the stamps of one log file, and keeps it small. */
export class StampedFile {
  readonly file: string;
  readonly #limitBytes: number;
  readonly #keep: number;
  #stampedTo: number;
  #stampBytes: number;

  constructor(file: string, limits: { logBytes: number; logFiles: number }) {
    this.file = file;
    this.#limitBytes = limits.logBytes;
    this.#keep = limits.logFiles;
    this.#stampedTo = readStamps(file).at(-1)?.offset ?? 0;
    this.#stampBytes = sizeIfThere(stampFile(file));
  }

  /** Notes what was written since the last time; rotates when the file, or the notes about it, became large. */
  stamp(at: Ms): void {
    const size = sizeIfThere(this.file);
    if (size < this.#stampedTo) this.#startAgain();
    if (size > this.#stampedTo) {
      const line = `${size} ${at}\n`;
      fs.appendFileSync(stampFile(this.file), line, { mode: 0o600 });
      this.#stampedTo = size;
      this.#stampBytes += line.length;
    }
    if (size > this.#limitBytes || this.#stampBytes > this.#limitBytes) this.#rotate(at);
  }

  /** Someone else emptied the file. */
  #startAgain(): void {
    fs.rmSync(stampFile(this.file), { force: true });
    this.#stampedTo = 0;
    this.#stampBytes = 0;
  }

  /**
   * Copy, then truncate: the replica keeps the file open and appends at its new end. What it writes between the last
   * look and the truncation, a few microseconds, is lost; no other way leaves the replica alone.
   */
  #rotate(at: Ms): void {
    if (this.#keep > 0) {
      for (let age = this.#keep; age > 1; age--)
        moveIfThere(`${this.file}.${age - 1}`, `${this.file}.${age}`);
      const copy = `${this.file}.copy`;
      fs.copyFileSync(this.file, copy);
      const known = fs.readFileSync(stampFile(this.file), 'utf8');
      fs.writeFileSync(stampFile(copy), `${known}${Number.MAX_SAFE_INTEGER} ${at}\n`, { mode: 0o600 });
      moveIfThere(copy, `${this.file}.1`);
      moveRest(this.file, `${this.file}.1`);
    } else fs.truncateSync(this.file, 0);
    this.#startAgain();
  }
}

/** Appends to the copy what was written since it was made, and empties the file at once after the last look. */
function moveRest(file: string, copy: string): void {
  const from = fs.openSync(file, 'r+');
  const to = fs.openSync(copy, 'a');
  try {
    const chunk = Buffer.alloc(64 * 1024);
    const read = (at: number) => fs.readSync(from, chunk, 0, chunk.length, at);
    let at = fs.fstatSync(to).size;
    for (let bytes = read(at); bytes > 0; bytes = read(at)) {
      fs.writeSync(to, chunk, 0, bytes);
      at += bytes;
    }
    fs.ftruncateSync(from, 0);
  } finally {
    fs.closeSync(from);
    fs.closeSync(to);
  }
}

function moveIfThere(from: string, to: string): void {
  if (!fs.existsSync(from)) return;
  // Stamps first: a file without its own would be read with those of another.
  fs.rmSync(stampFile(to), { force: true });
  if (fs.existsSync(stampFile(from))) fs.renameSync(stampFile(from), stampFile(to));
  fs.renameSync(from, to);
}

function sizeIfThere(file: string): number {
  return fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function readIfThere(file: string): string {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
}
