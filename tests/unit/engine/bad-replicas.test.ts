import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { it } from 'node:test';
import type { Replica } from '../../../src/core/model.ts';
import {
  allReady,
  appSpec,
  deploy,
  HTTP_READY,
  type Lab,
  lab,
  logText,
  probe,
  processesWith,
  SERVER_COMMAND,
  type SpecChanges,
  until,
  untilReplicas,
} from './support.ts';

function server({ source }: Lab, env: Record<string, string>, changes: SpecChanges = {}) {
  return appSpec({
    source,
    port: 8080,
    run: { command: SERVER_COMMAND, env },
    health: { ready: HTTP_READY },
    ...changes,
  });
}

async function untilOne(
  made: Lab,
  what: string,
  holds: (one: Replica) => boolean | undefined,
): Promise<Replica> {
  const [replica] = await untilReplicas(
    made.engine,
    what,
    ([one]) => one !== undefined && holds(one) === true,
  );
  assert.ok(replica);
  return replica;
}

it('a command that exits at once is started again with growing pauses, and its last words are shown', async (t) => {
  const made = await lab(t);
  await deploy(
    made.engine,
    appSpec({ port: 1, run: { command: ['sh', '-c', 'echo no config >&2; exit 3'] } }),
  );
  const replica = await untilOne(
    made,
    'it was restarted twice',
    ({ restarts, logTail }) => restarts >= 2 && logTail !== undefined,
  );
  assert.equal(replica.id, '1-1-0');
  assert.deepEqual([replica.lastExit?.code, replica.lastExit?.signal, replica.ready], [3, null, false]);
  assert.ok(replica.logTail?.includes('no config'), JSON.stringify(replica.logTail));
});

it('a command that is killed is shown with the signal, and comes back on the same port', async (t) => {
  const made = await lab(t);
  await deploy(made.engine, server(made, {}));
  const before = await untilOne(made, 'it is ready', ({ ready }) => ready);
  const [pid] = (await (await fetch(`http://${before.address}`)).text()).match(/(?<=pid=)\d+/) ?? [];
  process.kill(Number(pid), 'SIGKILL');
  const after = await untilOne(made, 'it is ready again', ({ ready, restarts }) => ready && restarts === 1);
  assert.deepEqual([after.lastExit?.signal, after.lastExit?.code], ['SIGKILL', null]);
  assert.equal(after.address, before.address);
});

it('when only the shim is killed, what it started is ended too before anything is started again', async (t) => {
  const made = await lab(t);
  await deploy(made.engine, server(made, {}));
  await untilOne(made, 'it is ready', ({ ready }) => ready);
  const pids = processesWith(made.stateDir);
  process.kill(Math.min(...pids), 'SIGKILL');
  await untilOne(made, 'it is ready again', ({ ready, restarts }) => ready && restarts === 1);
  assert.equal(processesWith(made.stateDir).filter((pid) => pids.includes(pid)).length, 0);
});

it('a replica whose probe is answered 500 never gets ready and says so', async (t) => {
  const made = await lab(t);
  await deploy(made.engine, server(made, { FAIL: '1' }));
  const replica = await untilOne(made, 'it was asked', ({ lastProbe }) => lastProbe?.detail.includes('500'));
  assert.equal(replica.lastProbe?.detail, 'GET /healthz answered 500');
  assert.deepEqual([replica.ready, replica.wasReady, replica.phase], [false, false, 'starting']);
});

it('a replica that hangs never gets ready and says so', async (t) => {
  const made = await lab(t);
  const ready = { ...HTTP_READY, timeoutSeconds: 0.2 };
  await deploy(made.engine, server(made, { HANG: '1' }, { health: { ready } }));
  const replica = await untilOne(made, 'it was asked', ({ lastProbe }) =>
    lastProbe?.detail.includes('within'),
  );
  assert.equal(replica.lastProbe?.detail, 'no answer within 0.2 s');
});

