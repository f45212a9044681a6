import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { it } from 'node:test';
import type { Replica } from '../../../src/core/model.ts';
import type { Engine } from '../../../src/ports/engine.ts';
import type { Router } from '../../../src/ports/router.ts';
import { stopEverything } from '../../../src/stop-everything.ts';
import { recordStop, refuseIfStoppedSince } from '../../../src/stop-record.ts';
import { Stopping } from '../../../src/stopping.ts';
import { createMemoryStore } from '../../../src/store/memory/index.ts';
import { sampleAudit, sampleObject, sampleSpec } from '../../conformance/store/samples.ts';
import { cli } from '../../support/cli.ts';
import { freePort } from '../../support/free-port.ts';
import { withStateDir } from '../../support/state-dir.ts';
import { tempDir } from '../../support/temp-dir.ts';

const clockAt = (atMs: number, bootId = 'boot') => ({
  wall: () => 0,
  monotonic: () => atMs,
  bootId: () => bootId,
});

async function storeWith(...names: string[]) {
  const store = createMemoryStore();
  for (const name of names) {
    const spec = sampleSpec(name, { terminationGracePeriodSeconds: 0 });
    await store.putApp({ ...sampleObject(name), spec }, 0, sampleAudit(name));
  }
  return store;
}

it('stops what can be stopped and names what still runs, whatever goes wrong on the way', async () => {
  const store = await storeWith('cart', 'shop');
  const replicas = new Map([
    ['default/cart', ['1-1-0']],
    ['default/shop', ['1-1-0', '1-1-1', '1-1-2']],
  ]);
  const engine = {
    list: async (app) => (replicas.get(app) ?? []).map((id) => ({ id }) as Replica),
    stop: async ({ app }, id) => {
      if (id === '1-1-1') throw new Error('no room on the disk');
      if (id === '1-1-2') return;
      replicas.set(app, replicas.get(app)?.filter((one) => one !== id) ?? []);
    },
  } as Partial<Engine> as Engine;
  const router = {
    shutdown: () => Promise.reject(new Error('pid 7 still runs')),
  } as Partial<Router> as Router;
  assert.deepEqual(await stopEverything({ store, engine, router }, 300), [
    'the router: pid 7 still runs',
    'replica 1-1-1 of default/shop: no room on the disk',
    'replica 1-1-2 of default/shop: it does not end',
  ]);
  assert.deepEqual(replicas.get('default/cart'), []);
});

it('remembers that somebody wants the replicas stopped too, though another asked first without', async () => {
  const stopping = new Stopping();
  assert.deepEqual(await stopping.ask({ replicas: false }), []);
  await stopping.asked;
  const answer = stopping.ask({ replicas: true });
  assert.equal(stopping.replicas, true);
  stopping.ended(['the router']);
  assert.deepEqual(await answer, ['the router']);
});

it('a daemon that was on its way up when the daemon was stopped does not come up', async (t) => {
  const stateDir = await tempDir(t);
  refuseIfStoppedSince(stateDir, clockAt(500), 0);
  recordStop(stateDir, clockAt(1000));
  assert.throws(() => refuseIfStoppedSince(stateDir, clockAt(2000), 900), { code: 'E_DAEMON_STOPPED' });
  refuseIfStoppedSince(stateDir, clockAt(2000), 1001);
  refuseIfStoppedSince(stateDir, clockAt(2000, 'another boot'), 900);
});

it('a daemon that cannot come up ends, so that the next one can', async (t) => {
  await withStateDir(t, async (stateDir) => {
    const port = await freePort();
    const taken = createServer().listen(port, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const ran = await cli(['daemon', '--listen', `127.0.0.1:${port}`], { stateDir });
    await new Promise((resolve) => taken.close(resolve));
    assert.equal(ran.signal, null);
    assert.match(ran.stderr, new RegExp(`error: 127.0.0.1:${port} is taken by another program`));
    const next = await cli(['get', 'apps'], { stateDir });
    assert.equal(next.code, 0, next.stderr);
  });
});
