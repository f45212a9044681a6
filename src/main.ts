import path from 'node:path';
import { runCli } from './cli/run.ts';
import { runDaemon } from './composition.ts';

process.exitCode = await runCli(
  {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
    cwd: process.cwd(),
    isTTY: process.stdout.isTTY === true,
    entry: [process.execPath, path.resolve(import.meta.filename)],
    runDaemon,
  },
  process.argv.slice(2),
);
