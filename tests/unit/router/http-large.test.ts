import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, it } from 'node:test';
import { startPlane, type TestPlane } from './support/plane.ts';
import { BIG_BYTES, type RawBackend, startRawBackend } from './support/raw-backend.ts';
import { tableOf } from './support/tables.ts';

for (const transport of ['onread', 'stream'] as const) {
  describe(`many large answers at once over ${transport}`, () => {
    let backend: RawBackend;
    let plane: TestPlane;
    before(async () => {
      backend = await startRawBackend();
      plane = await startPlane({ transport });
      plane.install(tableOf({ members: { only: [backend.address] } }));
    });
    after(() => {
      plane.close();
      backend.close();
    });

    it('mixes nothing up for slow readers', async () => {
      const received = await Promise.all(Array.from({ length: 4 }, () => readSlowly(plane.port)));
      for (const { bytes, intact } of received) {
        assert.equal(bytes, BIG_BYTES);
        assert.ok(intact);
      }
    });
  });
}

/** Stops reading after every piece, so that writes become asynchronous. */
function readSlowly(port: number): Promise<{ bytes: number; intact: boolean }> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    let head = Buffer.alloc(0);
    let inBody = false;
    let bytes = 0;
    let intact = true;
    socket.write('GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    socket.on('data', (chunk: Buffer) => {
      let body: Uint8Array = chunk;
      if (!inBody) {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        inBody = true;
        body = head.subarray(end + 4);
      }
      bytes += body.length;
      for (let i = 0; i < body.length; i += 97) intact &&= body[i] === 97;
      socket.pause();
      setTimeout(() => socket.resume(), 1);
    });
    socket.on('close', () => resolve({ bytes, intact }));
  });
}
