import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { createEmbeddedRouter } from '../../../src/routers/embedded/index.ts';
import { freePort } from '../../support/free-port.ts';
import { type Cleanup, tempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';
import { KeptAlive, once } from './client.ts';
import { Installation, replaced } from './installation.ts';
import { Lab } from './lab.ts';
import { startLoad } from './load.ts';

const SOURCES = path.join(import.meta.dirname, '../../../src');

/** Another version of the program, installed elsewhere. `change` gets the file that says hello. */
async function anotherVersion(
  t: Cleanup,
  change = (text: string): string => `// another version\n${text}`,
): Promise<typeof createEmbeddedRouter> {
  const folder = await tempDir(t, 'v-');
  for (const part of ['routers', 'core', 'spec', 'ports'])
    fs.cpSync(path.join(SOURCES, part), path.join(folder, 'src', part), { recursive: true });
  fs.writeFileSync(path.join(folder, 'package.json'), '{"type":"module","version":"0.0.1"}');
  const file = path.join(folder, 'src/routers/embedded/worker/worker-process.ts');
  fs.writeFileSync(file, change(fs.readFileSync(file, 'utf8')));
  const entry = pathToFileURL(path.join(folder, 'src/routers/embedded/index.ts')).href;
  return ((await import(entry)) as { createEmbeddedRouter: typeof createEmbeddedRouter })
    .createEmbeddedRouter;
}

/** Before there was a way to say which program it is. */
const sayingNoBuild = (text: string): string => text.replace('        build: BUILD,\n', '');

describe('a router of another version', { timeout: 120_000 }, () => {
  for (const [what, change] of [
    ['of another version', undefined],
    ['that cannot say its version', sayingNoBuild],
  ] as const) {
    it(`${what} hands over to this one under load, and nothing is lost`, async (t) => {
      const here = await Installation.make(t);
      const createOther = await anotherVersion(t, change);
      const first = await createOther({ stateDir: here.stateDir, bootId: 'boot-1' });
      const lab = await here.lab(first);
      const pools = { blue: [await lab.backend('blue')], green: [await lab.backend('green')] };
      await lab.apply({ members: pools });
      const before = await first.status();
      const load = startLoad({ port: lab.port, kept: 8, fresh: 4 });
      await load.more(100);
      await first.close();
      const second = await here.daemon();
      await replaced(second, 'workerPid', before.workerPid);
      // The parent is replaced when the worker before has ended.
      await replaced(second, 'parentPid', before.parentPid);
      await load.more(100);
      await load.stop();
      assert.deepEqual(load.failures, []);
      assert.deepEqual(new Set(load.replies.map((reply) => reply.status)), new Set([200]));
      assert.equal(second.trouble, undefined);
      const next = new Lab(t, second, 'default/other', await freePort());
      await next.apply({ members: { blue: [await next.backend('next')] } });
      assert.equal((await once(next.port)).body, 'next');
      assert.equal((await once(lab.port)).body, 'blue');
    });
  }

  it('is left alone by a daemon of its own version', async (t) => {
    const here = await Installation.make(t);
    const first = await here.daemon();
    const before = await first.status();
    await first.close();
    const second = await here.daemon();
    assert.deepEqual(await second.status(), before);
    assert.equal(second.trouble, undefined);
  });

  it('keeps its parent for as long as a worker of before answers', async (t) => {
    const here = await Installation.make(t);
    const createOther = await anotherVersion(t);
    const first = await createOther({ stateDir: here.stateDir, bootId: 'boot-1' });
    const lab = await here.lab(first);
    const blue = await lab.backend('blue');
    await lab.apply({ members: { blue: [blue] } });
    const before = await first.status();
    const client = new KeptAlive(lab.port);
    t.after(() => client.close());
    const slow = client.get('/slow');
    await lab.inFlight('blue', 1);
    await first.close();
    const second = await here.daemon();
    await replaced(second, 'workerPid', before.workerPid);
    const parentOf = async (): Promise<number | null> => (await second.status()).parentPid;
    assert.equal(await parentOf(), before.parentPid);
    blue.release();
    assert.equal((await slow).body, 'blue');
    await waitFor(async () => (await parentOf()) !== before.parentPid, {
      what: 'another parent',
      timeoutMs: 20_000,
    });
  });
});
