import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { eachLimited, exists, makeFolders, removeTree, syncFolder, temporaryBeside } from '../durable.ts';
import { systemCode } from '../failures.ts';
import { contentOf } from './content.ts';
import type { ContentHashes } from './digest.ts';
import { changed, type Entry, sourceProblem } from './scan.ts';
import { settle } from './settle.ts';

const FILES_AT_ONCE = 16;

export interface SourceContent {
  folder: string;
  entries: readonly Entry[];
  hashes: ContentHashes;
}

/**
 * Stores the content as `target`, complete and durable or not at all. `finish` may change it before it is sealed
 * (the build). Content that is stored already is not stored again.
 */
export async function storeSnapshot(
  target: string,
  content: SourceContent,
  finish: (folder: string) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  if (await exists(target)) return;
  await makeFolders(path.dirname(target));
  const temporary = temporaryBeside(target);
  try {
    await copyContent(content, temporary, signal);
    await finish(temporary);
    await settle(temporary);
    await renameUnlessThere(temporary, target);
    await syncFolder(path.dirname(target));
  } finally {
    await removeTree(temporary);
  }
}

async function renameUnlessThere(temporary: string, target: string): Promise<void> {
  try {
    await fs.rename(temporary, target);
  } catch (error) {
    // Another apply of the same content was faster.
    if (systemCode(error) !== 'ENOTEMPTY' && systemCode(error) !== 'EEXIST') throw error;
  }
}

async function copyContent(
  content: SourceContent,
  target: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await fs.mkdir(target, { mode: 0o755 });
  for (const entry of content.entries) {
    if (entry.kind === 'folder') await fs.mkdir(path.join(target, entry.path), { mode: 0o755 });
  }
  await eachLimited(content.entries, FILES_AT_ONCE, async (entry) => {
    signal?.throwIfAborted();
    if (entry.kind === 'link') await fs.symlink(entry.target, path.join(target, entry.path));
    if (entry.kind === 'file') await copyFile(content, entry, path.join(target, entry.path));
  });
}

/** A file that changed since it was hashed would make content that nobody wrote, under a digest that is not its own. */
async function copyFile(
  content: SourceContent,
  entry: Entry & { kind: 'file' },
  target: string,
): Promise<void> {
  const hash = createHash('sha256');
  const handle = await fs.open(target, 'wx', entry.executable ? 0o755 : 0o644);
  try {
    for await (const chunk of chunksOf(content.folder, entry)) {
      hash.update(chunk);
      await handle.writeFile(chunk);
    }
  } finally {
    await handle.close();
  }
  if (hash.digest('hex') !== content.hashes.get(entry.path))
    throw changed(path.join(content.folder, entry.path), 'changed');
}

async function* chunksOf(source: string, entry: Entry & { kind: 'file' }): AsyncGenerator<Buffer> {
  try {
    yield* contentOf(path.join(source, entry.path), entry.bytes);
  } catch (error) {
    throw sourceProblem(source, entry.path, error);
  }
}
