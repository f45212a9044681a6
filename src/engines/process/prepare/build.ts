import { type ChildProcess, spawn } from 'node:child_process';
import { homedir } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { OperatingError } from '../../../core/errors.ts';
import type { AppSpec } from '../../../spec/app.ts';
import { OWNER_VARIABLE } from '../replica/members.ts';

/** What a build needs from the daemon's environment to reach package registries; all else is left behind. */
const PASSED_ON = [
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'LANG',
  'TMPDIR',
];
const LINES_IN_ERROR = 10;

export interface BuildOptions {
  folder: string;
  path: string;
  /** Marks its processes, so that those of a daemon that died are found and ended. */
  owner: string;
  progress: (line: string) => void;
  signal?: AbortSignal | undefined;
}

/** Runs once, in the copy. @throws OperatingError E_BUILD_FAILED, E_BUILD_TIMEOUT, E_BUILD_CANCELLED, E_BUILD_COMMAND */
export async function runBuild(
  build: NonNullable<AppSpec['spec']['build']>,
  options: BuildOptions,
): Promise<void> {
  const [program = '', ...args] = build.command;
  const last: string[] = [];
  const heard = (line: string) => {
    options.progress(line);
    last.push(line);
    if (last.length > LINES_IN_ERROR) last.shift();
  };
  const child = spawn(program, args, {
    cwd: options.folder,
    env: buildEnvironment(options),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const timeout = AbortSignal.timeout(build.timeoutMs);
  const ended = AbortSignal.any([timeout, ...(options.signal ? [options.signal] : [])]);
  const kill = () => killGroup(child);
  ended.addEventListener('abort', kill);
  try {
    if (ended.aborted) kill();
    const [status] = await Promise.all([
      exitOf(child),
      linesOf(child.stdout, heard),
      linesOf(child.stderr, heard),
    ]);
    if (ended.aborted || status !== 0)
      throw buildProblem(build, { status, timedOut: timeout.aborted, cancelled: ended.aborted, last });
  } finally {
    ended.removeEventListener('abort', kill);
    // What the build left running would go on writing into a snapshot that is sealed.
    kill();
  }
}

function buildEnvironment(options: BuildOptions): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    PATH: options.path,
    HOME: homedir(),
    CI: 'true',
    [OWNER_VARIABLE]: options.owner,
  };
  for (const name of PASSED_ON) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}

function exitOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => {
      // Grandchildren may hold the pipes open for ever; the build is what was started.
      killGroup(child);
      resolve(code ?? signal ?? 'unknown');
    });
  });
}

async function linesOf(stream: Readable, heard: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }))
    heard(line);
}

interface Ended {
  status: number | string;
  timedOut: boolean;
  cancelled: boolean;
  last: readonly string[];
}

function buildProblem(build: NonNullable<AppSpec['spec']['build']>, ended: Ended): OperatingError {
  const what = `the build (${build.command.join(' ')})`;
  const said =
    ended.last.length > 0 ? `; its last lines:\n${ended.last.map((line) => `  ${line}`).join('\n')}` : '';
  const details = { command: build.command, status: ended.status, lastLines: ended.last };
  if (ended.timedOut) {
    return new OperatingError(
      'E_BUILD_TIMEOUT',
      `${what} took longer than ${build.timeoutMs / 1000} s${said}`,
      {
        hint: 'raise spec.build.timeout if it needs more time',
        details,
      },
    );
  }
  if (ended.cancelled) return new OperatingError('E_BUILD_CANCELLED', `${what} was cancelled`, { details });
  if (/ENOENT|EACCES/.test(String(ended.status))) {
    return new OperatingError('E_BUILD_COMMAND', `${what} could not be started: ${ended.status}`, {
      hint: `install ${build.command[0]}, or write its full path`,
      details,
    });
  }
  const how = typeof ended.status === 'number' ? `exit code ${ended.status}` : ended.status;
  return new OperatingError('E_BUILD_FAILED', `${what} failed with ${how}${said}`, {
    hint: 'nothing was released; correct the source and apply again',
    details,
  });
}
