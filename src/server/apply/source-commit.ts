import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TIMEOUT_MS = 3_000;

/** The commit that a source folder is at; undefined for a folder that is no git checkout, or on a machine without git. */
export async function commitOf(folder: string | undefined): Promise<string | undefined> {
  if (folder === undefined) return undefined;
  try {
    const { stdout } = await run('git', ['-C', folder, 'rev-parse', '--verify', 'HEAD'], {
      timeout: TIMEOUT_MS,
    });
    const commit = stdout.trim();
    return /^[0-9a-f]{40,64}$/.test(commit) ? commit : undefined;
  } catch {
    return undefined;
  }
}