it('a replica that listens on a port of its own choice is told which one it was given', async (t) => {
  const made = await lab(t);
  const other = 19_700 + (process.pid % 200);
  await deploy(made.engine, server(made, { LISTEN_ON: String(other) }));
  const replica = await untilOne(made, 'the other port was found', ({ lastProbe }) =>
    lastProbe?.detail.includes('instead'),
  );
  const expected = `connection refused on ${replica.address}; the replica listens on ${other} instead of the port in PORT`;
  assert.equal(replica.lastProbe?.detail, expected);
});

it('readiness that is lost is seen, and found again', async (t) => {
  const made = await lab(t);
  await deploy(made.engine, server(made, {}));
  await untilOne(made, 'it is ready', ({ ready }) => ready);
  const switchFile = path.join(made.stateDir, 'data/default/shop/fail');
  writeFileSync(switchFile, '');
  const lost = await untilOne(made, 'it is not ready', ({ ready }) => !ready);
  assert.deepEqual(
    [lost.phase, lost.restarts, lost.wasReady, lost.readySince],
    ['running', 0, true, undefined],
  );
  rmSync(switchFile);
  await untilOne(made, 'it is ready again', ({ ready, restarts }) => ready && restarts === 0);
});

it('a replica that fails its liveness probe is started again', async (t) => {
  const made = await lab(t);
  const live = probe({ kind: 'httpGet', path: '/healthz', headers: {} }, { timeoutSeconds: 0.2 });
  const tcp = probe({ kind: 'tcpSocket' });
  await deploy(made.engine, server(made, {}, { health: { ready: tcp, live } }));
  await untilOne(made, 'it is ready', ({ ready }) => ready);
  writeFileSync(path.join(made.stateDir, 'data/default/shop/hang'), '');
  await until('it was ended for its silence', async () =>
    (await logText(made.engine)).some((line) => line.startsWith('liveness failed (no answer within 0.2 s)')),
  );
  const replica = await untilOne(made, 'it was restarted', ({ restarts }) => restarts >= 1);
  assert.ok(replica.lastExit);
});

it('an exec probe is asked in the working folder with the environment, and its error is shown', async (t) => {
  const made = await lab(t);
  const command = [
    'sh',
    '-c',
    'test -f server.pl && test "$MOOD" = good || { echo "mood is $MOOD on {port}" >&2; exit 4; }',
  ];
  const health = { ready: probe({ kind: 'exec', command }) };
  await deploy(made.engine, server(made, { MOOD: 'bad' }, { health }), 1, 1);
  const bad = await untilOne(made, 'it was asked', ({ lastProbe }) => lastProbe !== undefined);
  assert.equal(bad.lastProbe?.detail, `exit code 4: mood is bad on ${bad.address?.split(':')[1]}`);
  await made.engine.stop({ app: 'default/shop', stateVersion: 1 }, bad.id, 0);
  await deploy(made.engine, server(made, { MOOD: 'good' }, { health }), 1, 2);
  await untilReplicas(made.engine, 'the other is ready', allReady(1));
});

it('a program that does not exist, is not executable, or a folder or user that is missing: the failure names it', async (t) => {
  const made = await lab(t, { files: { 'run.sh': 'exit 0', 'lib/x': '' } });
  const cases: [SpecChanges['run'], string, RegExp][] = [
    [{ command: ['no-such-program'] }, 'E_COMMAND_NOT_FOUND', /no-such-program in PATH/],
    [{ command: ['./bin/app'] }, 'E_COMMAND_NOT_FOUND', /\.\/bin\/app in the working folder/],
    [{ command: ['./run.sh'] }, 'E_COMMAND_NOT_EXECUTABLE', /run\.sh is not executable.*chmod/],
    [{ command: ['./lib'] }, 'E_COMMAND_NOT_EXECUTABLE', /is a folder/],
    [{ command: ['sleep', '9'], workingDir: 'nowhere' }, 'E_WORKING_DIR', /nowhere does not exist/],
    [{ command: ['sleep', '9'], user: 'no-such-user' }, 'E_USER_UNKNOWN', /no-such-user/],
  ];
  for (const [index, [run = {}, code, message]] of cases.entries()) {
    const { pool } = await deploy(made.engine, appSpec({ source: made.source, run }), 1, index + 1);
    const [, replica] = await untilReplicas(made.engine, code, (all) =>
      all.some((one) => one.pool === pool.id && one.failure),
    ).then((all) => [undefined, all.find((one) => one.pool === pool.id)]);
    assert.equal(replica?.failure?.code, code);
    assert.match(replica?.failure?.message ?? '', message);
    assert.deepEqual([replica?.restarts, replica?.phase, replica?.ready], [0, 'backoff', false]);
  }
});

