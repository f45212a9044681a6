import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, openSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { isNoRoom } from './errors.ts';

/** How much is kept back by default: some hundred commits of an ordinary App. */
export const RESERVE_BYTES = 8 * 1024 * 1024;
/** Given back in this many parts, because whatever filled the disk may fill each part again. */
const PARTS = 8;

export interface Reserve {
  /** Allocates what is missing; false when the disk has no room for it. */
  fill(): boolean;
  /** Gives a part back to the file system; false when nothing is left to give. */
  releasePart(): boolean;
}

/** Disk space held in a file, so that the commits that lead back to stable can still be written on a full disk. */
export function createReserve(file: string, bytes: number): Reserve {
  return {
    fill() {
      if (sizeOf(file) >= bytes) return true;
      try {
        allocate(file, bytes);
        return true;
      } catch (error) {
        if (!isNoRoom(error)) throw error;
        rmSync(file, { force: true });
        return false;
      }
    },
    releasePart() {
      const size = sizeOf(file);
      if (size === 0) return false;
      truncateSync(file, Math.max(0, size - Math.ceil(bytes / PARTS)));
      return true;
    },
  };
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** Random bytes, because zeros take no space on a file system that compresses or finds holes. */
function allocate(file: string, bytes: number): void {
  const fd = openSync(file, 'w', 0o600);
  try {
    const chunk = randomFillSync(Buffer.alloc(256 * 1024));
    for (let left = bytes; left > 0; left -= chunk.length)
      writeSync(fd, chunk, 0, Math.min(left, chunk.length));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
