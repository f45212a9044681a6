import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { runCli } from '../../../src/cli/run.ts';
import { type ApiServer, answer, apiServer, type Handler, temporaryFolder } from './api-server.ts';
import { fakeContext, run } from './fake-context.ts';
import { app, event, plan, release, replica, revision, settled } from './views.ts';

const FILE = `apiVersion: crossfade.dev/v1
kind: App
metadata: { name: shop }
spec:
  replicas: 3
  run: { command: [node, server.js] }
`;

const VERSION = {
  version: '0.1.0',
  apiVersion: 'v1',
  pid: 1,
  startedAt: '2026-03-01T12:00:00Z',
  stateDir: '/s',
};

/** Answers by method and path; what is not given is answered 404. */
function daemon(t: TestContext, answers: Record<string, unknown>): Promise<ApiServer> {
  const handler: Handler = ({ method, url, body }, response) => {
    const route = `${method} ${url.split('?')[0]?.replace('/v1/namespaces/default/apps', '')}`;
    if (route === 'GET /v1/version') answer(response, 200, VERSION);
    else if (route in answers) {
      const found = answers[route];
      answer(response, 200, typeof found === 'function' ? found(body) : found);
    } else answer(response, 404, { error: { code: 'E_APP_NOT_FOUND', message: `no ${route}` } });
  };
  return apiServer(t, handler);
}

function appFile(t: TestContext, content = FILE): string {
  const file = path.join(temporaryFolder(t), 'app.yaml');
  writeFileSync(file, content);
  return file;
}

test('get app NAME -o json prints the App as the API gives it', async (t) => {
  const { stateDir } = await daemon(t, { 'GET /shop': app() });
  const ran = await run(['get', 'app', 'shop', '-o', 'json'], { stateDir });
  assert.equal(ran.code, 0, ran.stderr);
  assert.deepEqual(JSON.parse(ran.stdout), app());
  assert.deepEqual(await run(['-o=json', 'get', 'app/shop'], { stateDir }), ran);
});

test('several objects are a List, names are app/NAME, events carry their App', async (t) => {
  const { stateDir } = await daemon(t, {
    'GET ': { items: [app(), settled()] },
    'GET /shop/events': { items: [event(1)] },
    'GET /shop/replicas': { items: [replica('shop-3-1-a')] },
  });
  const list = JSON.parse((await run(['get', 'apps', '-o', 'json'], { stateDir })).stdout);
  assert.equal(list.kind, 'List');
  assert.equal(list.items.length, 2);
  assert.equal((await run(['get', 'apps', '-o', 'name'], { stateDir })).stdout, 'app/shop\napp/shop\n');
  const events = await run(['get', 'ev', 'shop', '-o', 'json'], { stateDir });
  assert.deepEqual(JSON.parse(events.stdout).items, [event(1)]);
  const replicas = await run(['get', 'rep', 'shop', '-o', 'json'], { stateDir });
  assert.deepEqual(JSON.parse(replicas.stdout).items[0], {
    namespace: 'default',
    app: 'shop',
    ...replica('shop-3-1-a'),
  });
});

