/** Writes tables down, one change after the other, without letting a slow or full disk hold up the route. */
import { OperatingError } from '../../../core/errors.ts';
import type { AppKey, Ms } from '../../../core/model.ts';
import type { RouterFiles } from '../files.ts';
import type { Change } from '../ipc.ts';
import type { Log } from '../log.ts';
import { eraseTable, saveTable } from '../table-store.ts';

/** A disk that takes longer is not waited for. */
const PATIENCE_MS: Ms = 2_000;

export class TableWriter {
  private last: Promise<unknown> = Promise.resolve();
  /** The newest change of each App: an older one that still waits for the disk is not written any more. */
  private readonly newest = new Map<AppKey, Change>();
  private stopped = false;
  private readonly files: RouterFiles;
  private readonly log: Log;

  constructor(files: RouterFiles, log: Log) {
    this.files = files;
    this.log = log;
  }

  /**
   * A table: resolves when it is written, or when that failed or takes too long, for it is served in any case.
   * A removal: only what is erased cannot come back when the router starts again.
   * @throws OperatingError E_ROUTER_STATE
   */
  async write(change: Change): Promise<void> {
    if (change.kind === 'drain') return;
    const app = appOf(change);
    this.newest.set(app, change);
    const done = this.last.then(() => this.perform(app, change));
    this.last = done.catch(() => {});
    const failure = await Promise.race([done.then(noError, asError), tooLate()]);
    if (failure === null) return;
    this.log.error('a table could not be written down', { app, error: failure });
    if (change.kind === 'remove') throw notErased(app, failure);
  }

  /** Another worker writes from now on. */
  async stop(): Promise<void> {
    await Promise.race([this.last, tooLate()]);
    this.stopped = true;
  }

  private async perform(app: AppKey, change: Change): Promise<void> {
    const isOutdated = (): boolean => this.stopped || this.newest.get(app) !== change;
    if (isOutdated()) return;
    if (change.kind === 'table') await saveTable(this.files, change.stored, isOutdated);
    else await eraseTable(this.files, app);
    if (this.newest.get(app) === change) this.newest.delete(app);
  }
}

function appOf(change: Exclude<Change, { kind: 'drain' }>): AppKey {
  return change.kind === 'table' ? change.stored.table.app : change.app;
}

const noError = (): null => null;
const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

async function tooLate(): Promise<Error> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, PATIENCE_MS).unref();
  await promise;
  return new Error(`the disk takes more than ${PATIENCE_MS} ms`);
}

function notErased(app: AppKey, cause: Error): OperatingError {
  return new OperatingError(
    'E_ROUTER_STATE',
    `${app} is out of the route, but its table could not be erased: ${cause.message}`,
    { hint: 'it is tried again by itself; see to the disk of the state dir', cause },
  );
}
