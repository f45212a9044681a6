import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

export interface Result {
  stdout: string;
  stderr: string;
}

/** A command that ended with another exit code than 0, with what it printed. */
class CommandFailed extends Error {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;

  constructor(command: string, code: number | null, { stdout, stderr }: Result) {
    super(`\`${command}\` ended with ${code ?? 'a signal'}: ${(stderr || stdout).trim()}`);
    this.code = code;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

/** What a process prints, once it has ended. @throws CommandFailed */
export async function resultOf(
  child: ChildProcess,
  command: string,
  input: string | Uint8Array = '',
): Promise<Result> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  // It may end without reading its input.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  const result = { stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
  if (code !== 0) throw new CommandFailed(command, code, result);
  return result;
}
