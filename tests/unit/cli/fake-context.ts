import { PassThrough, Readable } from 'node:stream';
import type { CliContext } from '../../../src/cli/context.ts';
import { runCli } from '../../../src/cli/run.ts';

export interface Fake {
  ctx: CliContext;
  stdout(): string;
  stderr(): string;
}

/** A context without a terminal whose output can be read; a daemon cannot be started from it. */
export function fakeContext(more: Partial<CliContext> = {}, stdin = ''): Fake {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const text = (stream: PassThrough): (() => string) => {
    let all = '';
    stream.setEncoding('utf8').on('data', (chunk) => {
      all += chunk;
    });
    return () => {
      stream.read();
      return all;
    };
  };
  const ctx: CliContext = {
    stdout,
    stderr,
    stdin: Readable.from([stdin]),
    env: { HOME: '/nonexistent', LANG: 'C.UTF-8' },
    cwd: process.cwd(),
    isTTY: false,
    entry: ['/nonexistent/crossfade'],
    runDaemon: () => Promise.reject(new Error('no daemon here')),
    runController: () => Promise.reject(new Error('no controller here')),
    openCluster: () => Promise.reject(new Error('no cluster here')),
    ...more,
  };
  return { ctx, stdout: text(stdout), stderr: text(stderr) };
}

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** One command line against the daemon of a state dir. */
export async function run(
  line: readonly string[],
  options: { stateDir?: string; stdin?: string; ctx?: Partial<CliContext> } = {},
): Promise<Ran> {
  const fake = fakeContext(options.ctx, options.stdin);
  const place = options.stateDir === undefined ? [] : ['--state-dir', options.stateDir];
  const code = await runCli(fake.ctx, [...place, '--actor', 'alice', ...line]);
  await new Promise((resolve) => setImmediate(resolve));
  return { code, stdout: fake.stdout(), stderr: fake.stderr() };
}
