/**
 * Stands in for the daemon in tests of starting it: serves /v1/version and an empty list of Apps on the state dir's
 * socket, one per state dir, until it is told to stop. `--break` as its first argument: ends with an error at once.
 */
import { closeSync, existsSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';

const args = process.argv.slice(2);
const stateDir = args[args.indexOf('--state-dir') + 1] ?? '';
if (args[0] === '--break') {
  console.error('cannot read the database: it is damaged');
  process.exit(1);
}
if (args[0] === '--stopped-once') {
  // As one that was stopped on its way up: the next one comes up.
  const marker = path.join(stateDir, 'stopped-once');
  if (!existsSync(marker)) {
    writeFileSync(marker, '');
    console.error('error: The daemon was stopped while this one was on its way up.');
    process.exit(1);
  }
}
const lock = path.join(stateDir, 'fake.lock');
try {
  closeSync(openSync(lock, 'wx'));
} catch {
  console.error('E_DAEMON_RUNNING another daemon has this state dir');
  process.exit(1);
}
const server = createServer((request, response) => {
  const stop = request.url === '/v1/daemon/stop';
  const version = { version: '0.0.0', apiVersion: 'v1', pid: process.pid, startedAt: '', stateDir };
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(request.url === '/v1/version' ? version : { items: [] }));
  if (stop) {
    rmSync(lock);
    server.close();
    response.once('close', () => server.closeAllConnections());
    // What a daemon runs stops later than its API.
    setTimeout(() => process.exit(0), 500);
  }
});
// Slow enough that whoever lost the race has ended before the winner answers.
setTimeout(() => server.listen(path.join(stateDir, 'daemon.sock')), 300);
// A test that failed before it could stop this must not leave it behind.
setTimeout(() => process.exit(1), 20_000).unref();
