import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const root = path.dirname(path.dirname(import.meta.dirname));
const launcher = path.join(root, 'bin', 'crossfade');

export interface CliOptions {
  stateDir?: string;
  cwd?: string;
  /** Added to the environment of this process. */
  env?: Record<string, string>;
  /** Written to its standard input, which is empty otherwise. */
  input?: string;
  /** Beyond it the command is killed and the call fails. */
  timeoutMs?: number;
}

export interface CliResult {
  /** Null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunningCli {
  child: ChildProcess;
  /** Resolves when the command has ended, whatever its exit code. */
  result: Promise<CliResult>;
}

/** Runs bin/crossfade as a user would and waits for its end. Fails only when it cannot be run or takes too long. */
export async function cli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return await startCli(args, options).result;
}

/** Like cli(), for commands that should have succeeded: another exit code fails with everything that was printed. */
export async function cliOk(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const result = await cli(args, options);
  if (result.code !== 0) throw new Error(`\`crossfade ${args.join(' ')}\` failed\n${describe(result)}`);
  return result;
}

/** Starts bin/crossfade; the caller ends it, or it ends by itself. */
export function startCli(args: readonly string[], options: CliOptions = {}): RunningCli {
  const { stateDir, cwd = root, env = {}, input = '', timeoutMs = 60_000 } = options;
  const state = stateDir === undefined ? [] : ['--state-dir', stateDir];
  const child = spawn(launcher, [...state, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // The command may end without reading its input.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return { child, result: collect(child, args, timeoutMs) };
}

async function collect(child: ChildProcess, args: readonly string[], timeoutMs: number): Promise<CliResult> {
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      child.kill('SIGKILL');
      const { exitCode: code, signalCode: signal } = child;
      // A daemon that keeps its starter's output open would hang every `$(crossfade apply ...)`.
      const why =
        code === null && signal === null ? 'did not end' : 'ended, but something holds its output open';
      const result = describe({ code, signal, ...output });
      reject(new Error(`\`crossfade ${args.join(' ')}\`: ${why} within ${timeoutMs} ms\n${result}`));
    }, timeoutMs);
  });
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  try {
    const [code, signal] = await Promise.race([closed, tooLate]);
    return { code, signal, ...output };
  } finally {
    clearTimeout(timer);
  }
}

function describe({ code, signal, stdout, stderr }: CliResult): string {
  return `exit ${code ?? signal}\n--- stdout\n${stdout}\n--- stderr\n${stderr}`;
}