test('diff tells that only what is in the source folder differs', async (t) => {
  const file = appFile(t);
  const { stdout: rendered } = await run(['render', '-f', file, '-o', 'json'], {
    stateDir: temporaryFolder(t),
  });
  const { apiVersion, kind, metadata, spec } = JSON.parse(rendered);
  const stored = { apiVersion, kind, metadata: { ...metadata, generation: 2 }, spec, status: {} };
  const content = [{ field: 'content of spec.source', from: 'hash aaa', to: 'hash bbb' }];
  const same = await daemon(t, { 'GET /shop': stored, 'POST /shop/plan': plan() });
  assert.deepEqual(await run(['diff', '-f', file], { stateDir: same.stateDir }), {
    code: 0,
    stdout: '',
    stderr: '',
  });
  const other = await daemon(t, { 'GET /shop': stored, 'POST /shop/plan': plan({ content }) });
  const ran = await run(['diff', '-f', file], { stateDir: other.stateDir });
  assert.equal(ran.code, 1, ran.stderr);
  assert.match(ran.stdout, /^-# content of spec.source: hash aaa\n\+# content of spec.source: hash bbb$/m);
});

test('what does not exist ends with 4, an unknown kind or flag with 2', async (t) => {
  const { stateDir } = await daemon(t, {});
  const missing = await run(['get', 'app', 'cart'], { stateDir });
  assert.deepEqual([missing.code, missing.stderr], [4, 'error: no GET /cart\n']);
  const kind = await run(['get', 'pods'], { stateDir });
  assert.equal(kind.code, 2);
  assert.match(kind.stderr, /error: there is no kind "pods"\nhint: kinds: apps/);
  const flag = await run(['get', 'apps', '--watc'], { stateDir });
  assert.deepEqual(
    [flag.code, flag.stderr],
    [2, "error: unknown option '--watc'\nhint: Did you mean --watch?\n"],
  );
  const command = await run(['aply'], { stateDir });
  assert.deepEqual(
    [command.code, command.stderr],
    [2, "error: unknown command 'aply'\nhint: Did you mean apply?\n"],
  );
  assert.equal((await run(['rollout'], { stateDir })).code, 2);
  const argument = await run(['rollout', 'undo'], { stateDir });
  assert.deepEqual(
    [argument.code, argument.stderr.split('\n')[1]],
    [2, 'hint: usage: crossfade rollout undo [options] <app...>'],
  );
});

test('with -o json an error is one line of JSON on standard error', async (t) => {
  const { stateDir } = await daemon(t, {});
  const missing = await run(['get', 'app', 'cart', '-o', 'json'], { stateDir });
  assert.deepEqual(JSON.parse(missing.stderr), {
    error: { code: 'E_APP_NOT_FOUND', message: 'no GET /cart' },
  });
  const usage = await run(['scale', 'shop', '--replicas', 'x', '--output=json'], { stateDir });
  assert.equal(JSON.parse(usage.stderr).error.code, 'E_USAGE');
  assert.equal(missing.stdout + usage.stdout, '');
});

test('apply sends nothing while one of its files is wrong, and names every mistake', async (t) => {
  const server = await daemon(t, {});
  const wrong = appFile(t, FILE.replace('replicas: 3', 'replicsa: 3').replace('App\n', 'Ap\n'));
  const ran = await run(['apply', '-f', appFile(t), '-f', wrong], server);
  assert.equal(ran.code, 3);
  assert.match(ran.stderr, /replicsa/);
  assert.match(ran.stderr, /kind/);
  assert.equal(server.received.length, 0);
  assert.equal((await run(['apply', '-f', '/no/such.yaml'], server)).code, 3);
  assert.equal((await run(['apply'], server)).code, 2);
});

test('apply sends each App with its folder and reason, and prints what became of it', async (t) => {
  const server = await daemon(t, {
    'PUT /shop': { result: 'created', app: app(), message: 'revision 1 is started' },
  });
  const file = appFile(t);
  const ran = await run(['apply', '-f', file, '--reason', 'ticket 7'], server);
  assert.deepEqual([ran.code, ran.stdout], [0, 'app/shop created\n  revision 1 is started\n']);
  const put = server.received.find(({ method }) => method === 'PUT');
  const body = put?.body as { app: { metadata: { name: string } }; baseDir: string; reason: string };
  assert.equal(body.app.metadata.name, 'shop');
  assert.equal(body.baseDir, path.dirname(file));
  assert.equal(body.reason, 'ticket 7');
  assert.equal(put?.headers['x-crossfade-reason'], 'ticket 7');
});

test('apply reads standard input and folders, and skips what is no App file', async (t) => {
  const server = await daemon(t, { 'PUT /shop': { result: 'unchanged', app: app(), message: '' } });
  const piped = await run(['apply', '-f', '-'], { ...server, stdin: FILE });
  assert.deepEqual([piped.code, piped.stdout], [0, 'app/shop unchanged\n']);
  const folder = temporaryFolder(t);
  mkdirSync(path.join(folder, 'deep'));
  writeFileSync(path.join(folder, 'deep/app.yml'), FILE);
  writeFileSync(path.join(folder, 'package.json'), '{"name":"x"}');
  const dir = await run(['apply', '-f', folder], server);
  assert.deepEqual([dir.code, dir.stdout], [0, 'app/shop unchanged\n']);
  assert.match(dir.stderr, /^skipped .*package\.json: it has no crossfade\.dev document\n$/);
  const twice = await run(['apply', '-f', folder, '-f', appFile(t)], server);
  assert.equal(twice.code, 3);
  assert.match(twice.stderr, /app "default\/shop" is defined twice/);
});

test('-n fills in a namespace, and refuses one that the file contradicts', async (t) => {
  const server = await daemon(t, {});
  const filled = await run(['render', '-f', appFile(t), '-n', 'prod', '-o', 'json'], server);
  assert.equal(JSON.parse(filled.stdout).metadata.namespace, 'prod');
  const other = appFile(t, FILE.replace('name: shop', 'name: shop, namespace: test'));
  const refused = await run(['render', '-f', other, '-n', 'prod'], server);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /belongs to namespace test/);
});

