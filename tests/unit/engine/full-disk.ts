/** Runs in a mount namespace of its own, where the state folder is a small file system. Prints one line of JSON. */
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { OperatingError } from '../../../src/core/errors.ts';
import {
  APP,
  allReady,
  appSpec,
  deploy,
  HTTP_READY,
  openEngine,
  QUIETLY,
  SERVER_COMMAND,
  stopAll,
  untilReplicas,
} from './support.ts';

const [stateDir = '', source = '', large = ''] = process.argv.slice(2);
execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=0700', 'crossfade-test', stateDir]);

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'ok',
    (error: unknown) => (error instanceof OperatingError ? error.code : String(error)),
  );
}

function halfMade(): string[] {
  return readdirSync(stateDir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.includes('.tmp-'),
  );
}

const filler = path.join(stateDir, 'filler');
function fill(): void {
  for (let bytes = 1 << 20; bytes > 0; bytes >>= 1) {
    try {
      writeFileSync(filler, Buffer.alloc(bytes), { flag: 'a' });
    } catch {
      // Half of it next.
    }
  }
}

const engine = await openEngine(stateDir);
const spec = appSpec({ source, port: 1, run: { command: SERVER_COMMAND }, health: { ready: HTTP_READY } });
const { ctx, pool, revision } = await deploy(engine, spec);
await untilReplicas(engine, 'it is ready', allReady(1));
const snapshots = () => readdirSync(path.join(stateDir, 'snapshots')).length;

const seen: Record<string, unknown> = {
  prepareLarge: await codeOf(engine.prepare(appSpec({ source: large }), QUIETLY)),
};
seen.afterLarge = [snapshots(), halfMade().length];
fill();
seen.growFull = await codeOf(engine.grow(ctx, pool, revision, spec, 2));
seen.afterGrow = [
  (await engine.list(APP)).length,
  readdirSync(path.join(stateDir, 'run', APP)),
  halfMade().length,
];
seen.stillReady = (await engine.list(APP)).every(({ ready }) => ready);
seen.stopFull = await codeOf(engine.stop(ctx, `${pool.id}-0`, 2000));
await untilReplicas(engine, 'it stopped on a full disk', (all) => all.length === 0);
rmSync(filler);
await engine.grow(ctx, pool, revision, spec, 1);
seen.growAgain = (await untilReplicas(engine, 'it grew again', allReady(1))).map(({ id }) => id);

// Over itself: what is open for writing keeps the file system itself from becoming read-only.
execFileSync('/bin/mount', ['--bind', stateDir, stateDir]);
execFileSync('/bin/mount', ['-o', 'remount,bind,ro', stateDir]);
seen.prepareReadOnly = await codeOf(engine.prepare(appSpec({ source: large }), QUIETLY));
seen.growReadOnly = await codeOf(engine.grow(ctx, pool, revision, spec, 2));
seen.openReadOnly = await codeOf(openEngine(path.join(stateDir, 'other')));
execFileSync('/bin/umount', [stateDir]);
await stopAll(engine);
await engine.close();
console.log(JSON.stringify(seen));
