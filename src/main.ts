import path from 'node:path';
import { runCli } from './cli/run.ts';

process.exitCode = await runCli(
  {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
    cwd: process.cwd(),
    isTTY: process.stdout.isTTY === true,
    entry: [process.execPath, path.resolve(import.meta.filename)],
    // Only the daemon needs the adapters: every other command starts without loading them.
    runDaemon: async (options) => (await import('./composition.ts')).runDaemon(options),
  },
  process.argv.slice(2),
);
