import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import { canListen } from '../../../src/engines/process/ports.ts';
import {
  allReady,
  appSpec,
  deploy,
  HTTP_READY,
  lab,
  logText,
  processesWith,
  SERVER_COMMAND,
  untilReplicas,
} from './support.ts';

async function running(t: TestContext, env: Record<string, string>, given: Parameters<typeof lab>[1] = {}) {
  const made = await lab(t, given);
  const spec = appSpec({
    source: made.source,
    port: 1,
    run: { command: SERVER_COMMAND, env },
    health: { ready: HTTP_READY },
  });
  const { ctx } = await deploy(made.engine, spec);
  const [replica] = await untilReplicas(made.engine, 'it is ready', allReady(1));
  assert.ok(replica);
  const gone = () => untilReplicas(made.engine, 'nothing is left', (all) => all.length === 0);
  return { ...made, made, ctx, replica, gone };
}

it('a replica that ends by itself on TERM is not killed, however long it takes within its grace', async (t) => {
  const { engine, ctx, replica, gone } = await running(t, { STOP_AFTER: '0.3' });
  await engine.stop(ctx, replica.id, 20_000);
  await gone();
  const lines = await logText(engine);
  assert.ok(lines.includes('TERM') && lines.includes('stopped: exited with code 0'), lines.join('\n'));
  assert.ok(!lines.some((line) => line.includes('KILL')));
});

it('a replica that ignores TERM is killed after its grace', async (t) => {
  const { engine, stateDir, ctx, replica, gone } = await running(t, { IGNORE_TERM: '1' });
  await engine.stop(ctx, replica.id, 300);
  await gone();
  assert.deepEqual(processesWith(stateDir), []);
  assert.ok((await logText(engine)).includes('KILL to what is left of it'));
});

it('grandchildren in a group of their own that ignore TERM are ended with it, and only then is it gone', async (t) => {
  const { engine, stateDir, ctx, replica, gone } = await running(t, { GRANDCHILD: '1' });
  assert.equal(processesWith(stateDir).length, 3);
  await engine.stop(ctx, replica.id, 300);
  await gone();
  assert.deepEqual(processesWith(stateDir), []);
});

it('a descendant that began a session of its own is ended with it', async (t) => {
  const made = await lab(t);
  const command = ['sh', '-c', 'setsid -f sleep 1000; exec sleep 1000'];
  const { ctx } = await deploy(made.engine, appSpec({ run: { command } }));
  await untilReplicas(
    made.engine,
    'all of it runs',
    (all) => allReady(1)(all) && processesWith(made.stateDir).length === 3,
  );
  await made.engine.stop(ctx, '1-1-0', 5000);
  await untilReplicas(made.engine, 'nothing is left', (all) => all.length === 0);
  assert.deepEqual(processesWith(made.stateDir), []);
});

it('what a main process leaves behind when it exits is ended before it is started again', async (t) => {
  const made = await lab(t);
  const command = [
    'sh',
    '-c',
    'sleep 1000 & test -e "$CROSSFADE_DATA/../../again" && exec sleep 1000; exit 1',
  ];
  await deploy(made.engine, appSpec({ run: { command } }));
  await untilReplicas(made.engine, 'it was restarted', ([one]) => (one?.restarts ?? 0) >= 2);
  // A shim, a shell and one sleep at most: not one more per start.
  assert.ok(processesWith(made.stateDir).length <= 3);
});

it('a second stop with a shorter grace counts, one with a longer does not', async (t) => {
  const { engine, ctx, replica, gone } = await running(t, { IGNORE_TERM: '1' });
  await engine.stop(ctx, replica.id, 600_000);
  await engine.stop(ctx, replica.id, 900_000);
  await engine.stop(ctx, replica.id, 100);
  await gone();
});

it('a replica that waits to be started again is gone at once when it is stopped', async (t) => {
  const made = await lab(t);
  const { ctx } = await deploy(made.engine, appSpec({ run: { command: ['false'] } }));
  await untilReplicas(
    made.engine,
    'it waits long',
    ([one]) => (one?.restarts ?? 0) >= 4 && one?.phase === 'backoff',
  );
  await made.engine.stop(ctx, '1-1-0', 600_000);
  await untilReplicas(made.engine, 'nothing is left', (all) => all.length === 0);
});

it('stopping right after growing leaves nothing behind', async (t) => {
  const made = await lab(t);
  const spec = appSpec({
    source: made.source,
    port: 1,
    run: { command: SERVER_COMMAND },
    health: { ready: HTTP_READY },
  });
  const { ctx, pool } = await deploy(made.engine, spec, 4);
  await Promise.all([0, 1, 2, 3].map((n) => made.engine.stop(ctx, `${pool.id}-${n}`, 5000)));
  await untilReplicas(made.engine, 'nothing is left', (all) => all.length === 0);
  assert.deepEqual(processesWith(made.stateDir), []);
});

it('the port is free again, the logs stay until the pool is forgotten, the data stays after', async (t) => {
  const { engine, stateDir, ctx, replica, gone } = await running(t, {});
  const run = path.join(stateDir, 'run/default/shop');
  await engine.stop(ctx, replica.id, 5000);
  await gone();
  assert.ok(await canListen(Number(replica.address?.split(':')[1])));
  assert.ok((await logText(engine)).length > 0);
  assert.ok(existsSync(path.join(run, replica.id)));
  await engine.forget(ctx, replica.pool);
  assert.ok(!existsSync(path.join(run, replica.id)));
  assert.deepEqual(await logText(engine), []);
  assert.ok(existsSync(path.join(stateDir, 'data/default/shop')));
});

it('a revision starts again although its tree was removed in between', async (t) => {
  const { engine, stateDir, ctx, replica, gone, made } = await running(t, {});
  await engine.stop(ctx, replica.id, 5000);
  await gone();
  rmSync(path.join(stateDir, 'revisions'), { recursive: true, force: true });
  const spec = appSpec({
    source: made.source,
    port: 1,
    run: { command: SERVER_COMMAND },
    health: { ready: HTTP_READY },
  });
  await deploy(engine, spec);
  await untilReplicas(engine, 'it is ready', allReady(1));
});
