/** What is wrong with the machine in the middle of a release is told clearly, and users lose nothing by it. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, open } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { AppView } from '../../src/api/types.ts';
import { cli } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { type Cleanup, tempDir } from '../support/temp-dir.ts';
import { waitFor } from '../support/wait-for.ts';
import { createDriver, type Driver } from './harness/driver.ts';
import { type Lab, withLab } from './harness/lab.ts';
import { rolesUnder } from './harness/processes.ts';
import { assertServed, openSite, type Site } from './harness/site.ts';

const STRATEGY = { canary: { steps: [{ setWeight: 50 }, { pause: {} }], scaleDownDelaySeconds: 0 } };
const isPaused = ({ status }: AppView): boolean => status.phase === 'Paused';

/** Half of the users are on version 2, and the release waits; afterwards it is promoted, and nobody has noticed anything. */
async function inMidRelease(
  t: Cleanup,
  body: (lab: Lab, site: Site, driver: Driver) => Promise<void>,
): Promise<void> {
  await withLab(t, async (lab) => {
    await lab.crossfade(['get', 'apps']);
    const site = await openSite(lab, { name: 'shop', strategy: STRATEGY, replicas: 1 });
    const driver = createDriver(site);
    try {
      await lab.explaining(site.name, async () => {
        await driver.apply(1);
        await driver.toTheEndOf('r1');
        site.begin();
        await driver.apply(2);
        await site.until('the pause', isPaused);
        await body(lab, site, driver);
        const paused = await site.until('the pause', isPaused);
        assert.equal(paused.status.release?.id, 'r2');
        assert.equal((await driver.command('promote')).result, 'done');
        assert.equal((await driver.toTheEndOf('r2')).verdict, 'promoted');
        await site.load.more(10);
      });
    } finally {
      await site.end();
    }
    assertServed(site);
  });
}

test('a second daemon says who is there and ends; commands that start one at the same time get the same', async (t) => {
  await inMidRelease(t, async (lab, site) => {
    const { pid } = await lab.client.version();
    const second = await cli(['daemon'], { stateDir: lab.stateDir });
    assert.notEqual(second.code, 0);
    assert.match(second.stderr, new RegExp(`Another crossfade daemon, pid ${pid}, already works on `));
    assert.equal((await lab.client.version()).pid, pid);
    await lab.crossfade(['daemon', 'stop']);
    await Promise.all([1, 2, 3, 4].map(() => lab.crossfade(['get', 'apps'])));
    // Those that came too late are on their way out.
    const isAlone = async () => (await rolesUnder(lab.stateDir)).daemons.length === 1;
    await waitFor(isAlone, { timeoutMs: 60_000, what: 'one daemon' });
    await site.load.more(5);
  });
});

test('an address that somebody else has is refused, and the release goes on where it is', async (t) => {
  await inMidRelease(t, async (lab, site, driver) => {
    const port = await freePort();
    const server = net.createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    const app = site.document(2);
    const elsewhere = { ...app, spec: { ...app.spec, route: { listen: port } } };
    const other = { ...elsewhere, metadata: { name: 'other' } };
    const refused = { code: 'E_PORT_TAKEN', message: new RegExp(`${port}`) };
    for (const [name, document] of Object.entries({ shop: elsewhere, other })) {
      const ref = { namespace: 'default', name };
      await assert.rejects(lab.client.apply(ref, { app: document, baseDir: lab.folder }), refused);
    }
    assert.deepEqual(
      (await lab.client.apps()).map(({ metadata }) => metadata.name),
      ['shop'],
    );
    assert.equal((await driver.view()).metadata.generation, 2);
    server.close();
    await once(server, 'close');
  });
});

test('a damaged database is refused as it is; users are served, and with a whole one everything is where it was', async (t) => {
  await inMidRelease(t, async (lab, site) => {
    const file = path.join(lab.stateDir, 'crossfade.db');
    await lab.crossfade(['daemon', 'stop']);
    await copyFile(file, path.join(lab.folder, 'backup.db'));
    const handle = await open(file, 'r+');
    await handle.write(Buffer.alloc(4096 * 3, 0xaa), 0, 4096 * 3, 4096);
    await handle.close();
    const { code, stderr } = await cli(['get', 'apps'], { stateDir: lab.stateDir });
    assert.notEqual(code, 0);
    assert.ok(stderr.includes(`The state in ${file} is damaged`), stderr);
    await site.load.more(20);
    await copyFile(path.join(lab.folder, 'backup.db'), file);
    await lab.crossfade(['get', 'apps']);
  });
});

/** Root owns mounts here; anyone else becomes root of a user namespace, where the system allows that. */
const NAMESPACE = [...(process.getuid?.() === 0 ? [] : ['-r']), '--mount', '--propagation', 'private'];
const skip =
  spawnSync('unshare', [...NAMESPACE, 'true']).status === 0 ? false : 'this system allows no private mounts';

test('a disk that is full, or read-only, keeps no user from being served nor a release from going back', {
  skip,
}, async (t) => {
  const script = path.join(import.meta.dirname, 'harness', 'full-disk.ts');
  const args = [
    ...NAMESPACE,
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    script,
    await tempDir(t),
  ];
  const { stdout } = await promisify(execFile)('unshare', args);
  assert.deepEqual(stdout.trim().split('\n'), ['ok full', 'ok full-and-crashed', 'ok read-only']);
});
