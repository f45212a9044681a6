/** Writes tables down without letting a slow or full disk hold up the route. */
import type { AppKey, Ms } from '../../../core/model.ts';
import type { RouterFiles } from '../files.ts';
import type { Log } from '../log.ts';
import { eraseTable, type StoredTable, saveTable } from '../table-store.ts';

/** A disk that takes longer is not waited for. */
const PATIENCE_MS: Ms = 2_000;

/** Resolves when it is written, or when that failed or takes too long: the caller serves the table in any case. */
export async function persist(
  files: RouterFiles,
  log: Log,
  app: AppKey,
  stored: StoredTable | null,
): Promise<void> {
  const work = stored === null ? eraseTable(files, app) : saveTable(files, stored);
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