it('a port that someone else listens on is never called ready, and another one is taken', async (t) => {
  const made = await lab(t, { limits: { ports: { from: 19_900, to: 19_990 } } });
  // Listens where it likes and leaves its own port to us: a stranger on the port of a living replica.
  const command = [
    'sh',
    '-c',
    'until test -e "$CROSSFADE_DATA/go"; do sleep 0.02; done; exec perl server.pl',
  ];
  const { ctx } = await deploy(
    made.engine,
    appSpec({ source: made.source, port: 1, run: { command }, health: { ready: HTTP_READY } }),
  );
  const before = await untilOne(made, 'it has a port', ({ address }) => address !== undefined);
  const port = Number(before.address?.split(':')[1]);
  const stranger = net.createServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'));
  await new Promise<void>((resolve) => stranger.listen(port, '127.0.0.1', resolve));
  t.after(() => stranger.close());
  const moved = await untilOne(made, 'it has another port', ({ address, ready }) => {
    assert.ok(!ready, 'a stranger was taken for the replica');
    return address !== undefined && address !== before.address;
  });
  writeFileSync(path.join(made.stateDir, 'data/default/shop/go'), '');
  const ready = await untilOne(made, 'it is ready', (one) => one.ready);
  assert.deepEqual([ready.address, ready.restarts, ready.id], [moved.address, 0, before.id]);
  await made.engine.stop(ctx, before.id, 0);
});

it('a replica that finds its port taken is started on another one, and that is no restart', async (t) => {
  const made = await lab(t, { limits: { ports: { from: 19_800, to: 19_890 } } });
  const command = [
    'sh',
    '-c',
    'until test -e "$CROSSFADE_DATA/go"; do sleep 0.02; done; exec perl server.pl',
  ];
  const slow = { ...HTTP_READY, initialDelaySeconds: 1 };
  await deploy(
    made.engine,
    appSpec({ source: made.source, port: 1, run: { command }, health: { ready: slow } }),
  );
  const before = await untilOne(made, 'it has a port', ({ address }) => address !== undefined);
  const stranger = net.createServer();
  await new Promise<void>((resolve) =>
    stranger.listen(Number(before.address?.split(':')[1]), '127.0.0.1', resolve),
  );
  t.after(() => stranger.close());
  const data = path.join(made.stateDir, 'data/default/shop');
  // It has its port before its folder.
  mkdirSync(data, { recursive: true });
  writeFileSync(path.join(data, 'go'), '');
  const ready = await untilOne(made, 'it is ready', (one) => one.ready);
  assert.notEqual(ready.address, before.address);
  assert.deepEqual([ready.restarts, ready.lastExit], [0, undefined]);
  assert.ok((await logText(made.engine)).some((line) => line.includes('taken by another process')));
});

it('what goes wrong in its supervision does not end it: it says so, and the replica is started again', async (t) => {
  const warned: string[] = [];
  const logger = { info: () => undefined, warn: (_fields: object, text: string) => void warned.push(text) };
  const made = await lab(t, { logger });
  await deploy(made.engine, server(made, {}));
  await untilReplicas(made.engine, 'it is ready', allReady(1));
  // Where its exit is recorded, something is in the way.
  const status = path.join(made.stateDir, 'run', 'default', 'shop', '1-1-0', 'status.1');
  rmSync(status);
  mkdirSync(status);
  for (const pid of processesWith(made.stateDir)) process.kill(pid, 'SIGKILL');
  await until('the trouble is told', () => warned.some((text) => text.includes('trouble while supervising')));
  assert.ok((await logText(made.engine)).some((line) => line.includes('supervision failed: ')));
  rmdirSync(status);
  const [replica] = await untilReplicas(made.engine, 'it is ready again', allReady(1));
  assert.equal(replica?.restarts, 1);
});
