import { spawn } from 'node:child_process';
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
  /** Runs one command line as a user would type it; its output goes to `print`. Returns its exit code. */
  type(args: string[], print: (line: string) => void): Promise<number>;
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
    type: (args, print) => runCrossfade(shell, args, print),
    async close({ keep }) {
      const pid = await client.version().then(
        (version) => version.pid,
        () => undefined,
      );
      await client.close();
      await stopDaemon(shell);
      // Its folder is removed next: nothing may be in the middle of writing there.
      if (pid !== undefined) await untilGone(pid);
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

function runCrossfade(shell: Shell, args: string[], print: (line: string) => void): Promise<number> {
  const [program = process.execPath, ...first] = shell.entry;
  // A process group of its own: Ctrl-C ends the demo, which then ends what it started, in order.
  const child = spawn(program, [...first, ...args], {
    cwd: shell.cwd,
    env: shell.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) forEachLine(stream, print);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? EXIT.failed));
  });
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

const GONE_WITHIN_MS = 40_000;
const GONE_POLL_MS = 50;

async function untilGone(pid: number): Promise<void> {
  const giveUpAt = performance.now() + GONE_WITHIN_MS;
  while (runs(pid) && performance.now() < giveUpAt) await sleep(GONE_POLL_MS);
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function stopDaemon(shell: Shell): Promise<void> {
  const said: string[] = [];
  const code = await runCrossfade(shell, ['daemon', 'stop', '--replicas'], (line) => said.push(line));
  // Nothing was running: the demo ended before its daemon had begun.
  if (code === EXIT.ok || code === EXIT.unreachable) return;
  throw new OperatingError('E_DEMO_CLEANUP', `the demo's daemon could not be stopped: ${said.join(' ')}`, {
    hint: `try again: crossfade --state-dir ${shell.env.CROSSFADE_STATE_DIR} daemon stop --replicas`,
  });
}
