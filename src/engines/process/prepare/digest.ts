import { createHash } from 'node:crypto';
import path from 'node:path';
import { canonicalJson } from '../../../core/revision.ts';
import { eachLimited } from '../durable.ts';
import { contentOf } from './content.ts';
import { type Entry, sourceProblem } from './scan.ts';

/** Path of a file -> SHA-256 of its content, in hex. */
export type ContentHashes = ReadonlyMap<string, string>;

const FILES_AT_ONCE = 16;

/** Reads every file of the source once. */
export async function hashFiles(
  source: string,
  entries: readonly Entry[],
  signal?: AbortSignal,
): Promise<ContentHashes> {
  const hashes = new Map<string, string>();
  const files = entries.filter((entry) => entry.kind === 'file');
  await eachLimited(files, FILES_AT_ONCE, async (entry) => {
    signal?.throwIfAborted();
    try {
      hashes.set(entry.path, await hashFile(path.join(source, entry.path), entry.bytes));
    } catch (error) {
      throw sourceProblem(source, entry.path, error);
    }
  });
  return hashes;
}

async function hashFile(file: string, bytes: number): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of contentOf(file, bytes)) hash.update(chunk);
  return hash.digest('hex');
}

/**
 * The identity of a folder's content: paths, contents, whether files are executable, links. Owners, times and the
 * rest of the modes are not part of it, and neither is the order in which the folder was read.
 */
export function snapshotDigest(entries: readonly Entry[], hashes: ContentHashes): string {
  const lines = entries.map((entry) => {
    if (entry.kind === 'folder') return ['folder', entry.path];
    if (entry.kind === 'link') return ['link', entry.path, entry.target];
    const content = hashes.get(entry.path);
    if (content === undefined) throw new Error(`no hash of ${entry.path}`);
    return ['file', entry.path, entry.executable ? 'x' : '-', content];
  });
  lines.sort((a, b) => ((a[1] ?? '') < (b[1] ?? '') ? -1 : 1));
  return `sha256:${sha256(canonicalJson({ snapshotVersion: 1, entries: lines }))}`;
}

/** Known before the build, so that the same source and command are built once and give the same revision. */
export function builtDigest(sourceDigest: string, command: readonly string[]): string {
  return `sha256:${sha256(canonicalJson({ buildVersion: 1, source: sourceDigest, command }))}`;
}

export function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
