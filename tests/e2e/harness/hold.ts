/** What decides which replicas of the service are ready. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type AppDocument, withEnv } from './app-files.ts';

/** Which replicas of one version may be ready: all, until it is closed. */
export interface Hold {
  folder: string;
  /** From now on none is ready but these. */
  close(allowed?: readonly string[]): Promise<void>;
  allow(replica: string): Promise<void>;
  lift(): Promise<void>;
}

export function createHold(folder: string): Hold {
  const allow = (replica: string, where = folder) => writeFile(path.join(where, replica), '');
  return {
    folder,
    async close(allowed = []) {
      await mkdir(`${folder}.new`);
      for (const replica of allowed) await allow(replica, `${folder}.new`);
      // At once: those that are allowed must not miss a beat.
      await rename(`${folder}.new`, folder);
    },
    allow: (replica) => allow(replica),
    lift: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The same App in this version, its replicas ready as the hold says. */
export const versionOf = (app: AppDocument, version: string, hold?: Hold): AppDocument =>
  withEnv(app, { VERSION: version, ...(hold ? { HOLD: hold.folder } : {}) });
