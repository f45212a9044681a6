import type { Dirent } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { OperatingError } from '../../../core/errors.ts';
import { isMissing, systemCode } from '../failures.ts';
import { isAppFile } from './app-file.ts';
import { type IgnoreRules, ignoreRules } from './ignore-rules.ts';

/** What a snapshot consists of. Paths are relative to the source folder, with `/`. */
export type Entry =
  | { kind: 'folder'; path: string }
  | { kind: 'file'; path: string; executable: boolean; bytes: number }
  | { kind: 'link'; path: string; target: string };

export interface ScanOptions {
  useGitignore: boolean;
  limitBytes: number;
  /** Told what was left out though no rule names it, and why. */
  skipped: (path: string, why: string) => void;
  signal?: AbortSignal | undefined;
}

/** @throws OperatingError E_SOURCE_MISSING, E_SOURCE_NOT_A_FOLDER, E_SOURCE_UNREADABLE, E_SOURCE_CHANGED, E_SOURCE_TOO_LARGE */
export async function scanSource(source: string, options: ScanOptions): Promise<Entry[]> {
  const realSource = await realFolder(source);
  const entries: Entry[] = [];
  let bytes = 0;

  async function visit(folder: string, rules: IgnoreRules): Promise<void> {
    options.signal?.throwIfAborted();
    for (const item of await itemsOf(source, folder)) {
      const relative = folder === '' ? item.name : `${folder}/${item.name}`;
      if (rules.ignores(relative, item.isDirectory())) continue;
      const entry = await entryOf({ source, realSource, relative, item, skipped: options.skipped });
      if (!entry) continue;
      entries.push(entry);
      if (entry.kind === 'file') bytes += entry.bytes;
      if (bytes > options.limitBytes) throw tooLarge(source, options.limitBytes, entries);
      if (entry.kind === 'folder') await visit(relative, await rules.within(relative));
    }
  }

  await visit('', await ignoreRules(source, options.useGitignore));
  return entries;
}

async function realFolder(source: string): Promise<string> {
  try {
    const real = await fs.realpath(source);
    if ((await fs.stat(real)).isDirectory()) return real;
  } catch (error) {
    if (!isMissing(error)) throw unreadable(source, error);
    throw new OperatingError('E_SOURCE_MISSING', `the source folder ${source} does not exist`, {
      hint: 'correct spec.source; a relative path is taken from the folder of the App file',
      details: { source },
      cause: error,
    });
  }
  throw new OperatingError('E_SOURCE_NOT_A_FOLDER', `the source ${source} is not a folder`, {
    hint: 'spec.source names the folder that holds the program; what to run in it goes into spec.run.command',
    details: { source },
  });
}

async function itemsOf(source: string, folder: string): Promise<Dirent[]> {
  try {
    return await fs.readdir(path.join(source, folder), { withFileTypes: true });
  } catch (error) {
    throw sourceProblem(source, folder, error);
  }
}

interface Found {
  source: string;
  realSource: string;
  relative: string;
  item: Dirent;
  skipped: ScanOptions['skipped'];
}

async function entryOf({ source, realSource, relative, item, skipped }: Found): Promise<Entry | undefined> {
  if (item.isDirectory()) return { kind: 'folder', path: relative };
  try {
    if (item.isFile()) {
      const stat = await fs.lstat(path.join(source, relative));
      if (await isAppFile(source, relative, stat.size)) {
        skipped(relative, 'it is an App file');
        return undefined;
      }
      return { kind: 'file', path: relative, executable: (stat.mode & 0o111) !== 0, bytes: stat.size };
    }
    if (item.isSymbolicLink()) {
      const target = await linkTarget(realSource, relative);
      if (target !== undefined) return { kind: 'link', path: relative, target };
      skipped(relative, 'it is a link that leaves the source folder');
      return undefined;
    }
  } catch (error) {
    throw sourceProblem(source, relative, error);
  }
  skipped(relative, 'it is neither a file nor a folder nor a link');
  return undefined;
}

/**
 * Relative to the link, so that it means the same file in every copy. Undefined: it leaves the folder, either as it
 * is written or through other links on its way.
 */
async function linkTarget(realSource: string, relative: string): Promise<string | undefined> {
  const link = path.join(realSource, relative);
  const written = await fs.readlink(link);
  const absolute = path.resolve(path.dirname(link), written);
  if (!isWithin(realSource, absolute)) return undefined;
  const real = await fs.realpath(link).catch((error: unknown) => {
    if (isMissing(error) || systemCode(error) === 'ELOOP') return absolute;
    throw error;
  });
  if (!isWithin(realSource, real)) return undefined;
  return path.isAbsolute(written) ? path.relative(path.dirname(link), absolute) || '.' : written;
}

export function isWithin(folder: string, target: string): boolean {
  const relative = path.relative(folder, target);
  return (
    relative === '' ||
    (relative !== '..' && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative))
  );
}

/** What went wrong with one file of the source, while it was looked at or read. */
export function sourceProblem(source: string, relative: string, error: unknown): unknown {
  const file = path.join(source, relative);
  if (isMissing(error)) return changed(file, 'vanished');
  if (systemCode(error) === 'EACCES' || systemCode(error) === 'EPERM') return unreadable(file, error);
  return error;
}

export function changed(file: string, what: 'vanished' | 'changed'): OperatingError {
  return new OperatingError('E_SOURCE_CHANGED', `${file} ${what} while it was copied`, {
    hint: 'apply again when nothing writes there, or name it in .crossfadeignore',
    details: { file },
  });
}

function unreadable(file: string, cause: unknown): OperatingError {
  return new OperatingError('E_SOURCE_UNREADABLE', `${file} may not be read by the daemon`, {
    hint: 'give its user the right to read it, or name it in .crossfadeignore',
    details: { file, uid: process.getuid?.() },
    cause,
  });
}

function tooLarge(source: string, limitBytes: number, entries: readonly Entry[]): OperatingError {
  const sums = new Map<string, number>();
  for (const entry of entries) {
    if (entry.kind !== 'file') continue;
    const top = entry.path.split('/')[0] ?? entry.path;
    sums.set(top, (sums.get(top) ?? 0) + entry.bytes);
  }
  const largest = [...sums].sort((a, b) => b[1] - a[1]).slice(0, 3);
  const named = largest.map(([name, bytes]) => `${name} (${mebibytes(bytes)})`).join(', ');
  return new OperatingError(
    'E_SOURCE_TOO_LARGE',
    `the source folder ${source} has more than ${mebibytes(limitBytes)}`,
    {
      hint: `name what is not needed to run in .crossfadeignore; largest so far: ${named}`,
      details: { source, limitBytes },
    },
  );
}

function mebibytes(bytes: number): string {
  return bytes < 1024 ** 2 ? `${bytes} bytes` : `${Math.ceil(bytes / 1024 ** 2)} MiB`;
}
