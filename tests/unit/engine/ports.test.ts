import assert from 'node:assert/strict';
import net from 'node:net';
import { it } from 'node:test';
import { canListen, createPorts, defaultRange, rangeOutside } from '../../../src/engines/process/ports.ts';
import {
  listenerOn,
  listeningSockets,
  portsOf,
  stillListens,
} from '../../../src/engines/process/replica/listeners.ts';
import { readStat } from '../../../src/engines/process/replica/procfs.ts';

function listening(t: { after(clean: () => void): void }, host: string, port = 0): Promise<number> {
  const server = net.createServer();
  t.after(() => server.close());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve((server.address() as net.AddressInfo).port));
  });
}

it('ports are taken where no outgoing connection gets one', () => {
  assert.deepEqual(rangeOutside('32768\t60999\n'), { from: 20_000, to: 32_767 });
  assert.deepEqual(rangeOutside('1024 60999'), { from: 61_000, to: 65_535 });
  assert.deepEqual(rangeOutside('15000 65535'), { from: 10_000, to: 14_999 });
  assert.deepEqual(rangeOutside('not a range'), { from: 20_000, to: 32_767 });
  const { from, to } = defaultRange();
  assert.ok(from >= 1024 && to <= 65_535 && to - from > 500);
});

it('no port is given twice before it was given back, also when all ask at once', async () => {
  const ports = createPorts({ from: 19_000, to: 19_029 });
  const given = await Promise.all(Array.from({ length: 30 }, () => ports.allocate()));
  assert.equal(new Set(given).size, 30);
  assert.ok(given.every((port) => port >= 19_000 && port <= 19_029));
  await assert.rejects(ports.allocate(), {
    code: 'E_NO_FREE_PORT',
    message: 'no free port on 127.0.0.1 from 19000 to 19029',
  });
  ports.release(19_007);
  assert.equal(await ports.allocate(), 19_007);
});

it('a port that an adopted replica has is claimed once', async () => {
  const ports = createPorts({ from: 19_040, to: 19_041 });
  assert.deepEqual([ports.claim(19_040), ports.claim(19_040)], [true, false]);
  assert.equal(await ports.allocate(19_040), 19_041);
});

it('a port that someone listens on, on whatever address, is not given', async (t) => {
  const taken = [
    await listening(t, '127.0.0.1', 19_050),
    await listening(t, '0.0.0.0', 19_051),
    await listening(t, '::', 19_052),
  ];
  for (const port of taken) assert.equal(await canListen(port), false);
  assert.equal(await createPorts({ from: 19_050, to: 19_053 }).allocate(), 19_053);
});

it('a listener is known by the process that has it open, whatever address it is bound to', async (t) => {
  const self = [readStat(process.pid) ?? assert.fail()];
  for (const host of ['127.0.0.1', '0.0.0.0', '::']) {
    const port = await listening(t, host);
    const own = listenerOn(port, self);
    assert.equal(own.kind, 'own', host);
    assert.ok(stillListens(own));
    assert.deepEqual(listenerOn(port, []), { kind: 'stranger' });
    assert.ok(portsOf(self).includes(port));
  }
});

it('a listener that is gone is not taken for one that listens', async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  const own = listenerOn(port, [readStat(process.pid) ?? assert.fail()]);
  await new Promise((resolve) => server.close(resolve));
  assert.equal(stillListens(own), false);
  assert.deepEqual(listenerOn(port, []), { kind: 'nobody' });
});

it('a listener on ::1 or another address does not answer for 127.0.0.1', async (t) => {
  const port = await listening(t, '127.0.0.2');
  assert.equal(listeningSockets(port).size, 0);
});
