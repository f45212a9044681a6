/** Images that run JavaScript: the Node of this checkout, the libraries that it needs, and files on top. */
import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Image } from './archive.ts';
import { type TarEntry, tarOf } from './tar.ts';

const run = promisify(execFile);
const APP_FOLDER = 'app';

let base: Promise<Buffer> | undefined;

export interface NodeImage extends Omit<Image, 'layers' | 'workingFolder'> {
  /** A folder of this machine with the files. */
  folder?: string;
  /** More files, by their path: these win. */
  files?: Record<string, string>;
}

/** The command is run in the folder with the files; `node` is in PATH. */
export async function nodeImage({ folder, files = {}, ...image }: NodeImage): Promise<Image> {
  const contents = new Map<string, Uint8Array>(folder === undefined ? [] : await readFolder(folder));
  for (const [name, content] of Object.entries(files)) contents.set(name, Buffer.from(content));
  const entries = [...contents].map(([name, content]) => ({ path: `${APP_FOLDER}/${name}`, content }));
  return { ...image, layers: [await nodeLayer(), tarOf(entries)], workingFolder: `/${APP_FOLDER}` };
}

async function readFolder(folder: string): Promise<[string, Uint8Array][]> {
  const names = globSync('**/*', { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
  return await Promise.all(
    names.map(async (name): Promise<[string, Uint8Array]> => [name, await readFile(path.join(folder, name))]),
  );
}

/** Node and the libraries that it needs; made once. */
export function nodeLayer(): Promise<Buffer> {
  base ??= makeNodeLayer();
  return base;
}

/** Where the loader looks for a library is where the machine has it: the same paths are kept. */
async function makeNodeLayer(): Promise<Buffer> {
  const { stdout } = await run('ldd', [process.execPath]);
  // libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x...)   and   /lib64/ld-linux-x86-64.so.2 (0x...)
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, file]) => file ?? '');
  if (libraries.length === 0) throw new Error(`ldd names no library of ${process.execPath}`);
  const entries: TarEntry[] = [
    {
      path: 'usr/local/bin/node',
      content: await readFile(await realpath(process.execPath)),
      executable: true,
    },
    { path: 'tmp/.keep', content: Buffer.alloc(0) },
  ];
  for (const file of libraries) {
    entries.push({ path: file.slice(1), content: await readFile(await realpath(file)), executable: true });
  }
  return tarOf(entries);
}
