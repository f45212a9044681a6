import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { watcherContainer } from '../../../src/kubernetes/routing/drain-watch.ts';
import { waitFor } from '../../support/wait-for.ts';

const noProc =
  process.platform === 'linux' ? false : 'connections are read from /proc, which is on Linux only';

/** The watcher as it runs beside a pod, looking at a port of this machine. */
function watch(port: number): { child: ChildProcess; lines: () => string[] } {
  const { command } = watcherContainer('7', 'image', port) as { command: string[] };
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout?.on('data', (part: Buffer) => {
    text += part.toString();
  });
  return { child, lines: () => text.split('\n').filter((line) => line !== '') };
}

test('the watcher counts connections that are open, and ends well once there are none', {
  skip: noProc,
}, async (t) => {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const sockets = [net.connect(port, '127.0.0.1'), net.connect(port, '127.0.0.1')];
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  const { child, lines } = watch(port);
  t.after(() => child.kill('SIGKILL'));
  await waitFor(() => lines().at(-1) === '2', { what: 'both connections to be seen', timeoutMs: 60_000 });
  sockets[0]?.destroy();
  await waitFor(() => lines().at(-1) === '1', { what: 'one to be gone', timeoutMs: 60_000 });
  assert.equal(child.exitCode, null);
  sockets[1]?.destroy();
  const [code] = (await once(child, 'exit')) as [number];
  assert.deepEqual([code, lines().at(-1)], [0, '0']);
});

test('TERM ends the watcher at once, and not as if nobody were connected', { skip: noProc }, async () => {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  const { child, lines } = watch((server.address() as AddressInfo).port);
  await waitFor(() => lines().length > 0, { what: 'the connection to be seen', timeoutMs: 60_000 });
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number];
  assert.equal(code, 3);
  socket.destroy();
  server.close();
});
