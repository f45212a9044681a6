import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import { Command } from 'commander';
import type { CliContext } from '../../../src/cli/context.ts';
import { Exit } from '../../../src/cli/exit.ts';
import { addGlobalFlags } from '../../../src/cli/globals.ts';
import { registerProbe } from '../../../src/cli/probe.ts';
import { nobody, serveHttp } from './servers.ts';

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

function collector(): Writable & { text(): string } {
  let all = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      all += chunk;
      done();
    },
  });
  return Object.assign(stream, { text: () => all });
}

/** Runs one command line in this process, as src/main.ts does. */
async function crossfade(...args: string[]): Promise<Ran> {
  const [stdout, stderr] = [collector(), collector()];
  const ctx: CliContext = {
    stdout,
    stderr,
    stdin: new PassThrough(),
    env: {},
    cwd: import.meta.dirname,
    isTTY: false,
    entry: [],
    runDaemon: () => Promise.reject(new Error('no daemon here')),
    runController: async () => undefined,
    openCluster: () => Promise.reject(new Error('no cluster here')),
  };
  const program = new Command('crossfade');
  addGlobalFlags(program);
  registerProbe(program, ctx);
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ writeErr: (text) => stderr.write(text) });
  }
  let code = 0;
  await program.parseAsync(args, { from: 'user' }).catch((error: Error & { exitCode?: number }) => {
    if (!(error instanceof Exit)) stderr.write(error.message);
    code = error instanceof Exit ? error.code : (error.exitCode ?? 1);
  });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

const shop = (versionOf: (n: number) => string) => {
  let n = 0;
  return serveHttp((_request, response) => {
    n += 1;
    response.setHeader('content-type', 'application/json');
    response.end(`{"version": "${versionOf(n)}", "errors": []}`);
  });
};

test('--log prints the line of a test client for every request, and marks the switch', async () => {
  const server = await shop((n) => (n <= 3 ? '1.0.0' : '1.0.1'));
  const { code, stdout } = await crossfade('probe', server.url, '--requests', '6', '--log');
  await server.close();
  assert.equal(code, 0);
  const lines = stdout.split('\n');
  for (const line of lines.slice(0, 3)) {
    assert.match(
      line,
      /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] \{"version": "1\.0\.0", "errors": \[\]\} in \d+\.\d{6}s {2}1\.0\.0$/,
    );
  }
  assert.match(
    lines[4] ?? '',
    /^---- switch: first answer of revision 1\.0\.1 at .* \(before: 1\.0\.0\) ----$/,
  );
  assert.match(stdout, /^requests {3}6 /m);
  assert.match(stdout, /^failed {5}0$/m);
  assert.match(stdout, /^switch {5}[\d:.]+ {2}1\.0\.0 -> 1\.0\.1$/m);
});

test('-o json ends with one line that carries the fixed fields', async () => {
  const server = await shop(() => '1.0.0');
  const { code, stdout } = await crossfade('probe', server.url, '--requests', '40', '--log', '-o', 'json');
  await server.close();
  assert.equal(code, 0);
  const body = JSON.parse(stdout);
  assert.equal(body.requests, 40);
  assert.equal(body.failed, 0);
  assert.deepEqual(body.failures, {});
  assert.deepEqual(body.byRevision, { '1.0.0': { requests: 40, percent: 100 } });
  for (const name of ['p50Ms', 'p99Ms', 'slowestMs']) assert.ok(body[name] > 0, name);
  assert.ok(body.p50Ms <= body.p99Ms && body.p99Ms <= body.slowestMs);
});

test('a request that failed makes it exit with 1, and is told by its kind', async () => {
  const { code, stdout } = await crossfade('probe', await nobody(), '--requests', '3', '-o', 'json');
  assert.equal(code, 1);
  assert.deepEqual(JSON.parse(stdout).failures, { refused: 3 });
});

test('--header is sent', async () => {
  let seen: string | undefined;
  const server = await serveHttp((request, response) => {
    seen = request.headers['x-user'] as string;
    response.end();
  });
  await crossfade('probe', server.url, '--requests', '1', '-H', 'X-User: 42');
  await server.close();
  assert.equal(seen, '42');
});

test('what cannot be meant is refused with what was expected', async () => {
  const refusals: [args: string[], expected: RegExp][] = [
    [['localhost:8000'], /neither a URL nor the name of an App/],
    [['http://'], /is not a URL/],
    [['http://x/', '--rps', '0'], /expected a number above 0/],
    [['http://x/', '--duration', '10'], /expected a time with its unit/],
    [['http://x/', '--requests', '1.5'], /expected a whole number/],
    [['http://x/', '--header', 'nonsense'], /expected "Name: value"/],
    [['http://x/', '--accept-status', '99'], /expected statuses between 100 and 599/],
    [['http://x/', '--fresh', '--mixed'], /cannot be used with/],
  ];
  for (const [args, expected] of refusals) {
    const { code, stderr } = await crossfade('probe', ...args);
    assert.notEqual(code, 0, args.join(' '));
    assert.match(stderr, expected, args.join(' '));
  }
});

test('an App cannot be probed by name while no daemon runs', async () => {
  const { code, stderr } = await crossfade('probe', 'shop', '--state-dir', '/nonexistent/crossfade');
  assert.equal(code, 1);
  assert.match(stderr, /no daemon runs, so nothing is known of an App shop/);
});
