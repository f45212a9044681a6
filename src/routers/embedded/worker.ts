/**
 * Entry file of the router's worker: the process that carries the requests. See index.ts for how the processes work together.
 * It is started by parent.ts, outlives it, and ends when it is told to.
 */
import { createLog } from './log.ts';
import { WorkerProcess } from './worker/worker-process.ts';

const log = createLog('worker');
const worker = new WorkerProcess(log);

process.on('uncaughtException', (error) => {
  // The state of this process is unknown now; the parent starts another one on the same sockets.
  log.error('uncaught exception: the worker ends', { error });
  process.exit(1);
});
process.on('SIGTERM', () => worker.replace());
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});
