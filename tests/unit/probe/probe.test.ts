import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProbe } from '../../../src/probe/probe.ts';
import type { RequestRecord, SwitchView } from '../../../src/probe/types.ts';
import { serveHttp, type TestServer } from './servers.ts';

async function withServer(
  server: Promise<TestServer>,
  use: (server: TestServer) => Promise<void>,
): Promise<void> {
  const opened = await server;
  try {
    await use(opened);
  } finally {
    await opened.close();
  }
}

const ok = () => serveHttp((_request, response) => response.end('ok'));

test('kept-alive requests share one connection, fresh ones have one each, mixed are half and half', async () => {
  for (const [connections, expected] of [
    ['kept', 1],
    ['fresh', 20],
    ['mixed', 11],
  ] as const) {
    await withServer(ok(), async (server) => {
      const summary = await createProbe({ url: server.url, requests: 20, connections }).run();
      assert.equal(summary.failed, 0);
      assert.equal(server.connections(), expected, connections);
    });
  }
});

test('a POST is a POST, without a body', async () => {
  const heard: unknown[] = [];
  const server = serveHttp((request, response) => {
    heard.push([request.method, request.headers['content-length'], request.headers['transfer-encoding']]);
    response.end('ok');
  });
  await withServer(server, async ({ url }) => {
    await createProbe({ url, requests: 1, method: 'POST' }).run();
    assert.deepEqual(heard, [['POST', '0', undefined]]);
  });
});

test('exactly as many requests are sent as were asked for, at a rate and without one', async () => {
  await withServer(ok(), async ({ url }) => {
    const inTurn = await createProbe({ url, requests: 57, concurrency: 8 }).run();
    assert.equal(inTurn.requests, 57);
    const atRate = await createProbe({ url, requests: 57, rps: 1000 }).run();
    assert.equal(atRate.requests, 57);
  });
});

test('at a rate for a time, the number of requests is their product', async () => {
  await withServer(ok(), async ({ url }) => {
    const summary = await createProbe({ url, rps: 200, durationMs: 500 }).run();
    assert.equal(summary.requests, 100);
    assert.equal(summary.notSent, 0);
  });
});

test('no more than `concurrency` requests are open at a time', async () => {
  let [open, most] = [0, 0];
  const slow = serveHttp((_request, response) => {
    open += 1;
    most = Math.max(most, open);
    setTimeout(() => {
      open -= 1;
      response.end('ok');
    }, 10);
  });
  await withServer(slow, async ({ url }) => {
    await createProbe({ url, rps: 2000, requests: 40, concurrency: 3 }).run();
    assert.equal(most, 3);
  });
});

test('latency counts from when a request was due, not from when a stalled client got round to it', async () => {
  let n = 0;
  const stalls = serveHttp((_request, response) => {
    n += 1;
    if (n === 1) setTimeout(() => response.end('late'), 300);
    else response.end('ok');
  });
  await withServer(stalls, async ({ url }) => {
    const records: RequestRecord[] = [];
    const probe = createProbe({
      url,
      rps: 100,
      requests: 20,
      concurrency: 1,
      onRecord: (r) => records.push(r),
    });
    const { p50Ms } = await probe.run();
    // Due at 100 ms, while the first was still open: it waited for 200 ms before it was sent.
    const tenth = records[10];
    assert.ok(tenth);
    assert.ok(tenth.startedAt - tenth.intendedAt > 150, `${tenth.startedAt - tenth.intendedAt}`);
    assert.ok(p50Ms > 100, `half of all requests felt the stall: ${p50Ms}`);
  });
});

test('what was due and could not be sent is said', async () => {
  const never = serveHttp(() => {});
  await withServer(never, async ({ url }) => {
    const probe = createProbe({ url, rps: 100, durationMs: 300, concurrency: 1, timeoutMs: 600 });
    const summary = await probe.run();
    assert.equal(summary.requests, 1);
    assert.equal(summary.notSent, 29);
  });
});

test('stop() ends an endless run, and what is open still gets its answer', async () => {
  const slow = serveHttp((_request, response) => setTimeout(() => response.end('ok'), 50));
  await withServer(slow, async ({ url }) => {
    for (const rps of [undefined, 100]) {
      const probe = createProbe({
        url,
        ...(rps === undefined ? {} : { rps }),
        onRecord: (record) => record.number === 3 && probe.stop(),
      });
      const summary = await probe.run();
      assert.ok(summary.requests >= 3);
      assert.equal(summary.failed, 0);
    }
  });
});

test('a switch is seen with its last old and first new answer', async () => {
  let n = 0;
  const server = serveHttp((_request, response) => {
    n += 1;
    response.setHeader('x-crossfade-revision', n <= 150 ? 'v1-old' : 'v1-new');
    response.end();
  });
  await withServer(server, async ({ url }) => {
    const seen: { found: SwitchView; number: number }[] = [];
    const probe = createProbe({
      url,
      requests: 300,
      onSwitch: (found, record) => seen.push({ found, number: record.number }),
    });
    const summary = await probe.run();
    assert.deepEqual(
      seen.map((one) => one.number),
      [151],
    );
    assert.deepEqual(summary.byRevision, {
      'v1-old': { requests: 150, percent: 50 },
      'v1-new': { requests: 150, percent: 50 },
    });
    const [only] = summary.switches;
    assert.ok(only?.lastOldAt && only.lastOldAt < only.firstNewAt);
    assert.equal(only.from, 'v1-old');
    assert.equal(only.to, 'v1-new');
  });
});

test('shop.localhost is this machine, whatever the resolver knows', async () => {
  let host: string | undefined;
  const server = serveHttp((request, response) => {
    host = request.headers.host;
    response.end();
  });
  await withServer(server, async ({ url }) => {
    const named = url.replace('127.0.0.1', 'shop.localhost');
    const summary = await createProbe({ url: named, requests: 2 }).run();
    assert.equal(summary.failed, 0);
    assert.equal(`http://${host}/`, named);
  });
});
