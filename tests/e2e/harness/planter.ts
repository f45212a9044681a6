/** Somebody else who writes the router's tables, behind the daemon's back. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { RouteTable } from '../../../src/core/model.ts';
import { ControlConnection } from '../../../src/routers/embedded/adapter/connection.ts';
import { routerFiles, tableFile } from '../../../src/routers/embedded/files.ts';
import type { StoredTable } from '../../../src/routers/embedded/table-store.ts';

const REQUEST_MS = 20_000;

/** Replaces the table that the router serves for `default/<name>`; returns the one that it served before. */
export async function plantTable(
  stateDir: string,
  name: string,
  change: (table: RouteTable) => RouteTable,
): Promise<RouteTable> {
  const app = `default/${name}`;
  const files = routerFiles(stateDir);
  const { connection } = await ControlConnection.open(files.controlSocket, () => {});
  try {
    const { view } = await connection.request('observe', { app }, REQUEST_MS);
    if (view.serving === undefined) throw new Error(`the router has no table of ${app}`);
    const stored = JSON.parse(await readFile(path.resolve(tableFile(files, app)), 'utf8')) as StoredTable;
    const table = change(structuredClone(view.serving));
    await connection.request('apply', { stateVersion: stored.stateVersion, table }, REQUEST_MS);
    return view.serving;
  } finally {
    connection.end();
  }
}
