import { spawn } from 'node:child_process';
import { noAnswer, type ProbeAnswer } from './answer.ts';

export interface ExecProbe {
  command: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  user?: { uid: number; gid: number } | undefined;
  timeoutMs: number;
  signal: AbortSignal;
}

const LONGEST_LINE = 200;

/** Passes when the command exits with 0. Its session is killed at the timeout, and when it leaves children behind. */
export function probeExec(probe: ExecProbe): Promise<ProbeAnswer> {
  const [program = '', ...args] = probe.command;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: probe.cwd,
      env: { ...probe.env },
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      ...probe.user,
    });
    let heard = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (heard.length < LONGEST_LINE) heard += chunk.toString('utf8');
    });
    const end = (answer: ProbeAnswer) => {
      clearTimeout(timer);
      probe.signal.removeEventListener('abort', cancel);
      killSession(child.pid);
      child.stderr.destroy();
      resolve(answer);
    };
    const cancel = () => end({ ok: false, detail: 'cancelled' });
    const timer = setTimeout(() => end(noAnswer(probe.timeoutMs)), probe.timeoutMs);
    probe.signal.addEventListener('abort', cancel);
    child.on('error', (error) =>
      end({ ok: false, detail: `${program} could not be started: ${error.message}` }),
    );
    child.on('exit', (code, signal) => {
      // What it wrote last may still be in the pipe.
      setImmediate(() => end({ ok: code === 0, detail: exitDetail(code, signal, heard) }));
    });
  });
}

function exitDetail(code: number | null, signal: string | null, stderr: string): string {
  const how = code === null ? `ended by ${signal}` : `exit code ${code}`;
  const line = stderr.trim().split('\n')[0] ?? '';
  return line === '' || code === 0 ? how : `${how}: ${line.slice(0, LONGEST_LINE)}`;
}

function killSession(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}
