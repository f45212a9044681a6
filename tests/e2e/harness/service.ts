/** App files for the service of these tests, and what decides which of its replicas are ready. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type AppDocument, type ServiceOptions, serviceApp, withEnv } from '../support/service.ts';

const SOURCE = path.join(import.meta.dirname, 'service');

/** Version 1, ready as soon as it runs. */
export function stableApp(options: ServiceOptions): AppDocument {
  return serviceApp({ ...options, spec: { source: SOURCE, ...options.spec } });
}

export interface Hold {
  folder: string;
  /** Lets this replica become ready. */
  allow(replica: string): Promise<void>;
  /** Lets all of them. */
  lift(): Promise<void>;
}

/** A folder that holds back every replica which is started with it. */
export async function createHold(parent: string, name: string): Promise<Hold> {
  const folder = path.join(parent, `hold-${name}`);
  await mkdir(folder);
  return {
    folder,
    allow: (replica) => writeFile(path.join(folder, replica), ''),
    lift: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The next version of the App; with a hold, none of its replicas is ready before it is allowed to. */
export const nextVersion = (app: AppDocument, version: string, hold?: Hold): AppDocument =>
  withEnv(app, { VERSION: version, ...(hold ? { HOLD: hold.folder } : {}) });
