import fs from 'node:fs/promises';
import { isMissing } from '../failures.ts';

export interface RawLine {
  /** Offsets in the file; `end` is after the newline. */
  start: number;
  end: number;
  text: string;
}

const CHUNK_BYTES = 64 * 1024;
/** A longer line is given in parts. */
const LONGEST_LINE_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/** Lines of a part of the file. A last one without newline is given only when `partial`: the rest may still come. */
export async function* readLines(
  file: string,
  from: number,
  to: number,
  partial: boolean,
): AsyncGenerator<RawLine> {
  const handle = await openIfThere(file);
  if (!handle) return;
  try {
    let pending: Buffer = Buffer.alloc(0);
    let start = from;
    let at = from;
    const chunk = Buffer.alloc(CHUNK_BYTES);
    while (at < to) {
      const { bytesRead } = await handle.read(chunk, 0, Math.min(CHUNK_BYTES, to - at), at);
      if (bytesRead === 0) break;
      at += bytesRead;
      const split = splitLines(Buffer.concat([pending, chunk.subarray(0, bytesRead)]), start);
      yield* split.lines;
      pending = split.rest;
      start = split.end;
    }
    if (partial && pending.length > 0) yield { start, end: start + pending.length, text: textOf(pending) };
  } finally {
    await handle.close();
  }
}

/** The complete lines, and what is left of an incomplete one. @param start offset of the bytes in their file */
export function splitLines(bytes: Buffer, start: number): { lines: RawLine[]; rest: Buffer; end: number } {
  const lines: RawLine[] = [];
  let rest = bytes;
  let end = start;
  for (let length = lineLength(rest); length > 0; length = lineLength(rest)) {
    lines.push({ start: end, end: end + length, text: textOf(rest.subarray(0, length)) });
    rest = rest.subarray(length);
    end += length;
  }
  return { lines, rest, end };
}

/** Bytes of the first line with its newline; 0: it is not complete. */
function lineLength(bytes: Buffer): number {
  const newline = bytes.indexOf(NEWLINE);
  if (newline >= 0) return Math.min(newline + 1, LONGEST_LINE_BYTES);
  return bytes.length >= LONGEST_LINE_BYTES ? LONGEST_LINE_BYTES : 0;
}

export function textOf(line: Buffer): string {
  return line.toString('utf8').replace(/\r?\n$/, '');
}

/**
 * Where the last `wanted` complete lines begin, reading backwards, and how many there are. A line without newline at
 * the end is extra. 0 lines: after the last newline.
 */
export async function tailStart(file: string, wanted: number): Promise<{ offset: number; lines: number }> {
  const handle = await openIfThere(file);
  if (!handle) return { offset: 0, lines: 0 };
  try {
    const { size } = await handle.stat();
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let newlines = 0;
    for (let end = size; end > 0; end -= CHUNK_BYTES) {
      const begin = Math.max(0, end - CHUNK_BYTES);
      const { bytesRead } = await handle.read(chunk, 0, end - begin, begin);
      for (let at = bytesRead - 1; at >= 0; at--) {
        if (chunk[at] !== NEWLINE) continue;
        if (newlines === wanted) return { offset: begin + at + 1, lines: wanted };
        newlines += 1;
      }
    }
    return { offset: 0, lines: newlines };
  } finally {
    await handle.close();
  }
}

export async function sizeOf(file: string): Promise<number> {
  try {
    return (await fs.stat(file)).size;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}

async function openIfThere(file: string): Promise<fs.FileHandle | undefined> {
  try {
    return await fs.open(file, 'r');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
