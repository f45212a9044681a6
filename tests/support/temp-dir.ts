import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';

/** The part of a test's context that cleaning up needs. */
export type Cleanup = Pick<TestContext, 'after'>;

/**
 * A new folder, removed when the test ends. Its path is short: a Unix socket below it has 107 characters in all.
 */
export async function tempDir(t: Cleanup, prefix = 't-'): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), prefix));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}
