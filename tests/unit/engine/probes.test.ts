import assert from 'node:assert/strict';
import net from 'node:net';
import { it, type TestContext } from 'node:test';
import type { ProbeAnswer } from '../../../src/engines/process/probes/answer.ts';
import { probeExec } from '../../../src/engines/process/probes/exec.ts';
import { probeHttp } from '../../../src/engines/process/probes/http.ts';
import { probeLoop } from '../../../src/engines/process/probes/loop.ts';
import { probeTcp } from '../../../src/engines/process/probes/tcp.ts';
import { backoffMs } from '../../../src/engines/process/replica/backoff.ts';
import { processesWith, until } from './support.ts';

const { signal } = new AbortController();

/** Says the same to everyone, and remembers what it was asked. */
async function saying(t: TestContext, answer: string): Promise<{ port: number; heard: () => string }> {
  let heard = '';
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      heard += data.toString();
      if (answer !== '') socket.end(answer);
    });
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as net.AddressInfo).port, heard: () => heard };
}

const http = (
  port: number,
  given: { headers?: Record<string, string>; host?: string; timeoutMs?: number } = {},
) => probeHttp({ port, path: '/healthz?x=1', headers: {}, timeoutMs: 5000, signal, ...given });

it('200 to 399 passes, everything else is told', async (t) => {
  for (const [status, ok] of [
    [200, true],
    [204, true],
    [302, true],
    [399, true],
    [400, false],
    [404, false],
    [503, false],
  ] as const) {
    const { port } = await saying(t, `HTTP/1.1 ${status} X\r\nlocation: /\r\ncontent-length: 0\r\n\r\n`);
    assert.deepEqual(await http(port), { ok, detail: `GET /healthz?x=1 answered ${status}` });
  }
});

it('sends the headers and the Host that were asked for, and always to 127.0.0.1', async (t) => {
  const { port, heard } = await saying(t, 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  await http(port, { headers: { 'X-Token': 'abc' }, host: 'shop.example' });
  assert.match(heard(), /^GET \/healthz\?x=1 HTTP\/1\.1\r\n/);
  assert.match(heard(), /\r\nhost: shop\.example\r\n/i);
  assert.match(heard(), /\r\nX-Token: abc\r\n/);
});

it('silence, refusal, an early end and nonsense are told apart', async (t) => {
  const silent = await saying(t, '');
  assert.deepEqual(await http(silent.port, { timeoutMs: 100 }), {
    ok: false,
    detail: 'no answer within 0.1 s',
  });
  const nonsense = await saying(t, 'SSH-2.0-OpenSSH\r\n');
  assert.match((await http(nonsense.port)).detail, /answered something that is not HTTP/);
  const server = net.createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  assert.equal((await http(port)).detail, `127.0.0.1:${port} closed the connection without an answer`);
  await new Promise((resolve) => server.close(resolve));
  assert.deepEqual(await http(port), { ok: false, detail: `connection refused on 127.0.0.1:${port}` });
  assert.deepEqual(await probeTcp({ port, timeoutMs: 1000, signal }), {
    ok: false,
    detail: `connection refused on 127.0.0.1:${port}`,
  });
  assert.deepEqual(await probeTcp({ port: silent.port, timeoutMs: 1000, signal }), {
    ok: true,
    detail: `127.0.0.1:${silent.port} accepts connections`,
  });
});

it('a status counts although its body never ends', async (t) => {
  const { port } = await saying(
    t,
    `HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n${'x'.repeat(100_000)}`,
  );
  assert.equal((await http(port)).ok, true);
});

it('a command is judged by its exit code, told with its first error line, and ended with its children at the timeout', async () => {
  const exec = (script: string, timeoutMs = 5000) =>
    probeExec({
      command: ['sh', '-c', script],
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', MARK: 'crossfade-exec-probe-test' },
      timeoutMs,
      signal,
    });
  assert.deepEqual(await exec('echo fine >&2'), { ok: true, detail: 'exit code 0' });
  assert.deepEqual(await exec('echo first >&2; echo second >&2; exit 3'), {
    ok: false,
    detail: 'exit code 3: first',
  });
  assert.deepEqual(await exec('kill -KILL $$'), { ok: false, detail: 'ended by SIGKILL' });
  assert.deepEqual(await exec('sleep 1000 & sleep 1000', 150), {
    ok: false,
    detail: 'no answer within 0.15 s',
  });
  await until('its children ended', () => processesWith('MARK=crossfade-exec-probe-test').length === 0);
  const missing = await probeExec({ command: ['no-such-check'], cwd: '/', env: {}, timeoutMs: 1000, signal });
  assert.match(missing.detail, /^no-such-check could not be started/);
});

/** Asks a script of answers; gives what was decided after each. */
async function decided(
  answers: string,
  probe: { successThreshold: number; failureThreshold: number },
): Promise<string> {
  const ending = new AbortController();
  let at = 0;
  let out = '';
  await probeLoop(
    {
      probe: { initialDelaySeconds: 0, periodSeconds: 0.001, ...probe },
      eager: true,
      ask: async (): Promise<ProbeAnswer> => ({ ok: answers[at++] === '+', detail: '' }),
      heard: (_answer, passing) => {
        out += passing ? 'P' : '.';
        if (at === answers.length) ending.abort();
      },
    },
    ending.signal,
  );
  return out;
}

it('passing and failing need so many answers in a row', async () => {
  assert.equal(await decided('+-+--+---+', { successThreshold: 1, failureThreshold: 1 }), 'P.P..P...P');
  assert.equal(await decided('+-+--+---+', { successThreshold: 1, failureThreshold: 3 }), 'PPPPPPPP.P');
  assert.equal(await decided('-++-+++--+', { successThreshold: 3, failureThreshold: 2 }), '......PP..');
});

it('a probe that is not possible fails in words and is asked again', async () => {
  const ending = new AbortController();
  const heard: string[] = [];
  const probe = { initialDelaySeconds: 0, periodSeconds: 0.001, successThreshold: 1, failureThreshold: 1 };
  const ask = () => probeHttp({ port: 1, path: '/a b', headers: {}, timeoutMs: 1000, signal });
  const told = ({ detail }: ProbeAnswer) => {
    heard.push(detail);
    if (heard.length === 2) ending.abort();
  };
  await probeLoop({ probe, eager: true, ask, heard: told }, ending.signal);
  assert.match(heard[1] ?? '', /^the probe is not possible: .*unescaped characters/);
});

it('asking ends with the signal, also in the middle of a wait', async () => {
  const ending = new AbortController();
  const probe = { initialDelaySeconds: 1000, periodSeconds: 1, successThreshold: 1, failureThreshold: 1 };
  const asking = probeLoop(
    { probe, eager: true, ask: async () => assert.fail('asked'), heard: () => assert.fail('heard') },
    ending.signal,
  );
  ending.abort();
  await asking;
});

it('pauses between starts double up to half a minute', () => {
  assert.deepEqual([1, 2, 3, 4, 9, 10, 1000].map(backoffMs), [100, 200, 400, 800, 25_600, 30_000, 30_000]);
});
