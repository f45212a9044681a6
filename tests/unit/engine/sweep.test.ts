import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { createSecretFiles } from '../../../src/engines/process/secret-files.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import {
  APP,
  allReady,
  appSpec,
  deploy,
  type Lab,
  lab,
  processesWith,
  QUIETLY,
  realClock,
  revisionOf,
  stopAll,
  untilReplicas,
} from './support.ts';

const MUCH_LATER_MS = 60 * 60_000;

/** A clock that the test moves, so that what was prepared just now counts as prepared long ago. */
function movableClock(): Clock & { aheadMs: number } {
  const real = realClock('boot-1');
  const clock = {
    ...real,
    aheadMs: 0,
    monotonic: () => real.monotonic() + clock.aheadMs,
    wall: () => real.wall() + clock.aheadMs,
  };
  return clock;
}

function stored({ stateDir }: Lab): Record<string, number> {
  const count = (name: string) =>
    existsSync(path.join(stateDir, name)) ? readdirSync(path.join(stateDir, name)).length : 0;
  return Object.fromEntries(
    ['snapshots', 'revisions', 'files', 'captured'].map((name) => [name, count(name)]),
  );
}

it('what no revision uses is removed: snapshots, trees, config files, captured secrets', async (t) => {
  const clock = movableClock();
  const made = await lab(t, { clock });
  await createSecretFiles(made.stateDir).set('default', 'token', 'a-secret');
  const run = { env: { T: { secret: 'token' } }, configFiles: { 'a.conf': { content: 'a' } } };
  const kept = await made.engine.prepare(appSpec({ source: made.source }), QUIETLY);
  writeFileSync(path.join(made.source, 'more.txt'), 'more');
  await made.engine.prepare(appSpec({ source: made.source, run }), QUIETLY);
  assert.deepEqual(stored(made), { snapshots: 2, revisions: 2, files: 1, captured: 1 });
  await made.engine.sweep(async () => new Map());
  assert.deepEqual(
    stored(made),
    { snapshots: 2, revisions: 2, files: 1, captured: 1 },
    'an apply under way was disturbed',
  );
  clock.aheadMs = MUCH_LATER_MS;
  await made.engine.sweep(async () => new Map([[APP, [revisionOf(kept)]]]));
  assert.deepEqual(stored(made), { snapshots: 1, revisions: 1, files: 0, captured: 0 });
});

it('what a replica runs on is kept though no revision was named', async (t) => {
  const clock = movableClock();
  const made = await lab(t, { clock });
  await deploy(made.engine, appSpec({ source: made.source, run: { configFiles: { a: { content: 'a' } } } }));
  await untilReplicas(made.engine, 'it is ready', allReady(1));
  clock.aheadMs = MUCH_LATER_MS;
  await made.engine.sweep(async () => new Map([[APP, []]]));
  assert.deepEqual(stored(made), { snapshots: 1, revisions: 1, files: 1, captured: 0 });
});

it('an App that nobody knows is stopped and its run folders removed; its data only when there is none', async (t) => {
  const made = await lab(t);
  await deploy(made.engine, appSpec());
  await deploy(made.engine, appSpec({ name: 'other' }));
  await untilReplicas(made.engine, 'the other is ready', allReady(1), 'default/other');
  await untilReplicas(made.engine, 'it is ready', allReady(1));
  writeFileSync(path.join(made.stateDir, 'data/default/shop/orders.db'), 'orders');
  await made.engine.sweep(async () => new Map());
  for (const app of [APP, 'default/other'])
    await untilReplicas(made.engine, 'it is gone', (all) => all.length === 0, app);
  await made.engine.sweep(async () => new Map());
  assert.deepEqual(processesWith(made.stateDir), []);
  const there = (name: string) => existsSync(path.join(made.stateDir, name));
  assert.deepEqual(['run/default/shop', 'run/default/other', 'data/default/other'].map(there), [
    false,
    false,
    false,
  ]);
  assert.ok(there('data/default/shop/orders.db'));
  await stopAll(made.engine, 'default/other');
});

it('what an apply makes or takes up again while a sweep runs is left', async (t) => {
  const clock = movableClock();
  const made = await lab(t, { clock });
  const old = appSpec({ source: made.source });
  await made.engine.prepare(old, QUIETLY);
  clock.aheadMs = MUCH_LATER_MS;
  await made.engine.sweep(async () => {
    await made.engine.prepare(old, QUIETLY);
    await deploy(made.engine, appSpec({ name: 'new' }));
    return new Map();
  });
  assert.deepEqual(stored(made), { snapshots: 1, revisions: 2, files: 0, captured: 0 });
  const [replica] = await untilReplicas(made.engine, 'the new one is ready', allReady(1), 'default/new');
  assert.notEqual(replica?.phase, 'stopping');
  await stopAll(made.engine, 'default/new');
});

it('a build that takes longer than what is prepared is kept is kept from its end on', async (t) => {
  const clock = movableClock();
  const made = await lab(t, { clock });
  await made.engine.prepare(
    appSpec({ source: made.source, build: { command: ['true'], timeoutMs: 60_000 } }),
    {
      dryRun: false,
      progress: () => {
        clock.aheadMs = MUCH_LATER_MS;
      },
    },
  );
  await made.engine.sweep(async () => new Map());
  assert.deepEqual(stored(made), { snapshots: 1, revisions: 1, files: 0, captured: 0 });
});
