import assert from 'node:assert/strict';
import type http from 'node:http';
import type net from 'node:net';
import { test } from 'node:test';
import { createProbe, type ProbeOptions } from '../../../src/probe/probe.ts';
import type { RequestRecord } from '../../../src/probe/types.ts';
import { nobody, serveHttp, serveRaw, type TestServer } from './servers.ts';

async function probeOnce(url: string, options: Partial<ProbeOptions> = {}): Promise<RequestRecord> {
  const records: RequestRecord[] = [];
  const summary = await createProbe({ url, requests: 1, ...options, onRecord: (r) => records.push(r) }).run();
  assert.equal(summary.requests, 1);
  const [record] = records;
  assert.ok(record);
  return record;
}

async function kindFrom(server: TestServer, options?: Partial<ProbeOptions>): Promise<RequestRecord> {
  try {
    return await probeOnce(server.url, options);
  } finally {
    await server.close();
  }
}

const answering = (status: number, headers: http.OutgoingHttpHeaders = {}, body = 'x') =>
  serveHttp((_request, response) => response.writeHead(status, headers).end(body));

const rawAnswer = (bytes: string, end: (socket: net.Socket) => void) =>
  serveRaw((socket) => {
    socket.once('data', () => socket.write(bytes, () => end(socket)));
  });

test('an address where nobody listens is refused', async () => {
  assert.equal((await probeOnce(await nobody())).failure, 'refused');
});

test('a name that does not exist is unreachable', async () => {
  assert.equal((await probeOnce('http://no-such-host.invalid/')).failure, 'unreachable');
});

test('a connection closed before the answer is closed', async () => {
  const record = await kindFrom(await rawAnswer('', (socket) => socket.end()));
  assert.equal(record.failure, 'closed');
  assert.equal(record.status, null);
});

test('a connection reset before the answer is reset', async () => {
  assert.equal((await kindFrom(await rawAnswer('', (socket) => socket.resetAndDestroy()))).failure, 'reset');
});

test('an answer that dies in its body is a failure, though its status was 200', async () => {
  const half = 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\nx-crossfade-revision: v1-a\r\n\r\nhalf';
  const record = await kindFrom(await rawAnswer(half, (socket) => socket.end()));
  assert.equal(record.failure, 'bad_body');
  assert.equal(record.status, 200);
  assert.equal(record.revision, 'v1-a');
});

test('a chunked answer without its last chunk is a failure', async () => {
  const half = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n';
  assert.equal((await kindFrom(await rawAnswer(half, (socket) => socket.end()))).failure, 'bad_body');
});

test('something that is not HTTP is a bad answer', async () => {
  assert.equal((await kindFrom(await rawAnswer('SSH-2.0-x\r\n', (s) => s.end()))).failure, 'bad_answer');
});

test('an upgrade that nobody asked for is a bad answer', async () => {
  const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';
  const record = await kindFrom(await rawAnswer(upgrade, () => {}));
  assert.equal(record.failure, 'bad_answer');
  assert.equal(record.status, 101);
});

test('a 101 that upgrades nothing ends too', async () => {
  const record = await kindFrom(await rawAnswer('HTTP/1.1 101 X\r\n\r\n', (s) => s.end()));
  assert.ok(record.failure !== null);
});

test('a head without an end is a bad answer, before it fills memory', async () => {
  const server = await serveRaw((socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    const more = () => {
      while (socket.writable && socket.write(`x-filler: ${'a'.repeat(1000)}\r\n`));
    };
    socket.on('drain', more);
    more();
  });
  assert.equal((await kindFrom(server)).failure, 'bad_answer');
});

test('where no TLS is spoken, that is told', async () => {
  const server = await serveHttp((_request, response) => response.end('plain'));
  try {
    assert.equal((await probeOnce(server.url.replace('http:', 'https:'))).failure, 'tls');
  } finally {
    await server.close();
  }
});

test('no answer within the limit is a timeout', async () => {
  const server = await serveHttp(() => {});
  assert.equal((await kindFrom(server, { timeoutMs: 50 })).failure, 'timeout');
});

test('a body that never ends is a timeout as well', async () => {
  const server = await serveHttp((_request, response) => response.write('begin'));
  assert.equal((await kindFrom(server, { timeoutMs: 50 })).failure, 'timeout');
});

test("the router's own 503 is told from the application's", async () => {
  const byRouter = await kindFrom(await answering(503, { 'x-crossfade-error': 'E_NO_REPLICA' }));
  assert.equal(byRouter.failure, 'http_503_router');
  assert.equal(byRouter.revision, null);
  assert.equal(byRouter.detail, '503 E_NO_REPLICA x');
  const byApp = await kindFrom(await answering(503, { 'x-crossfade-revision': 'v1-a' }));
  assert.equal(byApp.failure, 'http_5xx');
  assert.equal(byApp.revision, 'v1-a');
});

test("the router's other errors have a kind of their own", async () => {
  const record = await kindFrom(await answering(404, { 'x-crossfade-error': 'E_NO_ROUTE' }));
  assert.equal(record.failure, 'http_router');
});

test('an answer of 400 and above fails unless that status is accepted', async () => {
  assert.equal((await kindFrom(await answering(404))).failure, 'http_4xx');
  assert.equal((await kindFrom(await answering(404), { acceptStatus: [404] })).failure, null);
  assert.equal((await kindFrom(await answering(302, { location: '/' }))).failure, null);
});

test('control characters of a body do not reach the log', async () => {
  const record = await kindFrom(await answering(200, {}, 'a\u001b[31mred\r\n\tb'));
  assert.equal(record.detail, 'a [31mred b');
});

test('a run over dead and living answers counts each kind', async () => {
  let n = 0;
  const server = await serveHttp((_request, response) => {
    n += 1;
    if (n % 2 === 0) response.destroy();
    else response.end('ok');
  });
  try {
    const summary = await createProbe({ url: server.url, requests: 10 }).run();
    assert.equal(summary.failed, 5);
    assert.deepEqual(summary.failures, { closed: 5 });
  } finally {
    await server.close();
  }
});
