/** Writes tables down without letting a slow or full disk hold up the route. */
import type { Ms } from '../../../core/model.ts';
import type { RouterFiles } from '../files.ts';
import type { Change } from '../ipc.ts';
import type { Log } from '../log.ts';
import { eraseTable, saveTable } from '../table-store.ts';

/** A disk that takes longer is not waited for. */
const PATIENCE_MS: Ms = 2_000;

/** Resolves when it is written, or when that failed or takes too long: the caller serves the table in any case. */
export async function persist(files: RouterFiles, log: Log, change: Change): Promise<void> {
  if (change.kind === 'drain') return;
  const app = change.kind === 'table' ? change.stored.table.app : change.app;
  const work = change.kind === 'table' ? saveTable(files, change.stored) : eraseTable(files, app);
  const settled = work.catch((error: unknown) =>
    log.error('a table could not be written down', { app, error }),
  );
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS);
  });
  await Promise.race([settled, patience]);
  clearTimeout(timer);
}
