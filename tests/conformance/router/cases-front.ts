import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, it } from 'node:test';
import type { Router } from '../../../src/ports/router.ts';
import { freePort } from '../../support/free-port.ts';
import { waitFor } from '../../support/wait-for.ts';
import { occupy } from './backend.ts';
import { KeptAlive, once } from './client.ts';
import { Lab } from './lab.ts';
import { startLoad } from './load.ts';

export function frontCases(router: () => Router): void {
  describe('a front', () => {
    it('on a taken port is refused with the address and who holds it, and the route stays', async (t) => {
      const lab = await Lab.start(t, router());
      const pools = { blue: [await lab.backend('blue')] };
      await lab.apply({ members: pools });
      const port = await freePort();
      const other = await occupy(port);
      t.after(() => other.close());
      const listen = { host: '127.0.0.1', port };
      const taken = {
        code: 'E_PORT_TAKEN',
        message: new RegExp(`127\\.0\\.0\\.1:${port}.*pid ${process.pid}`),
      };
      await assert.rejects(lab.router.check(lab.table({ members: pools, front: { listen } }).front), taken);
      await assert.rejects(lab.apply({ members: pools, front: { listen } }), taken);
      assert.equal((await once(lab.port)).body, 'blue');
      assert.equal((await lab.observe()).view.ackedGeneration, 1);
    });

    it('that can be served is checked without being served', async (t) => {
      const lab = await Lab.start(t, router());
      const { front } = lab.table({ members: { blue: [] } });
      await lab.router.check(front);
      await assert.rejects(once(lab.port), { code: 'ECONNREFUSED' });
      await lab.apply({ members: { blue: [await lab.backend('blue')] } });
      await lab.router.check(front);
    });

    it('moves to another port: the old one closes, and its connections get one more answer', async (t) => {
      const lab = await Lab.start(t, router());
      const pools = { blue: [await lab.backend('blue')] };
      await lab.apply({ members: pools });
      const client = new KeptAlive(lab.port);
      t.after(() => client.close());
      await client.get();
      const listen = { host: '127.0.0.1', port: await freePort() };
      await lab.apply({ members: pools, front: { listen } });
      assert.equal((await once(listen.port)).body, 'blue');
      const last = await client.get();
      assert.equal(last.body, 'blue');
      assert.equal(last.headers.get('connection'), 'close');
      await assert.rejects(once(lab.port), { code: 'ECONNREFUSED' });
    });

    it('is gone when its App is, and can be taken again', async (t) => {
      const lab = await Lab.start(t, router());
      const pools = { blue: [await lab.backend('blue')] };
      await lab.apply({ members: pools });
      await lab.router.remove(lab.context());
      await waitFor(
        async () =>
          await once(lab.port).then(
            () => false,
            () => true,
          ),
        { what: 'the port to close' },
      );
      assert.equal((await lab.observe()).view.ackedGeneration, 0);
      await lab.router.remove(lab.context());
      lab.generation = 0;
      lab.stateVersion = 0;
      await lab.apply({ members: pools });
      assert.equal((await once(lab.port)).body, 'blue');
    });

    it('passes streams on piece by piece', async (t) => {
      const lab = await Lab.start(t, router());
      const a = await lab.backend('a');
      await lab.apply({ members: { pool: [a] } });
      const socket = net.connect(lab.port, '127.0.0.1');
      t.after(() => socket.destroy());
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString();
      });
      socket.write('GET /stream HTTP/1.1\r\nHost: shop.localhost\r\n\r\n');
      for (const piece of ['first', 'second', 'third']) {
        await waitFor(() => text.includes(`${piece}\n`), { what: `the ${piece} piece` });
        assert.equal(text.endsWith('0\r\n\r\n'), piece === 'third');
        a.release();
      }
      await lab.inFlight('a', 0);
    });

    it('loses nothing while other Apps come and go', async (t) => {
      const lab = await Lab.start(t, router());
      const pools = { blue: [await lab.backend('blue')] };
      await lab.apply({ members: pools });
      const load = startLoad({ port: lab.port, kept: 8, fresh: 4 });
      for (let i = 0; i < 10; i++) {
        const other = new Lab(t, lab.router, `default/other-${i}`, lab.port);
        await other.apply({ members: pools, front: { host: `other-${i}.localhost` } });
        await load.more(20);
        await other.router.remove(other.context());
      }
      await load.stop();
      assert.deepEqual(load.failures, []);
      assert.deepEqual(new Set(load.replies.map((reply) => reply.status)), new Set([200]));
    });
  });
}
