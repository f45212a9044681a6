/** The last table of each App on disk, so that a router that is started again serves at once what it served before. */
import fs from 'node:fs/promises';
import path from 'node:path';
import type { AppKey, RouteTable } from '../../core/model.ts';
import { checkTable } from './data/table-check.ts';
import { type RouterFiles, tableFile } from './files.ts';

const FORMAT = 1;

export interface StoredTable {
  format: typeof FORMAT;
  /** Of the boot in which the table was given: after another boot its addresses may be anybody's. */
  bootId: string;
  stateVersion: number;
  table: RouteTable;
}

export function storedTable(bootId: string, stateVersion: number, table: RouteTable): StoredTable {
  return { format: FORMAT, bootId, stateVersion, table };
}

/** Whole or not at all, whenever the machine stops. `isOutdated`: asked last, when something newer may be there by then. */
export async function saveTable(
  files: RouterFiles,
  stored: StoredTable,
  isOutdated: () => boolean = () => false,
): Promise<void> {
  const file = tableFile(files, stored.table.app);
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await fs.mkdir(files.tables, { recursive: true, mode: 0o700 });
    await writeSynced(temporary, JSON.stringify(stored));
    if (isOutdated()) await fs.rm(temporary);
    else await fs.rename(temporary, file);
    await syncFolder(files.tables);
  } catch (error) {
    // An old table would be worse than none after the next start: it may name replicas that were stopped since.
    await fs.rm(file, { force: true }).catch(() => {});
    await fs.rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

export async function eraseTable(files: RouterFiles, app: AppKey): Promise<void> {
  try {
    await fs.rm(tableFile(files, app), { force: true });
    // Without it a machine that stops now may come back with the table of an App that is gone.
    await syncFolder(files.tables);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
  }
}

export async function eraseTables(files: RouterFiles): Promise<void> {
  await fs.rm(files.tables, { recursive: true, force: true });
}

/** What can be read; `onBad` hears of files that cannot. */
export async function loadTables(
  files: RouterFiles,
  onBad: (file: string, error: unknown) => void,
): Promise<StoredTable[]> {
  const stored: StoredTable[] = [];
  const names = await fs.readdir(files.tables).catch(() => [] as string[]);
  for (const name of names.sort()) {
    if (!name.endsWith('.json')) continue;
    try {
      stored.push(parseStored(await fs.readFile(path.join(files.tables, name), 'utf8')));
    } catch (error) {
      onBad(name, error);
    }
  }
  return stored;
}

function parseStored(text: string): StoredTable {
  const stored = JSON.parse(text) as StoredTable;
  if (stored.format !== FORMAT) throw new Error(`format ${stored.format} instead of ${FORMAT}`);
  if (typeof stored.bootId !== 'string' || !Number.isInteger(stored.stateVersion))
    throw new Error('not a stored table');
  checkTable(stored.table);
  return stored;
}

async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await fs.open(file, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
