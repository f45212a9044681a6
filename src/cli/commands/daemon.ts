import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { OperatingError } from '../../core/errors.ts';
import { collect } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { EXIT, Exit, usageError } from '../exit.ts';
import { ageText } from '../output/units.ts';
import { type Session, withSession } from '../session.ts';

interface RunFlags {
  listen?: { host: string; port: number };
  allowHost?: string[];
}

export function registerDaemon(program: Command, ctx: CliContext): void {
  const daemon = program
    .command('daemon')
    .summary('the process behind everything: run, stop, status')
    .description(
      'Runs the daemon in the foreground; other commands start one by themselves when none runs. Stopping it does not stop what it runs: replicas and router go on serving.',
    );
  daemon
    .command('run', { isDefault: true })
    .description('Runs the daemon in the foreground until it is stopped.')
    .option('--listen <host:port>', 'also serve the API on TCP; every request needs a token', hostAndPort)
    .option(
      '--allow-host <name>',
      'with --listen: a further name under which it may be asked for; may be repeated',
      collect,
    )
    .action(
      withSession(ctx, async (session, { listen, allowHost }: RunFlags) => {
        if (allowHost !== undefined && listen === undefined)
          throw usageError('--allow-host was given without --listen');
        await ctx.runDaemon({
          stateDir: session.stateDir,
          ...(listen === undefined ? {} : { listen }),
          ...(allowHost === undefined ? {} : { allowedHosts: allowHost }),
        });
      }),
    );
  daemon
    .command('stop')
    .description('Stops the daemon. Replicas and router go on serving, unless --replicas.')
    .option('--replicas', 'stop everything it runs as well, and the router')
    .action(
      withSession(ctx, async (session, flags: { replicas?: boolean }) =>
        stop(session, flags.replicas === true),
      ),
    );
  daemon
    .command('status')
    .description('Says whether the daemon runs. Exit code 0: it runs, 8: it does not.')
    .action(withSession(ctx, async (session) => status(session)));
}

/** Exported for its tests: `8080`, `127.0.0.1:8080`, `[::1]:8080`. */
export function hostAndPort(text: string): { host: string; port: number } {
  const match = /^(?:(?:\[([^\]]+)\]|([^:]+)):)?(\d+)$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) {
    throw new InvalidArgumentError('HOST:PORT or PORT is expected, like 127.0.0.1:7070.');
  }
  return { host: match[1] ?? match[2] ?? '127.0.0.1', port };
}

const POLL_MS = 50;
/** What it runs has stopped by then, or is told; only files are left to be closed. */
const STOP_TIMEOUT_MS = 60_000;

async function stop(session: Session, replicas: boolean): Promise<void> {
  let client = await session.runningClient();
  if (client === undefined) {
    session.out.note(`no daemon runs with the state dir ${session.stateDir}`);
    // What a killed daemon ran goes on running, and only a daemon knows how to stop it without loss.
    if (!replicas || !existsSync(session.stateDir)) return;
    client = await session.client();
  }
  const { pid } = await client.version();
  const { left = [] } = await client.stopDaemon({ replicas });
  if (session.flags.server === undefined) await untilGone(session, pid);
  if (left.length > 0) {
    throw new OperatingError(
      'E_NOT_STOPPED',
      `the daemon is stopped, but there still runs ${left.join('; ')}`,
      {
        hint: `\`crossfade daemon stop --replicas\` tries again; the log is ${session.stateDir}/daemon.log`,
        details: { left },
      },
    );
  }
  session.out.print(
    replicas ? 'daemon, replicas and router stopped' : 'daemon stopped; what it runs goes on running',
  );
}

/** It answers no more long before what it runs has stopped and its files are closed. */
async function untilGone(session: Session, pid: number): Promise<void> {
  const giveUpAt = performance.now() + STOP_TIMEOUT_MS;
  while ((await session.runningClient()) !== undefined || isAlive(pid)) {
    if (performance.now() > giveUpAt) {
      throw new OperatingError('E_TIMEOUT', `the daemon still runs after ${STOP_TIMEOUT_MS / 1000} s`, {
        hint: `see its log: ${session.stateDir}/daemon.log`,
      });
    }
    await sleep(POLL_MS);
  }
}

/** A zombie, which only its parent can clear away, is not alive. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

async function status(session: Session): Promise<void> {
  const client = await session.runningClient();
  const { out } = session;
  if (client === undefined) {
    if (out.structured) out.object({ running: false, stateDir: session.stateDir });
    else out.print(`no daemon runs with the state dir ${session.stateDir}`);
    throw new Exit(EXIT.unreachable);
  }
  const [version, health] = await Promise.all([client.version(), client.health()]);
  if (out.structured) {
    out.object({ running: true, ...version, health });
    return;
  }
  const up = ageText(version.startedAt, Date.now());
  out.print(`daemon ${version.version} runs: pid ${version.pid}, up ${up}, state dir ${version.stateDir}`);
  out.lines((health.problems ?? []).map((problem) => `problem: ${problem}`));
}
