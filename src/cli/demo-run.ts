import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AppRef, Client } from '../api/client.ts';
import { createClient } from '../api/client.ts';
import { OperatingError } from '../core/errors.ts';
import type { CliContext } from './context.ts';
import { type DemoStrategy, freePort, SHOP, shopFile, shopFolder } from './demo-shop.ts';
import { EXIT } from './exit.ts';
import { socketPathOf } from './globals.ts';

export const SHOP_REF: AppRef = { namespace: 'default', name: 'shop' };

/** A daemon of its own in a folder of its own, and a shell in it. */
export interface DemoHome {
  folder: string;
  /** The shop's App files are called this. */
  file(edition: string): string;
  /**
   * Runs one command line as a user would type it; its output goes to `print`. Returns its exit code. The signal is its
   * Ctrl-C.
   */
  type(args: string[], print: (line: string) => void, signal: AbortSignal): Promise<number>;
  client: Client;
  /** Ends the daemon and all that it runs, and removes the folder unless `keep`. */
  close(options: { keep: boolean }): Promise<void>;
}

export async function openDemoHome(ctx: CliContext, strategy: DemoStrategy): Promise<DemoHome> {
  const source = shopFolder();
  const port = await freePort();
  const folder = await mkdtemp(path.join(tmpdir(), 'crossfade-demo-'));
  const stateDir = path.join(folder, 'state');
  for (const edition of Object.values(SHOP)) {
    await writeFile(path.join(folder, fileOf(edition)), shopFile(edition, strategy, source, port));
  }
  const client = createClient({ socketPath: socketPathOf(stateDir) }, { actor: 'demo' });
  const env = { ...ctx.env, CROSSFADE_STATE_DIR: stateDir, NO_COLOR: '1' };
  const shell: Shell = { entry: ctx.entry, cwd: folder, env };
  return {
    folder,
    file: fileOf,
    client,
    type: (args, print, signal) => runCrossfade(shell, args, print, signal),
    async close({ keep }) {
      await stopAll(shell, client, stateDir);
      await client.close();
      if (!keep) await rm(folder, { recursive: true, force: true });
    },
  };
}

const fileOf = (edition: string) => `shop-${edition}.yaml`;

interface Shell {
  entry: readonly string[];
  cwd: string;
  env: Record<string, string | undefined>;
}

function runCrossfade(
  shell: Shell,
  args: string[],
  print: (line: string) => void,
  signal?: AbortSignal,
): Promise<number> {
  const [program = process.execPath, ...first] = shell.entry;
  // A process group of its own: Ctrl-C ends the demo, which then ends what it started, in order.
  const child = spawn(program, [...first, ...args], {
    cwd: shell.cwd,
    env: shell.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) forEachLine(stream, print);
  const interrupt = () => void child.kill('SIGINT');
  signal?.addEventListener('abort', interrupt, { once: true });
  return new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? EXIT.failed));
  }).finally(() => signal?.removeEventListener('abort', interrupt));
}

function forEachLine(stream: NodeJS.ReadableStream, print: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) print(line);
  });
  stream.on('end', () => rest !== '' && print(rest));
}

/** Ends the daemon and all that it runs, and returns when the last of it is gone. */
async function stopAll(shell: Shell, client: Client, stateDir: string): Promise<void> {
  if (!existsSync(stateDir)) return;
  const quiet = () => {};
  // Interrupted while its daemon was starting: it must be up before it can be told to stop.
  const { pid } = await client.version().catch(async () => {
    await runCrossfade(shell, ['status'], quiet);
    return client.version();
  });
  const said: string[] = [];
  const code = await runCrossfade(shell, ['daemon', 'stop', '--replicas'], (line) => said.push(line));
  if (code !== EXIT.ok) throw cleanupFailed(stateDir, said.join(' '));
  // Its folder is removed next: nothing may be in the middle of writing there.
  if (!(await isGone(pid))) throw cleanupFailed(stateDir, `its process ${pid} is still there`);
}

function cleanupFailed(stateDir: string, why: string): OperatingError {
  return new OperatingError('E_DEMO_CLEANUP', `the demo's daemon could not be stopped: ${why}`, {
    hint: `try again: crossfade --state-dir ${stateDir} daemon stop --replicas`,
  });
}

const GONE_WITHIN_MS = 40_000;
const GONE_POLL_MS = 50;

async function isGone(pid: number): Promise<boolean> {
  const giveUpAt = performance.now() + GONE_WITHIN_MS;
  while (runs(pid)) {
    if (performance.now() > giveUpAt) return false;
    await sleep(GONE_POLL_MS);
  }
  return true;
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
