import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { on, once } from 'node:events';
import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import type { Engine } from '../../../src/ports/engine.ts';
import {
  APP,
  allReady,
  appSpec,
  deploy,
  get,
  lab,
  logText,
  openEngine,
  PERL_SERVER,
  processesWith,
  removeFolder,
  stopAll,
  temporaryFolder,
  until,
  untilReplicas,
  writeFiles,
} from './support.ts';

interface World {
  stateDir: string;
  /** Starts a daemon and resolves when it said `word`. */
  daemon(
    replicas: number,
    word: 'open' | 'grown' | 'ready',
    env?: Record<string, string>,
  ): Promise<ChildProcess>;
  open(bootId?: string): Promise<Engine>;
}

async function world(t: TestContext): Promise<World> {
  const stateDir = temporaryFolder();
  const source = temporaryFolder();
  writeFiles(source, { 'server.pl': PERL_SERVER });
  const daemons: ChildProcess[] = [];
  const engines: Engine[] = [];
  t.after(async () => {
    for (const daemon of daemons) await kill(daemon);
    const engine = engines.at(-1) ?? (await openEngine(stateDir));
    await stopAll(engine);
    await engine.close();
    assert.deepEqual(processesWith(stateDir), [], 'processes were left behind');
    removeFolder(stateDir);
    removeFolder(source);
  });
  return {
    stateDir,
    async daemon(replicas, word, env = {}) {
      const args = [stateDir, source, String(replicas), JSON.stringify(env)];
      const child = fork(path.join(import.meta.dirname, 'daemon.ts'), args, {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
      daemons.push(child);
      await saying(child, word);
      return child;
    },
    async open(bootId = 'boot-1') {
      engines.push(await openEngine(stateDir, { bootId }));
      return engines.at(-1) as Engine;
    },
  };
}

async function saying(child: ChildProcess, word: string): Promise<void> {
  for await (const [said] of on(child, 'message', { close: ['exit'] })) if (said === word) return;
  throw new Error(`the daemon ended before it said ${word}`);
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Without the daemon itself, which has the state folder in its arguments only. */
const replicasOf = processesWith;

it('replicas survive kill -9 of the daemon and are adopted: same processes, same ports, nothing twice', async (t) => {
  const { stateDir, daemon, open } = await world(t);
  await kill(await daemon(3, 'ready'));
  const before = replicasOf(stateDir);
  assert.equal(before.length, 6, 'three shims and three servers');
  const engine = await open();
  const found = await engine.list(APP);
  assert.deepEqual(
    found.map(({ ready, wasReady }) => [ready, wasReady]),
    Array(3).fill([false, true]),
  );
  const ready = await untilReplicas(engine, 'all are ready', allReady(3));
  assert.deepEqual(replicasOf(stateDir), before);
  assert.deepEqual(
    ready.map(({ restarts }) => restarts),
    [0, 0, 0],
  );
  for (const replica of ready)
    assert.match(await get(replica), new RegExp(`CROSSFADE_REPLICA=${replica.id}\n`));
});

it('an adopted replica that ends is started again, one that is stopped is gone', async (t) => {
  const { daemon, open } = await world(t);
  await kill(await daemon(2, 'ready'));
  const engine = await open();
  const [first, second] = await untilReplicas(engine, 'both are ready', allReady(2));
  assert.ok(first && second);
  process.kill(Number((await get(first)).match(/(?<=pid=)\d+/)?.[0]), 'SIGKILL');
  const [again] = await untilReplicas(engine, 'it is ready again', (all) =>
    all.some(({ restarts, ready }) => restarts === 1 && ready),
  );
  assert.deepEqual([again?.lastExit?.signal, again?.crashes, again?.address], ['SIGKILL', 1, first.address]);
  await engine.stop({ app: APP, stateVersion: 1 }, second.id, 5000);
  await untilReplicas(engine, 'one is left', (all) => all.length === 1);
});

it('an exit while no daemon looked is counted with its code', async (t) => {
  const { daemon, open } = await world(t);
  const first = await daemon(1, 'ready');
  await kill(first);
  const engine = await open();
  const [replica] = await untilReplicas(engine, 'it is ready', allReady(1));
  assert.ok(replica);
  const pid = Number((await get(replica)).match(/(?<=pid=)\d+/)?.[0]);
  await engine.close();
  process.kill(pid, 'SIGTERM');
  await until('it ended', () => !processAlive(pid));
  const next = await open();
  const [after] = await untilReplicas(next, 'it is ready again', (all) =>
    all.some(({ restarts, ready }) => restarts === 1 && ready),
  );
  assert.deepEqual([after?.lastExit?.code, after?.id], [0, replica.id]);
});

it('a daemon that is killed at any moment of a start leaves nothing that the next one does not find', async (t) => {
  const { stateDir, daemon, open } = await world(t);
  for (const word of ['open', 'grown', 'ready', 'grown', 'open'] as const)
    await kill(await daemon(3, word, { START_AFTER: '0' }));
  const engine = await open();
  const intents = readdirSync(path.join(stateDir, 'run/default/shop'));
  assert.deepEqual(intents, ['1-1-0', '1-1-1', '1-1-2']);
  await untilReplicas(engine, 'all are ready', allReady(3));
  assert.equal(replicasOf(stateDir).length, 6);
});

it('a start that was not recorded is ended and made again', async (t) => {
  const made = await world(t);
  await kill(await made.daemon(1, 'ready'));
  const before = replicasOf(made.stateDir);
  const folder = path.join(made.stateDir, 'run/default/shop/1-1-0');
  // As if the daemon had died before the shim wrote its first line.
  for (const name of readdirSync(folder))
    if (name.startsWith('status.')) writeFileSync(path.join(folder, name), '');
  const engine = await made.open();
  assert.equal(replicasOf(made.stateDir).filter((pid) => before.includes(pid)).length, 0);
  await untilReplicas(engine, 'it is ready', allReady(1));
  assert.equal(replicasOf(made.stateDir).length, 2);
});

it('processes whose replica is not recorded anywhere are ended', async (t) => {
  const { stateDir, daemon, open } = await world(t);
  await kill(await daemon(2, 'ready'));
  rmSync(path.join(stateDir, 'run'), { recursive: true });
  const engine = await open();
  assert.deepEqual(await engine.list(APP), []);
  assert.deepEqual(replicasOf(stateDir), []);
});

it('a pid that was given to someone else meanwhile is neither adopted nor touched', async (t) => {
  const made = await world(t);
  await kill(await made.daemon(1, 'ready'));
  for (const pid of replicasOf(made.stateDir)) process.kill(pid, 'SIGKILL');
  await until('they ended', () => replicasOf(made.stateDir).length === 0);
  const status = path.join(made.stateDir, 'run/default/shop/1-1-0/status.1');
  // This test's own process under the number of the shim: alive, but started at another time.
  const text = readFileSync(status, 'utf8');
  writeFileSync(status, text.replace(/^start \d+/, `start ${process.pid}`).replace(/\nexit.*\n/, '\n'));
  const engine = await made.open();
  const [replica] = await untilReplicas(engine, 'it is ready', allReady(1));
  assert.equal(replica?.restarts, 1);
});

it('after a reboot everything that was wanted is started again, under the same ids', async (t) => {
  const { stateDir, daemon, open } = await world(t);
  await kill(await daemon(2, 'ready'));
  const before = replicasOf(stateDir);
  const engine = await open('boot-2');
  const ready = await untilReplicas(engine, 'all are ready', allReady(2));
  assert.deepEqual(
    ready.map(({ id, restarts }) => [id, restarts]),
    [
      ['1-1-0', 0],
      ['1-1-1', 0],
    ],
  );
  assert.equal(
    replicasOf(stateDir).filter((pid) => before.includes(pid)).length,
    0,
    'what the reboot should have ended runs on',
  );
});

it('a stop goes on although the daemon that was asked for it was killed', async (t) => {
  const { stateDir, daemon, open } = await world(t);
  const child = await daemon(2, 'ready', { IGNORE_TERM: '1' });
  child.send({ stop: '1-1-0', graceMs: 1000 });
  await saying(child, 'stopped');
  await kill(child);
  assert.equal(replicasOf(stateDir).length, 4, 'TERM is ignored');
  const engine = await open();
  const stopping = (await engine.list(APP)).find(({ id }) => id === '1-1-0');
  assert.ok(stopping === undefined || stopping.phase === 'stopping');
  const left = await untilReplicas(engine, 'it is gone', allReady(1));
  assert.deepEqual(
    left.map(({ id }) => id),
    ['1-1-1'],
  );
  assert.equal(replicasOf(stateDir).length, 2);
});

it('an id is never used again, also not by a daemon that was started anew', async (t) => {
  const made = await lab(t);
  const { ctx, pool, revision } = await deploy(made.engine, appSpec());
  await made.engine.stop(ctx, '1-1-0', 0);
  await untilReplicas(made.engine, 'nothing is left', (all) => all.length === 0);
  const engine = await made.reopen();
  assert.deepEqual(await engine.list(APP), []);
  await engine.grow(ctx, pool, revision, appSpec(), 1);
  assert.deepEqual(
    (await engine.list(APP)).map(({ id }) => id),
    ['1-1-1'],
  );
});

it('half-made folders of a daemon that died are removed, files that are none of ours are left', async (t) => {
  const made = await lab(t);
  await deploy(made.engine, appSpec({ source: made.source }));
  const run = path.join(made.stateDir, 'run/default/shop');
  writeFiles(made.stateDir, {
    'run/default/shop/.tmp-1/wanted': '',
    'snapshots/.tmp-2/x': '',
    'revisions/.tmp-3/x': '',
  });
  await made.reopen();
  assert.deepEqual(readdirSync(run), ['1-1-0']);
  for (const folder of ['snapshots', 'revisions']) {
    assert.ok(!readdirSync(path.join(made.stateDir, folder)).some((name) => name.startsWith('.tmp-')));
  }
});

it('records that a power cut left unreadable do not keep the others from being found', async (t) => {
  const made = await world(t);
  await kill(await made.daemon(3, 'ready'));
  const run = path.join(made.stateDir, 'run/default/shop');
  writeFileSync(path.join(run, '1-1-0/intent.json'), '\0\0\0');
  writeFileSync(path.join(run, '1-1-1/attempt.json'), '');
  const engine = await made.open('boot-2');
  const ready = await untilReplicas(engine, 'two are ready', allReady(2));
  assert.deepEqual(
    ready.map(({ id }) => id),
    ['1-1-1', '1-1-2'],
  );
});

it('lines that were written while no daemon looked are there', async (t) => {
  const made = await world(t);
  await kill(await made.daemon(1, 'ready'));
  appendFileSync(path.join(made.stateDir, 'run/default/shop/1-1-0/stdout.log'), 'nobody looked\n');
  const engine = await made.open();
  assert.ok((await logText(engine)).includes('nobody looked'));
});

function processAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
