import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../system-packages.ts';
import { HIDDEN_FOLDERS } from './layout.ts';
import { ClusterUnavailable } from './unavailable.ts';

const run = promisify(execFile);
/** Linux gives a Unix socket no longer path, and a state directory has one. */
const MAX_STATE_DIR = 90;

/** @throws ClusterUnavailable with the reason, where this machine cannot have a cluster of its own */
export async function requireMachine(stateDir: string): Promise<void> {
  if (process.platform !== 'linux')
    throw new ClusterUnavailable(`a cluster needs Linux, this is ${process.platform}`);
  if (process.getuid?.() !== 0)
    throw new ClusterUnavailable('a cluster needs root, for namespaces and mounts');
  try {
    await run('unshare', ['--net', '--mount', '--pid', '--uts', '--fork', 'true']);
    await run('nsenter', ['--version']);
    await run('setpriv', ['--version']);
  } catch (error) {
    throw new ClusterUnavailable(`a cluster needs namespaces of its own: ${(error as Error).message.trim()}`);
  }
  if (stateDir.length > MAX_STATE_DIR) {
    throw new Error(`the state directory of a cluster may have ${MAX_STATE_DIR} characters: ${stateDir}`);
  }
  const checkout = path.dirname(path.dirname(import.meta.dirname));
  for (const folder of [checkout, cacheFolder(), path.dirname(stateDir), os.tmpdir()]) {
    const real = await realpath(folder).catch(() => folder);
    const hidden = HIDDEN_FOLDERS.find((above) => `${real}/`.startsWith(`${above}/`));
    if (hidden !== undefined) {
      throw new ClusterUnavailable(`a cluster hides ${hidden}, and ${real} is below it: use another folder`);
    }
  }
}
