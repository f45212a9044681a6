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
    // Only a few commands need the adapters: every other one starts without loading them.
    runDaemon: async (options) => (await import('./composition.ts')).runDaemon(options),
    runController: async (options) => (await import('./cluster-composition.ts')).runController(options),
    openCluster: async (target) => (await import('./cluster-composition.ts')).openCluster(target),
  },
  process.argv.slice(2),
);