test('a held revision ends apply with 5', async (t) => {
  const server = await daemon(t, {
    'PUT /shop': { result: 'held', app: app(), message: 'revision 4 is held' },
  });
  const ran = await run(['apply', '-f', appFile(t), '--wait'], server);
  assert.deepEqual([ran.code, ran.stdout], [5, 'app/shop held\n  revision 4 is held\n']);
});

test('plan asks a running daemon, and without one compares with nothing', async (t) => {
  const server = await daemon(t, { 'POST /shop/plan': plan() });
  const asked = await run(['plan', '-f', appFile(t), '-o', 'json'], server);
  assert.deepEqual(JSON.parse(asked.stdout), plan());
  const alone = await run(['plan', '-f', appFile(t)], { stateDir: temporaryFolder(t) });
  assert.equal(alone.code, 0, alone.stderr);
  assert.match(alone.stdout, /Compared with nothing\./);
});

test('verbs carry an id of their own; a refusal ends with 5 and its reason', async (t) => {
  const done = { result: 'done', reason: null, message: 'revision 3 has all requests', app: settled() };
  const reason = { code: 'E_NO_RELEASE', message: 'no release is running' };
  const server = await daemon(t, {
    'POST /shop/commands': ({ verb }: { verb: string }) =>
      verb === 'promote' ? { ...done, result: 'refused', reason } : done,
  });
  const refused = await run(['rollout', 'promote', 'app/shop', '--full'], server);
  const undone = await run(['rollout', 'undo', 'shop', '--to-revision', '#3', '--reason', 'slow'], server);
  const sent = server.received
    .filter(({ method }) => method === 'POST')
    .map(({ body }) => body as { id: string });
  assert.match(
    refused.stderr,
    /error: promote of app "shop" was refused: no release is running \(E_NO_RELEASE\)/,
  );
  assert.equal(refused.code, 5);
  assert.deepEqual([undone.code, undone.stdout], [0, 'app/shop rolled back: revision 3 has all requests\n']);
  const [first, second] = sent;
  assert.notEqual(first?.id, second?.id);
  assert.deepEqual({ ...first, id: '' }, { id: '', verb: 'promote', full: true });
  assert.deepEqual({ ...second, id: '' }, { id: '', verb: 'undo', toRevision: '3', reason: 'slow' });
});

test('set env tells that the revision is held, and with --wait ends as its release does', async (t) => {
  const held = await daemon(t, {
    'POST /shop/env': { result: 'held', app: app(), message: 'revision 4 is held' },
  });
  const ran = await run(['set', 'env', 'shop', 'A=1', '--wait'], held);
  assert.equal(ran.code, 4, 'it looks before it changes anything');
  const now = await run(['set', 'env', 'shop', 'A=1'], held);
  assert.equal(now.code, 5, now.stderr);
  assert.match(now.stdout, /revision 4 is held/);
  const same = settled();
  const done = await daemon(t, {
    'GET /shop': same,
    'POST /shop/env': { result: 'unchanged', app: same, message: 'nothing differs from what is stored' },
  });
  const waited = await run(['set', 'env', 'shop', 'A=1', '--wait', '--timeout', '20s'], done);
  assert.equal(waited.code, 0, waited.stderr);
  assert.match(waited.stdout, /app\/shop env unchanged\n(.|\n)*app "shop" successfully rolled out/);
});

test('--allow-host without --listen is a mistake', async (t) => {
  const ran = await run(['daemon', '--allow-host', 'build-host'], { stateDir: temporaryFolder(t) });
  assert.deepEqual([ran.code, ran.stderr], [2, 'error: --allow-host was given without --listen\n']);
});

test('scale and set env send what was asked for', async (t) => {
  const changed = { result: 'configured', app: app(), message: 'revision 5 is released' };
  const server = await daemon(t, { 'POST /shop/scale': changed, 'POST /shop/env': changed });
  assert.equal((await run(['scale', 'app/shop', '--replicas', '5'], server)).stdout, 'app/shop scaled\n');
  const env = await run(['set', 'env', 'app', 'shop', 'A=1', 'B-'], server);
  assert.equal(env.stdout, 'app/shop env updated\n  revision 5 is released\n');
  const bodies = server.received.filter(({ method }) => method === 'POST').map(({ body }) => body);
  assert.deepEqual(bodies, [{ replicas: 5 }, { set: { A: '1' }, unset: ['B'] }]);
});

