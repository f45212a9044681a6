import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { it } from 'node:test';
import { allReady, appSpec, deploy, lab, untilReplicas } from './support.ts';

it('an App that was deleted can be made again under its name, with state versions that begin anew', async (t) => {
  const { engine, stateDir } = await lab(t);
  const first = await deploy(engine, appSpec());
  const [replica] = await untilReplicas(engine, 'it runs', allReady(1));
  assert.ok(replica);
  const late = { ...first.ctx, stateVersion: 30 };
  await engine.stop(late, replica.id, 0);
  await untilReplicas(engine, 'nothing is left', (all) => all.length === 0);
  await engine.forget(late, first.pool.id);

  assert.deepEqual(await readdir(path.join(stateDir, 'run', 'default')), []);

  const { ctx, pool, revision } = await deploy(engine, appSpec());
  assert.ok(ctx.stateVersion < late.stateVersion);
  await untilReplicas(engine, 'it runs again', allReady(1));
  await engine.grow({ ...ctx, stateVersion: 5 }, pool, revision, appSpec(), 1);
  await assert.rejects(engine.grow(ctx, pool, revision, appSpec(), 1), { code: 'E_STALE_WRITER' });
});
