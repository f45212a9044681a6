import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { createSecretFiles } from '../../../src/engines/process/secret-files.ts';
import type { RunConfig } from '../../../src/spec/app.ts';
import {
  allReady,
  appSpec,
  deploy,
  get,
  HTTP_READY,
  lab,
  QUIETLY,
  SERVER_COMMAND,
  stopAll,
  untilReplicas,
} from './support.ts';

it('environment files in their order, then env: later ones win', async (t) => {
  const made = await lab(t, {
    files: {
      a: "ONE=1\nTWO='two words'\nTHREE=a # comment\n",
      b: 'export ONE=2\nMULTI="x\ny"\n',
      value: 'from file\r\n',
    },
  });
  const at = (name: string) => path.join(made.source, name);
  const env: RunConfig['env'] = { THREE: 'env', FILE: { fromFile: at('value') } };
  const run = await made.engine.prepare(appSpec({ run: { envFiles: [at('a'), at('b')], env } }), QUIETLY);
  assert.deepEqual(run.env, { ONE: '2', TWO: 'two words', THREE: 'env', MULTI: 'x\ny', FILE: 'from file' });
});

it('files and secrets that are missing are named, with the field that names them', async (t) => {
  const made = await lab(t);
  const prepare = (run: Partial<RunConfig>) => made.engine.prepare(appSpec({ run }), QUIETLY);
  await assert.rejects(prepare({ envFiles: ['/no/file'] }), {
    code: 'E_FILE_MISSING',
    message: /\/no\/file .*spec\.run\.envFiles/,
  });
  await assert.rejects(prepare({ env: { A: { fromFile: made.source } } }), {
    code: 'E_FILE_UNREADABLE',
    message: /spec\.run\.env\.A/,
  });
  await assert.rejects(prepare({ configFiles: { c: { fromFile: '/no/file' } } }), {
    code: 'E_FILE_MISSING',
    message: /configFiles\.c/,
  });
  await assert.rejects(prepare({ env: { A: { secret: 'nope' } } }), {
    code: 'E_SECRET_MISSING',
    message: 'there is no secret nope in namespace default, which spec.run.env.A names',
  });
  await assert.rejects(prepare({ env: { A: 'a\0b' } }), { code: 'E_ENV_VALUE' });
});

it('a secret reaches the replica, but neither the run configuration nor any file that others may read', async (t) => {
  const made = await lab(t);
  const secrets = createSecretFiles(made.stateDir);
  await secrets.set('default', 'token', 'hunter2-value');
  const spec = appSpec({
    source: made.source,
    port: 1,
    run: { command: SERVER_COMMAND, env: { TOKEN: { secret: 'token' } } },
    health: { ready: HTTP_READY },
  });
  const { run } = await deploy(made.engine, spec);
  const [replica] = await untilReplicas(made.engine, 'it is ready', allReady(1));
  assert.ok(replica);
  assert.match(await get(replica), /^TOKEN=hunter2-value$/m);
  assert.ok(!JSON.stringify(run).includes('hunter2'));
  assert.match(run.secretEnv.TOKEN?.hmac ?? '', /^[0-9a-f]{64}$/);
  for (const name of readdirSync(made.stateDir, { recursive: true, withFileTypes: true })) {
    const file = path.join(name.parentPath, name.name);
    if (!name.isFile() || !readFileSync(file, 'utf8').includes('hunter2')) continue;
    assert.equal(statSync(file).mode & 0o077, 0, file);
  }
});

it('a secret that changed makes another revision, and going back brings the old value back', async (t) => {
  const made = await lab(t);
  const secrets = createSecretFiles(made.stateDir);
  const spec = appSpec({
    source: made.source,
    port: 1,
    run: { command: SERVER_COMMAND, env: { TOKEN: { secret: 'token' } } },
    health: { ready: HTTP_READY },
  });
  await secrets.set('default', 'token', 'first-value');
  const old = await deploy(made.engine, spec, 0, 1);
  await secrets.set('default', 'token', 'second-value');
  const now = await deploy(made.engine, spec, 1, 2);
  assert.notEqual(old.revision.id, now.revision.id);
  const seen = async () =>
    (await get((await untilReplicas(made.engine, 'it is ready', allReady(1)))[0] ?? assert.fail())).match(
      /TOKEN=(.*)/,
    )?.[1];
  assert.equal(await seen(), 'second-value');
  await stopAll(made.engine);
  await secrets.delete('default', 'token');
  await made.engine.grow(
    { app: 'default/shop', stateVersion: Number.MAX_SAFE_INTEGER },
    { ...old.pool, id: '1-2' },
    old.revision,
    spec,
    1,
  );
  assert.equal(await seen(), 'first-value');
});

it('a replica has what is documented in its environment, and nothing of the daemon', async (t) => {
  process.env.OF_THE_DAEMON = 'leaks';
  t.after(() => delete process.env.OF_THE_DAEMON);
  const made = await lab(t);
  const env = { GREETING: 'hello', PORT: '1', 'Logging.Level': 'two words' };
  const spec = appSpec({
    source: made.source,
    port: 1,
    run: { command: SERVER_COMMAND, env },
    health: { ready: HTTP_READY },
  });
  const { revision } = await deploy(made.engine, spec);
  const [replica] = await untilReplicas(made.engine, 'it is ready', allReady(1));
  assert.ok(replica);
  const lines = (await get(replica))
    .trim()
    .split('\n')
    .filter((line) => !/^(pid|PATH|CROSSFADE_OWNER)=/.test(line));
  const data = path.join(made.stateDir, 'data/default/shop');
  assert.deepEqual(lines, [
    'CROSSFADE_APP=shop',
    `CROSSFADE_DATA=${data}`,
    'CROSSFADE_NAMESPACE=default',
    'CROSSFADE_REPLICA=1-1-0',
    `CROSSFADE_REVISION=${revision.id}`,
    'GREETING=hello',
    `HOME=${data}`,
    'LANG=C.UTF-8',
    'Logging.Level=two words',
    `PORT=${replica.address?.split(':')[1]}`,
    `PWD=${path.join(made.stateDir, 'revisions', revision.id, 'tree')}`,
  ]);
});

it('a replica has no open file of the daemon, and the port in its arguments', async (t) => {
  const made = await lab(t);
  const command = [
    'sh',
    '-c',
    'ls -l /proc/self/fd; echo "args $*"; exec perl server.pl',
    'x',
    '--port={port}',
    '{port}:{port}',
  ];
  await deploy(
    made.engine,
    appSpec({ source: made.source, port: 1, run: { command }, health: { ready: HTTP_READY } }),
  );
  const [replica] = await untilReplicas(made.engine, 'it is ready', allReady(1));
  const port = replica?.address?.split(':')[1];
  const lines = (await Array.fromAsync(made.engine.logs({ app: 'default/shop', follow: false }))).filter(
    ({ stream }) => stream === 'stdout',
  );
  assert.ok(lines.some(({ text }) => text === `args --port=${port} ${port}:${port}`));
  const open = lines.flatMap(
    ({ text }) =>
      text
        .match(/(\d+) -> (.*)/)
        ?.slice(1, 3)
        .join(' ') ?? [],
  );
  assert.deepEqual(
    open.filter((file) => !file.includes('/proc/') && !/^\d{2,} \/dev\/null$/.test(file)),
    [
      '0 /dev/null',
      `1 ${made.stateDir}/run/default/shop/1-1-0/stdout.log`,
      `2 ${made.stateDir}/run/default/shop/1-1-0/stderr.log`,
    ],
  );
});
