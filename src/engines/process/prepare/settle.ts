import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { eachLimited } from '../durable.ts';

const FILES_SYNCED_ONE_BY_ONE = 64;
const FILES_AT_ONCE = 16;

/** Makes a finished folder read-only and durable. Read-only keeps accidents away; root is not stopped by it. */
export async function settle(folder: string): Promise<void> {
  const { files, folders } = await makeReadOnly(folder);
  if (files.length > FILES_SYNCED_ONE_BY_ONE && (await syncFileSystem(folder))) return;
  await eachLimited([...files, ...folders], FILES_AT_ONCE, syncOne);
}

/** Deepest folders last, so that every one can still be entered. */
export async function makeReadOnly(folder: string): Promise<{ files: string[]; folders: string[] }> {
  const files: string[] = [];
  const folders = [folder];
  for (let at = 0; at < folders.length; at++) {
    const current = folders[at] as string;
    for (const entry of await fs.readdir(current, { withFileTypes: true })) {
      const full = path.join(current, entry.name);
      if (entry.isDirectory()) folders.push(full);
      else if (entry.isFile()) files.push(full);
    }
  }
  await eachLimited(files, FILES_AT_ONCE, async (file) => {
    const { mode } = await fs.lstat(file);
    await fs.chmod(file, (mode & 0o111) === 0 ? 0o444 : 0o555);
  });
  for (const one of folders.toReversed()) await fs.chmod(one, 0o555);
  return { files, folders };
}

async function syncOne(file: string): Promise<void> {
  const handle = await fs.open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** One call for tens of thousands of files; Node has no syncfs(2), coreutils has. */
async function syncFileSystem(folder: string): Promise<boolean> {
  return promisify(execFile)('sync', ['-f', folder]).then(
    () => true,
    () => false,
  );
}
