import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { OperatingError } from '../../../src/core/errors.ts';
import {
  allReady,
  appSpec,
  deploy,
  get,
  HTTP_READY,
  type Lab,
  lab,
  PERL_SERVER,
  processesWith,
  QUIETLY,
  untilReplicas,
} from './support.ts';

function built({ source }: Lab, script: string, timeoutMs = 30_000) {
  return appSpec({ source, build: { command: ['sh', '-c', script], timeoutMs } });
}

function buildProcesses({ stateDir }: Lab): number[] {
  return processesWith(`${readFileSync(path.join(stateDir, 'installation-id')).toString('hex')}:build`);
}

async function failure(work: Promise<unknown>): Promise<OperatingError> {
  const error = await work.then(
    () => assert.fail('it should have failed'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof OperatingError, String(error));
  return error;
}

it('a build runs once, in the copy, and what it made is what replicas run', async (t) => {
  const made = await lab(t, { files: { 'server.pl': PERL_SERVER, 'in.txt': 'made by the build' } });
  const lines: string[] = [];
  const spec = appSpec({
    source: made.source,
    build: { command: ['sh', '-c', 'cp in.txt out.txt; echo building; echo careful >&2'], timeoutMs: 30_000 },
    port: 1,
    run: { command: ['perl', 'server.pl'] },
    health: { ready: HTTP_READY },
  });
  const first = await made.engine.prepare(spec, { dryRun: false, progress: (line) => lines.push(line) });
  assert.ok(lines.includes('building') && lines.includes('careful'), lines.join('\n'));
  const again: string[] = [];
  const second = await made.engine.prepare(spec, { dryRun: false, progress: (line) => again.push(line) });
  assert.deepEqual(second, first);
  assert.deepEqual(again, ['source and build command are unchanged: built before']);
  assert.ok(!existsSync(path.join(made.source, 'out.txt')));
  await deploy(made.engine, spec);
  const [replica] = await untilReplicas(made.engine, 'it is ready', allReady(1));
  assert.equal(await get(replica ?? assert.fail(), '/file/out.txt'), 'made by the build');
});

it('the same source with another build command is another revision, known before it is built', async (t) => {
  const made = await lab(t);
  const dry = (script: string) => made.engine.prepare(built(made, script), { ...QUIETLY, dryRun: true });
  const [one, same, other] = [
    await dry('echo $RANDOM > x'),
    await dry('echo $RANDOM > x'),
    await dry('true'),
  ];
  assert.deepEqual(one, same);
  assert.notDeepEqual(one, other);
  assert.deepEqual(await made.engine.prepare(built(made, 'true'), QUIETLY), other);
});

it('a build that fails says how and with which last lines, and leaves nothing', async (t) => {
  const made = await lab(t);
  const error = await failure(
    made.engine.prepare(built(made, 'echo one; echo "no such module" >&2; exit 7'), QUIETLY),
  );
  assert.equal(error.code, 'E_BUILD_FAILED');
  assert.match(error.message, /failed with exit code 7; its last lines:\n(.*\n)*.*no such module/);
  assert.deepEqual(readdirSync(path.join(made.stateDir, 'snapshots')), []);
});

it('a build that takes too long, or is cancelled, is ended with everything it started', async (t) => {
  const made = await lab(t);
  const slow = 'sleep 1000 & sleep 1000';
  assert.equal((await failure(made.engine.prepare(built(made, slow, 200), QUIETLY))).code, 'E_BUILD_TIMEOUT');
  const cancelled = new AbortController();
  const progress = (line: string) => line === 'begun' && cancelled.abort();
  const preparing = made.engine.prepare(built(made, `echo begun; ${slow}`), {
    dryRun: false,
    progress,
    signal: cancelled.signal,
  });
  assert.equal((await failure(preparing)).code, 'E_BUILD_CANCELLED');
  assert.deepEqual(buildProcesses(made), []);
  assert.deepEqual(readdirSync(path.join(made.stateDir, 'snapshots')), []);
});

it('a build command that does not exist is named', async (t) => {
  const made = await lab(t);
  const spec = appSpec({ source: made.source, build: { command: ['no-such-tool', 'x'], timeoutMs: 1000 } });
  const error = await failure(made.engine.prepare(spec, QUIETLY));
  assert.deepEqual(
    [error.code, error.hint],
    ['E_BUILD_COMMAND', 'install no-such-tool, or write its full path'],
  );
});

it('what a build leaves running does not write into the sealed snapshot', async (t) => {
  const made = await lab(t);
  await made.engine.prepare(built(made, '(while sleep 0.05; do date > late.txt; done) & true'), QUIETLY);
  const [digest = ''] = readdirSync(path.join(made.stateDir, 'snapshots'));
  assert.ok(existsSync(path.join(made.stateDir, 'snapshots', digest, 'server.pl')));
  assert.deepEqual(buildProcesses(made), []);
});