test('set image sends the image, and takes the name of the container as kubectl does', async (t) => {
  const changed = { result: 'configured', app: app(), message: 'revision 5 is released' };
  const server = await daemon(t, { 'GET /shop': app(), 'POST /shop/image': changed });
  for (const image of ['registry/shop:2', 'shop=registry/shop:2', 'app=registry/shop:2']) {
    const ran = await run(['set', 'image', 'app/shop', image, '--reason', 'new'], server);
    assert.equal(ran.stdout, 'app/shop image updated\n  revision 5 is released\n', ran.stderr);
  }
  const bodies = server.received.filter(({ method }) => method === 'POST').map(({ body }) => body);
  assert.deepEqual(bodies, Array(3).fill({ image: 'registry/shop:2' }));
  for (const [wrong, why] of [
    ['logs=x:1', /container logs is not the App/],
    ['app=', /names no image/],
  ] as const) {
    const ran = await run(['set', 'image', 'app/shop', wrong], server);
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, why);
  }
});

test('a secret is read from standard input, without its last newline, and never from the line', async (t) => {
  const server = await apiServer(t, ({ url }, response) =>
    answer(response, 200, url === '/v1/version' ? VERSION : {}),
  );
  const ran = await run(['secret', 'set', 'db-password'], { ...server, stdin: 'line 1\nline 2\n' });
  assert.deepEqual([ran.code, ran.stdout], [0, 'secret/db-password set\n']);
  const put = server.received.at(-1);
  assert.equal(put?.url, '/v1/namespaces/default/secrets/db-password');
  assert.deepEqual(put?.body, { value: 'line 1\nline 2' });
  assert.equal((await run(['secret', 'set', 'x', 'value'], server)).code, 2);
  assert.equal((await run(['secret', 'set', 'x'], { ...server, stdin: '\n' })).code, 2);
});

test('history shows what became of each revision', async (t) => {
  const server = await daemon(t, {
    'GET /shop/revisions': { items: [revision(4), revision(3)] },
    'GET /shop/releases': { items: [release({ verdict: 'promoted' })] },
  });
  const ran = await run(['rollout', 'history', 'shop'], server);
  const lines = ran.stdout.split('\n').map((line) => line.replace(/ {2,}/g, '|').replace(/\|[^|]*$/, ''));
  assert.deepEqual(lines.slice(0, 4), [
    'app/shop',
    'REVISION|ID|ROLE|RELEASE|CAUSE|VERDICT|ACTOR',
    '3|v1-1111aaaa2222|stable|<none>|<none>|<none>|alice',
    '4|v1-3333bbbb4444|candidate|r4|apply|promoted|alice',
  ]);
  assert.equal((await run(['rollout', 'history', 'shop', '--revision', '9'], server)).code, 4);
});

test('--server needs a token', async () => {
  const ran = await run(['get', 'apps', '--server', 'http://127.0.0.1:1']);
  assert.equal(ran.code, 2);
  assert.match(ran.stderr, /--server needs a token/);
});

test('version tells both, with and without a daemon', async (t) => {
  const server = await daemon(t, {});
  assert.match(
    (await run(['version'], server)).stdout,
    /^crossfade \d.*\ndaemon 0\.1\.0 \(API v1, pid 1\)\n$/,
  );
  const alone = await run(['version', '-o', 'json'], { stateDir: temporaryFolder(t) });
  assert.equal(JSON.parse(alone.stdout).daemon, null);
});

test('without arguments it prints its help', async () => {
  const fake = fakeContext();
  assert.equal(await runCli(fake.ctx, []), 0);
  assert.match(fake.stdout(), /^Usage: crossfade/);
});

test('a file that cannot be an App file is not read into memory', async (t) => {
  const { stateDir } = await daemon(t, {});
  for (const file of ['/dev/zero', appFile(t, '#'.repeat(5 * 1024 * 1024))]) {
    const ran = await run(['apply', '-f', file, '-o', 'json'], { stateDir });
    assert.equal(ran.code, 3, ran.stderr);
    assert.match(ran.stderr, /E_APP_FILE.*is no App file: it has more than \d+ bytes/);
  }
});
