import assert from 'node:assert/strict';
import { once as event } from 'node:events';
import { describe, it } from 'node:test';
import { WebSocket } from 'ws';
import type { Router } from '../../../src/ports/router.ts';
import { waitFor } from '../../support/wait-for.ts';
import { once } from './client.ts';
import { Lab } from './lab.ts';

const LATER_MS = 60_000;

async function openWebSocket(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { Host: 'shop.localhost' } });
  socket.on('error', () => {});
  await event(socket, 'open');
  return socket;
}

async function echo(socket: WebSocket, text: string): Promise<string> {
  socket.send(text);
  const [data] = await event(socket, 'message');
  return String(data);
}

export function drainCases(router: () => Router): void {
  describe('a drain', () => {
    it('is done when the last open request of the replica is, and that is announced', async (t) => {
      const lab = await Lab.start(t, router());
      const [a, b] = await Promise.all([lab.backend('a'), lab.backend('b')]);
      await lab.apply({ members: { pool: [a] } });
      const slow = once(lab.port, { path: '/slow' });
      await lab.inFlight('a', 1);
      await lab.apply({ members: { pool: [b] } });
      await lab.router.drain(lab.context(), 'a', Date.now() + LATER_MS);
      assert.equal((await lab.observe()).view.inFlight.a, 1);
      assert.equal((await once(lab.port)).body, 'b');
      const heard: string[] = [];
      t.after(lab.router.onChange((app) => heard.push(app)));
      a.release();
      assert.equal((await slow).body, 'a');
      await waitFor(() => heard.length > 0, { what: 'the end of the drain to be announced' });
      await lab.inFlight('a', 0);
    });

    it('closes the idle connections to the replica', async (t) => {
      const lab = await Lab.start(t, router());
      const [a, b] = await Promise.all([lab.backend('a'), lab.backend('b')]);
      await lab.apply({ members: { pool: [a] } });
      await Promise.all(Array.from({ length: 5 }, () => once(lab.port)));
      assert.ok(a.openConnections() > 0);
      await lab.apply({ members: { pool: [b] } });
      await lab.router.drain(lab.context(), 'a', Date.now() + LATER_MS);
      await waitFor(() => a.openConnections() === 0, { what: 'idle connections to be closed' });
    });

    it('sends nothing new to a replica that is still in the table', async (t) => {
      const lab = await Lab.start(t, router());
      const [a, b] = await Promise.all([lab.backend('a'), lab.backend('b')]);
      await lab.apply({ members: { pool: [a, b] } });
      await lab.router.drain(lab.context(), 'a', Date.now() + LATER_MS);
      for (let i = 0; i < 10; i++) assert.equal((await once(lab.port)).body, 'b');
      await lab.apply({ members: { pool: [a] } });
      assert.equal((await once(lab.port)).body, 'a', 'a table that names it again takes it back');
    });

    it('ends at its deadline: what was not answered is answered by the router', async (t) => {
      const lab = await Lab.start(t, router());
      const [a, b] = await Promise.all([lab.backend('a'), lab.backend('b')]);
      await lab.apply({ members: { pool: [a] } });
      const hanging = once(lab.port, { path: '/hang' });
      await lab.inFlight('a', 1);
      await lab.apply({ members: { pool: [b] } });
      await lab.router.drain(lab.context(), 'a', Date.now());
      const reply = await hanging;
      assert.equal(reply.status, 503);
      assert.ok(reply.headers.get('x-crossfade-error'));
      await lab.inFlight('a', 0);
    });

    it('counts WebSockets, lets them go on, and closes them spread over their own time', async (t) => {
      const lab = await Lab.start(t, router());
      const [a, b] = await Promise.all([lab.backend('a'), lab.backend('b')]);
      const front = { drainLongMs: 400 };
      await lab.apply({ members: { pool: [a] }, front });
      const sockets = await Promise.all([1, 2, 3, 4].map(() => openWebSocket(lab.port)));
      const [first] = sockets;
      assert.ok(first);
      assert.equal(await echo(first, 'hello'), 'a: hello');
      await lab.inFlight('a', 4);
      await lab.apply({ members: { pool: [b] }, front });
      assert.equal(await echo(first, 'still'), 'a: still');
      const next = await openWebSocket(lab.port);
      assert.equal(await echo(next, 'new'), 'b: new');
      const order: number[] = [];
      const closed = sockets.map((socket, i) => event(socket, 'close').then(() => order.push(i)));
      await lab.router.drain(lab.context(), 'a', Date.now());
      await Promise.all(closed);
      assert.equal(order.length, 4);
      await lab.inFlight('a', 0);
      assert.equal(await echo(next, 'stays'), 'b: stays');
      next.close();
      await lab.inFlight('b', 0);
    });
  });
}
