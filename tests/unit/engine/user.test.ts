import assert from 'node:assert/strict';
import { chmodSync, statSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { userIds } from '../../../src/engines/process/replica/user.ts';
import {
  allReady,
  appSpec,
  deploy,
  HTTP_READY,
  lab,
  logText,
  openEngine,
  probe,
  processesWith,
  SERVER_COMMAND,
  untilReplicas,
} from './support.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root, to start processes as another user';

it('users are known by name or number, with their own group or another one', { skip }, () => {
  assert.deepEqual(userIds('nobody'), { uid: 65534, gid: 65534 });
  assert.deepEqual(userIds('65534'), { uid: 65534, gid: 65534 });
  assert.deepEqual(userIds('nobody:daemon'), { uid: 65534, gid: 1 });
  assert.deepEqual(userIds('4242:4343'), { uid: 4242, gid: 4343 });
  assert.equal(userIds('root'), undefined);
  assert.throws(() => userIds('nobody:no-such-group'), {
    code: 'E_USER_UNKNOWN',
    message: /group "no-such-group"/,
  });
});

it('a replica with a user of its own runs as that user, may write its data and nothing else of ours', {
  skip,
}, async (t) => {
  const made = await lab(t);
  chmodSync(made.stateDir, 0o700);
  const script =
    'id -u; id -g; id -G; touch "$CROSSFADE_DATA/mine" && echo data; touch ./x || echo tree; ls ../.. || echo state; exec perl server.pl';
  const run = { command: ['sh', '-c', script], user: 'nobody' };
  const live = probe({ kind: 'exec', command: ['sh', '-c', 'test "$(id -u)" = 65534'] });
  const spec = appSpec({ source: made.source, port: 1, run, health: { ready: HTTP_READY, live } });
  const { ctx } = await deploy(made.engine, spec);
  const [replica] = await untilReplicas(made.engine, 'it is ready', allReady(1));
  const lines = (await logText(made.engine)).filter((line) => /^[a-z0-9]+$/.test(line));
  assert.deepEqual(lines, ['65534', '65534', '65534', 'data', 'tree', 'state']);
  assert.equal(statSync(path.join(made.stateDir, 'data/default/shop/mine')).uid, 65534);
  assert.equal(replica?.restarts, 0);
  await made.engine.stop(ctx, '1-1-0', 5000);
  await untilReplicas(made.engine, 'it is gone', (all) => all.length === 0);
  assert.deepEqual(processesWith(made.stateDir), []);
});

it('what its user cannot reach is told, and nothing of others is opened for it', { skip }, async (t) => {
  const outer = await lab(t, { files: {} });
  chmodSync(outer.source, 0o700);
  const engine = await openEngine(path.join(outer.source, 'state'));
  await deploy(engine, appSpec({ run: { command: SERVER_COMMAND, user: 'nobody' } }));
  const [replica] = await untilReplicas(engine, 'it failed', ([one]) => one?.failure !== undefined);
  assert.equal(replica?.failure?.code, 'E_USER_NO_ACCESS');
  assert.ok(replica?.failure?.message.includes(`may not enter ${outer.source},`), replica?.failure?.message);
  assert.equal(statSync(outer.source).mode & 0o777, 0o700);
  await engine.stop({ app: 'default/shop', stateVersion: 1 }, '1-1-0', 0);
  await untilReplicas(engine, 'it is gone', (all) => all.length === 0);
  await engine.close();
});
