/** Where the router keeps what, under `<stateDir>/router`. */
import path from 'node:path';
import type { AppKey } from '../../core/model.ts';

export interface RouterFiles {
  folder: string;
  controlSocket: string;
  /** Identity of the parent that runs; see lock.ts. */
  lock: string;
  log: string;
  tables: string;
}

export function routerFiles(stateDir: string): RouterFiles {
  const folder = path.join(path.resolve(stateDir), 'router');
  return {
    folder,
    controlSocket: path.join(folder, 'control.sock'),
    lock: path.join(folder, 'parent.lock'),
    log: path.join(folder, 'router.log'),
    tables: path.join(folder, 'tables'),
  };
}

/** `namespace/name` as one file name. */
export function tableFile(files: RouterFiles, app: AppKey): string {
  return path.join(files.tables, `${encodeURIComponent(app)}.json`);
}

/** A file of this folder by its name without extension: `.ts` in a checkout, `.js` in the published package. */
export function siblingEntry(name: 'parent' | 'worker'): string {
  return path.join(import.meta.dirname, name + path.extname(import.meta.filename));
}
