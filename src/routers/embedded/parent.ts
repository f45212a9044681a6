/**
 * Entry file of the router's parent: the process that holds every listening socket and never polls one. See index.ts for how
 * the processes work together. Started in its own session, by the adapter (with --state-dir) or by a worker whose parent died.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RouterFiles, routerFiles } from './files.ts';
import { ANOTHER_PARENT, type WorkerConfig } from './ipc.ts';
import { takeLock } from './lock.ts';
import { createLog } from './log.ts';
import { bindUnix } from './parent/sockets.ts';
import { Supervisor } from './parent/supervisor.ts';
import { loadTables } from './table-store.ts';

const LOCK_WAIT_MS = 50;
const DYING_MS = 2_000;

const log = createLog('parent');

function configFromEnvironment(): WorkerConfig {
  const stateDir = process.env.CROSSFADE_ROUTER_STATE_DIR;
  const bootId = process.env.CROSSFADE_BOOT_ID;
  if (stateDir === undefined || bootId === undefined) {
    throw new Error(
      'started without CROSSFADE_ROUTER_STATE_DIR and CROSSFADE_BOOT_ID; the daemon starts this process',
    );
  }
  return { stateDir, bootId, probeToken: randomBytes(24).toString('base64url') };
}

async function main(): Promise<void> {
  process.umask(0o077);
  const config = configFromEnvironment();
  const files = routerFiles(config.stateDir);
  // Pids of the worker that has started this process, and of the parent that died. Not `ppid`: the worker may be dead by now.
  const { CROSSFADE_ROUTER_ADOPT: worker, CROSSFADE_ROUTER_BEFORE: before } = process.env;
  fs.mkdirSync(files.folder, { recursive: true, mode: 0o700 });
  await ownLock(files.lock, Number(before));
  const supervisor = new Supervisor(files, log);
  process.on('SIGTERM', () => supervisor.stop(false));
  process.on('SIGINT', () => supervisor.stop(false));
  process.on('SIGHUP', () => {});
  if (worker !== undefined)
    supervisor.adopt(Number(worker), () => endOnError(startAnew(supervisor, files, config)));
  else await startAnew(supervisor, files, config);
}

/** With the tables that are on disk. */
async function startAnew(supervisor: Supervisor, files: RouterFiles, config: WorkerConfig): Promise<void> {
  const tables = await loadTables(files, (file, error) =>
    log.error('a stored table is left out', { file, error }),
  );
  // Nobody alive has the lock, so nobody alive owns the socket, unless a worker is between two parents: then the bind
  // must fail, and the adapter finds that worker.
  if (!(await answers(files.controlSocket))) fs.rmSync(files.controlSocket, { force: true });
  const control = bindUnix(files.controlSocket);
  fs.chmodSync(files.controlSocket, 0o600);
  supervisor.start(config, control, tables);
}

/**
 * Ends this process when another parent runs. Waits for the parent `before` this one to be gone: a process that was killed may
 * take a moment.
 */
async function ownLock(file: string, before: number): Promise<void> {
  const until = performance.now() + DYING_MS;
  for (;;) {
    const owner = takeLock(file);
    if (owner === 'taken') return;
    const isBefore = owner.pid === before;
    if (!isBefore || performance.now() >= until) {
      log.warn('another parent runs for this state folder; this one ends', { owner: owner.pid });
      process.exit(isBefore ? 1 : ANOTHER_PARENT);
    }
    await sleep(LOCK_WAIT_MS);
  }
}

async function answers(path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = net.connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function endOnError(work: Promise<void>): void {
  work.catch((error: unknown) => {
    log.error('the parent ends', { error: error instanceof Error ? error : new Error(String(error)) });
    process.exit(1);
  });
}

endOnError(main());
