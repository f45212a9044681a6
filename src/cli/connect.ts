import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../api/client.ts';
import { OperatingError } from '../core/errors.ts';
import type { CliContext } from './context.ts';

interface StartOptions {
  ctx: CliContext;
  stateDir: string;
  client: Client;
  say: (line: string) => void;
}

const START_TIMEOUT_MS = 30_000;
const POLL_MS = 50;
/** A daemon that lost the race for the state dir exits at once, while the winner is still on its way up. */
const WINNER_GRACE_MS = 10_000;

/** Returns once the daemon of the state dir answers, having started one if there was none. */
export async function connectOrStart(options: StartOptions): Promise<void> {
  if (await answers(options.client)) return;
  if (options.ctx.startDaemon !== undefined) {
    await options.ctx.startDaemon(options.stateDir);
    return;
  }
  await startDaemon(options);
}

/** The client, or undefined when no daemon runs. Any other trouble is thrown. */
export async function whenRunning(client: Client): Promise<Client | undefined> {
  return (await answers(client)) ? client : undefined;
}

async function answers(client: Client): Promise<boolean> {
  try {
    await client.version();
    return true;
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    if (error.code === 'E_DAEMON_UNREACHABLE' || error.code === 'E_DAEMON_GONE') return false;
    throw error;
  }
}

async function startDaemon({ ctx, stateDir, client, say }: StartOptions): Promise<void> {
  const logPath = path.join(stateDir, 'daemon.log');
  let started = spawnDaemon(ctx, stateDir, logPath);
  let giveUpAt = performance.now() + START_TIMEOUT_MS;
  let sawEnd = false;
  while (!(await answers(client))) {
    const { ended, logStart } = started;
    if (ended() !== undefined && !sawEnd) {
      sawEnd = true;
      const log = readFrom(logPath, logStart);
      // Somebody stopped the daemon while this one came up. This command needs one all the same.
      if (/was stopped while this one/.test(log)) started = spawnDaemon(ctx, stateDir, logPath);
      else giveUpAt = Math.min(giveUpAt, performance.now() + (lostTheRace(log) ? WINNER_GRACE_MS : 500));
    }
    if (performance.now() > giveUpAt) {
      throw startFailed(ended() ?? `does not answer after ${START_TIMEOUT_MS / 1000} s`, logPath, logStart);
    }
    await sleep(POLL_MS);
  }
  // Another command may have been faster: then it is its daemon that answers.
  if ((await client.version()).pid === started.pid)
    say(`started the daemon (pid ${started.pid}, log in ${logPath})`);
}

interface Started {
  pid: number | undefined;
  /** How it ended, in words; undefined while it runs. */
  ended(): string | undefined;
  /** Where in the log its own lines begin. */
  logStart: number;
}

function spawnDaemon(ctx: CliContext, stateDir: string, logPath: string): Started {
  const { logFd, logStart } = openLog(stateDir, logPath);
  const [program, ...first] = ctx.entry;
  if (program === undefined) throw new Error('the context names no program to start');
  // A session of its own: closing the terminal or Ctrl-C must not reach the daemon.
  const child = spawn(program, [...first, 'daemon', '--state-dir', stateDir], {
    detached: true,
    stdio: ['ignore', logFd, logFd],
    cwd: stateDir,
    env: ctx.env,
  });
  closeSync(logFd);
  let ended: string | undefined;
  child.once('error', (error) => {
    ended = `could not be started: ${error.message}`;
  });
  child.once('exit', (code, signal) => {
    ended = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
  });
  child.unref();
  return { pid: child.pid, ended: () => ended, logStart };
}

function openLog(stateDir: string, logPath: string): { logFd: number; logStart: number } {
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    const logFd = openSync(logPath, 'a', 0o600);
    return { logFd, logStart: statSync(logPath).size };
  } catch (cause) {
    throw new OperatingError(
      'E_STATE_DIR',
      `the state dir ${stateDir} cannot be written: ${(cause as Error).message}`,
      {
        hint: 'choose another with --state-dir, or run `crossfade doctor`',
        cause,
      },
    );
  }
}

function lostTheRace(log: string): boolean {
  return /E_DAEMON_RUNNING|already|another daemon/i.test(log);
}

function readFrom(logPath: string, start: number): string {
  try {
    return readFileSync(logPath).subarray(start).toString();
  } catch {
    return '';
  }
}

function startFailed(what: string, logPath: string, logStart: number): OperatingError {
  const tail = readFrom(logPath, logStart).trimEnd().split('\n').slice(-15).join('\n');
  return new OperatingError(
    'E_DAEMON_START',
    `the daemon ${what}${tail === '' ? '' : `; its log ends with:\n${tail}`}`,
    {
      hint: `the whole log is ${logPath}; to see it start: crossfade daemon`,
      details: { log: logPath },
    },
  );
}
