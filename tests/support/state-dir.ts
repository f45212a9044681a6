import assert from 'node:assert/strict';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { cli } from './cli.ts';
import { reservedPortsInUse } from './free-port.ts';
import { filesUnder, killProcessesUnder, processesThatStay } from './processes.ts';
import { type Cleanup, tempDir } from './temp-dir.ts';
import { waitFor } from './wait-for.ts';

/** How long what was told to stop may take to be gone: the longest grace period that a test's App has, and more. */
const GONE_WITHIN_MS = 40_000;

/**
 * Runs `body` with a state directory of its own. Afterwards stops the daemon and everything that it runs, as a user
 * would, and fails when a process, a listening port or a socket is left. What it leaves outside of its folder is found
 * by the test runner: every test file has a temporary directory of its own, which must be empty at the end.
 */
export async function withStateDir(
  t: Cleanup,
  body: (stateDir: string, folder: string) => Promise<void>,
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
    await assertNothingLeft(folder);
  } catch (error) {
    // What was left is most often the consequence of the first failure: that one is told.
    failure ??= error;
  } finally {
    await killProcessesUnder(folder);
  }
  if (failure !== undefined) throw failure;
}

/** `daemon stop --replicas`; nothing to stop is fine, everything else that fails is not. */
async function stopAll(stateDir: string): Promise<void> {
  if ((await filesUnder(stateDir)).length === 0) return;
  const { code, stdout, stderr } = await cli(['daemon', 'stop', '--replicas'], { stateDir });
  assert.equal(code, 0, `daemon stop --replicas failed:\n${stdout}${stderr}`);
}

async function assertNothingLeft(folder: string): Promise<void> {
  const processes = await processesThatStay(folder, GONE_WITHIN_MS);
  assert.deepEqual(processes, [], 'processes are left after daemon stop --replicas');
  await waitFor(async () => (await reservedPortsInUse()).length === 0, {
    timeoutMs: 2_000,
    what: 'ports to close',
  });
  assert.deepEqual(await socketsUnder(folder), [], 'sockets that nobody listens on are left');
}

async function socketsUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isSocket()).map((entry) => path.join(entry.parentPath, entry.name));
}
