import assert from 'node:assert/strict';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { cli, cliOk } from './cli.ts';
import { reservedPortsInUse } from './free-port.ts';
import { filesUnder, killProcessesUnder, processesThatStay } from './processes.ts';
import { type Cleanup, tempDir } from './temp-dir.ts';
import { waitFor } from './wait-for.ts';

export interface StateDirOptions {
  /** How long what was told to stop may take to be gone. Default: more than the grace period of any test's App. */
  goneWithinMs?: number;
  /** Those that have to be closed afterwards, where others run beside it. Default: all that freePort() has given. */
  ports?: readonly number[];
}

/**
 * Runs `body` with a state directory of its own. Afterwards stops the daemon and everything that it runs, as a user
 * would, and fails when a process, a listening port or a socket is left. What it leaves outside of its folder is found
 * by the test runner: every test file has a temporary directory of its own, which must be empty at the end.
 */
export async function withStateDir(
  t: Cleanup,
  body: (stateDir: string, folder: string) => Promise<void>,
  { goneWithinMs = 40_000, ports }: StateDirOptions = {},
): Promise<void> {
  const folder = await tempDir(t, 's-');
  const stateDir = path.join(folder, 'state');
  await mkdir(stateDir, { mode: 0o700 });
  let failure: unknown;
  try {
    await body(stateDir, folder);
  } catch (error) {
    failure = error ?? new Error('the test threw nothing');
  }
  try {
    await stopAll(stateDir);
    await assertNothingLeft(folder, goneWithinMs, ports);
  } catch (error) {
    // What was left is most often the consequence of the first failure: that one is told.
    failure ??= error;
  } finally {
    await killProcessesUnder(folder);
  }
  if (failure !== undefined) throw failure;
}

/** A test may have killed the daemon: only a daemon stops what it runs, so a new one is started for it. */
async function stopAll(stateDir: string): Promise<void> {
  if ((await filesUnder(stateDir)).length === 0) return;
  const stop = ['daemon', 'stop', '--replicas'];
  const first = await cli(stop, { stateDir });
  if (first.code === 0) return;
  await cliOk(['get', 'apps'], { stateDir });
  await cliOk(stop, { stateDir });
}

async function assertNothingLeft(
  folder: string,
  goneWithinMs: number,
  ports?: readonly number[],
): Promise<void> {
  const processes = await processesThatStay(folder, goneWithinMs);
  assert.deepEqual(processes, [], 'processes are left after daemon stop --replicas');
  await waitFor(async () => (await reservedPortsInUse(ports)).length === 0, {
    timeoutMs: 2_000,
    what: 'ports to close',
  });
  assert.deepEqual(await socketsUnder(folder), [], 'sockets that nobody listens on are left');
}

async function socketsUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isSocket()).map((entry) => path.join(entry.parentPath, entry.name));
}
