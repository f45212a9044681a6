import { createReadStream } from 'node:fs';
import fs from 'node:fs/promises';

/** Below this a file is read at once: a source has tens of thousands of small files, and a stream each costs more. */
const SMALL_BYTES = 1024 * 1024;

/** @param bytes the size as it was seen before; only decides how it is read */
export async function* contentOf(file: string, bytes: number): AsyncGenerator<Buffer> {
  if (bytes <= SMALL_BYTES) yield await fs.readFile(file);
  else for await (const chunk of createReadStream(file)) yield chunk as Buffer;
}
