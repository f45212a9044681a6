import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { isMissing, systemCode } from './failures.ts';
import { TEMPORARY } from './layout.ts';

export function temporaryBeside(target: string): string {
  return path.join(path.dirname(target), `${TEMPORARY}${randomBytes(6).toString('hex')}`);
}

/** Names created, renamed or removed in the folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * The folder and those above it, there after a power cut too: with a folder whose name is lost, all that was durable in it
 * is lost. Not with `recursive`: on a read-only file system Node then says that something does not exist.
 */
export async function makeFolders(folder: string, mode = 0o700): Promise<void> {
  try {
    await fs.mkdir(folder, { mode });
    await syncFolder(path.dirname(folder));
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return;
    if (systemCode(error) !== 'ENOENT' || path.dirname(folder) === folder) throw error;
    await makeFolders(path.dirname(folder), mode);
    await makeFolders(folder, mode);
  }
}

/** All of it or nothing, also after a power cut. */
export async function writeDurable(target: string, data: string | Buffer, mode = 0o600): Promise<void> {
  await replaceFile(target, data, mode, true);
  await syncFolder(path.dirname(target));
}

/** All of it or nothing, also when this process dies. A power cut may lose it unless `sync`. */
export async function replaceFile(
  target: string,
  data: string | Buffer,
  mode = 0o600,
  sync = false,
): Promise<void> {
  const temporary = temporaryBeside(target);
  try {
    const handle = await fs.open(temporary, 'wx', mode);
    try {
      await handle.writeFile(data);
      if (sync) await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, target);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
}

export async function readText(file: string): Promise<string | undefined> {
  try {
    return await fs.readFile(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await fs.readdir(folder)).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

export async function exists(file: string): Promise<boolean> {
  return fs.access(file).then(
    () => true,
    () => false,
  );
}

/** Also removes folders that were made read-only. Harmless when there is nothing. */
export async function removeTree(target: string): Promise<void> {
  try {
    await fs.rm(target, { recursive: true, force: true });
  } catch (error) {
    if (systemCode(error) !== 'EACCES' && systemCode(error) !== 'EPERM') throw error;
    await makeFoldersWritable(target);
    await fs.rm(target, { recursive: true, force: true });
  }
}

/** A folder with nothing in it; one with something stays. Harmless when there is none. */
export async function removeEmpty(folder: string): Promise<void> {
  try {
    await fs.rmdir(folder);
  } catch (error) {
    if (systemCode(error) !== 'ENOTEMPTY' && !isMissing(error)) throw error;
  }
}

async function makeFoldersWritable(folder: string): Promise<void> {
  await fs.chmod(folder, 0o700);
  for (const entry of await fs.readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeFoldersWritable(path.join(folder, entry.name));
  }
}

export async function removeTemporaries(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (name.startsWith(TEMPORARY)) await removeTree(path.join(folder, name));
  }
}

/** At most `limit` of them at a time; the first failure ends it, after those under way have ended. */
export async function eachLimited<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed: { error: unknown } | undefined;
  const worker = async () => {
    while (next < items.length && !failed) {
      const item = items[next++] as T;
      try {
        await work(item);
      } catch (error) {
        failed ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failed) throw failed.error;
}
