import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, Replica, Revision, RunSpec } from '../../../src/core/model.ts';
import { revisionIdOf } from '../../../src/core/revision.ts';
import { createProcessEngine, type ProcessEngineOptions } from '../../../src/engines/process/index.ts';
import { createSecretFiles } from '../../../src/engines/process/secret-files.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { Engine } from '../../../src/ports/engine.ts';
import type { AppSpec, Probe } from '../../../src/spec/app.ts';

export const APP = 'default/shop';

export function temporaryFolder(): string {
  return mkdtempSync(path.join(tmpdir(), 'crossfade-engine-'));
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Writes files below a folder; a value of null makes an empty folder. */
export function writeFiles(folder: string, files: Record<string, string | null>): void {
  for (const [name, content] of Object.entries(files)) {
    const target = path.join(folder, name);
    mkdirSync(content === null ? target : path.dirname(target), { recursive: true });
    if (content !== null) writeFileSync(target, content);
  }
}

export function realClock(bootId: string): Clock {
  const since = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000 - performance.now();
  return { wall: () => Date.now(), monotonic: () => since + performance.now(), bootId: () => bootId };
}

export function openEngine(stateDir: string, given: Partial<ProcessEngineOptions> = {}): Promise<Engine> {
  const bootId = given.bootId ?? 'boot-1';
  return createProcessEngine({
    stateDir,
    bootId,
    clock: realClock(bootId),
    secrets: createSecretFiles(stateDir),
    ...given,
  });
}

export function probe(action: Probe['action'], given: Partial<Probe> = {}): Probe {
  return {
    action,
    initialDelaySeconds: 0,
    periodSeconds: 0.2,
    timeoutSeconds: 1,
    successThreshold: 1,
    failureThreshold: 2,
    ...given,
  };
}

export const HTTP_READY = probe({ kind: 'httpGet', path: '/healthz', headers: {} });

export type SpecChanges = Omit<Partial<AppSpec['spec']>, 'run' | 'health'> & {
  name?: string;
  run?: Partial<AppSpec['spec']['run']>;
  health?: Partial<AppSpec['spec']['health']>;
};

export function appSpec(changes: SpecChanges = {}): AppSpec {
  const { name = 'shop', run, health, ...rest } = changes;
  return {
    apiVersion: 'crossfade.dev/v1',
    kind: 'App',
    metadata: { name, namespace: 'default', labels: {}, annotations: {} },
    spec: {
      replicas: 1,
      run: { command: ['sleep', '1000'], env: {}, envFiles: [], configFiles: {}, ...run },
      health: { minReadySeconds: 0, ...health },
      strategy: { kind: 'rolling', maxSurge: 1, maxUnavailable: 0 },
      verify: { onNoTraffic: 'probe' },
      onNewRevision: 'supersede',
      progressDeadlineSeconds: 60,
      terminationGracePeriodSeconds: 5,
      drainTimeoutMs: 1000,
      drainLongTimeoutMs: 1000,
      revisionHistoryLimit: 5,
      ...rest,
    },
  };
}

export function revisionOf(run: RunSpec, number = 1): Revision {
  return {
    id: revisionIdOf(run),
    hashVersion: 1,
    number,
    run,
    provenance: { createdAt: 0, actor: 'test', source: '.' },
  };
}

export function poolOf(revision: Revision, incarnation = 1): Pool {
  return { id: `${revision.number}-${incarnation}`, revision: revision.id, incarnation };
}

export const QUIETLY = { dryRun: false, progress: () => undefined };

/** An HTTP server that is not written in JavaScript. Behaviour by environment: see the source. */
export const PERL_SERVER = String.raw`
use strict; use warnings; use IO::Socket::INET; $| = 1;
sleep $ENV{START_AFTER} if $ENV{START_AFTER};
my $port = $ENV{LISTEN_ON} || $ENV{PORT};
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 64, ReuseAddr => 1)
  or die "EADDRINUSE: Address already in use 127.0.0.1:$port ($!)\n";
print "listening on $port\n";
$SIG{TERM} = sub { print "TERM\n"; if ($ENV{IGNORE_TERM}) { return } select(undef, undef, undef, $ENV{STOP_AFTER} || 0); exit 0 };
if ($ENV{GRANDCHILD}) { unless (fork) { setpgrp(0, 0); $SIG{TERM} = 'IGNORE'; sleep 1 while 1 } }
while (1) {
  my $client = $server->accept or next;
  my $head = ''; while (my $line = <$client>) { $head .= $line; last if $line eq "\r\n" }
  my $status = 200;
  $status = 500 if $head =~ m{^GET /healthz} && ($ENV{FAIL} || -e "$ENV{CROSSFADE_DATA}/fail");
  sleep 1000 if $head =~ m{^GET /healthz} && ($ENV{HANG} || -e "$ENV{CROSSFADE_DATA}/hang");
  my $body = join('', map { "$_=$ENV{$_}\n" } sort keys %ENV) . "pid=$$\n";
  $body = do { local (@ARGV, $/) = ("./$1"); <> } // 'none' if $head =~ m{^GET /file/(\S+)};
  print "request ", (split ' ', $head)[1], "\n" unless $head =~ m{healthz};
  print $client "HTTP/1.1 $status X\r\ncontent-length: " . length($body) . "\r\nconnection: close\r\n\r\n$body"; close $client;
}
`;

export const SERVER_COMMAND = ['perl', 'server.pl'];

export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const patienceMs = 30_000;
  for (const end = performance.now() + patienceMs; performance.now() < end; await sleep(10)) {
    const found = await look();
    if (found) return found;
  }
  return assert.fail(`never: ${what}`);
}

export async function untilReplicas(
  engine: Engine,
  what: string,
  holds: (all: Replica[]) => boolean,
  app = APP,
): Promise<Replica[]> {
  let last: Replica[] = [];
  try {
    return await until(what, async () => {
      last = await engine.list(app);
      return holds(last) && last;
    });
  } catch (error) {
    throw new Error(`${(error as Error).message}; last seen: ${JSON.stringify(last, null, 1)}`);
  }
}

export function allReady(count: number): (all: Replica[]) => boolean {
  return (all) => all.length === count && all.every(({ ready }) => ready);
}

/** Prepares, and starts so many replicas. */
export async function deploy(engine: Engine, spec: AppSpec, replicas = spec.spec.replicas, number = 1) {
  const run = await engine.prepare(spec, QUIETLY);
  const revision = revisionOf(run, number);
  const pool = poolOf(revision);
  const ctx = { app: `${spec.metadata.namespace}/${spec.metadata.name}`, stateVersion: number };
  await engine.grow(ctx, pool, revision, spec, replicas);
  return { run, revision, pool, ctx };
}

export async function stopAll(engine: Engine, app = APP, graceMs = 0): Promise<void> {
  for (const { id } of await engine.list(app)) {
    await engine.stop({ app, stateVersion: Number.MAX_SAFE_INTEGER }, id, graceMs);
  }
  await untilReplicas(engine, 'all replicas are gone', (all) => all.length === 0, app);
}

export async function get(replica: Replica, where = '/'): Promise<string> {
  const answer = await fetch(`http://${replica.address}${where}`);
  return answer.text();
}

export interface Lab {
  stateDir: string;
  source: string;
  engine: Engine;
  /** Closes the engine, as a daemon that ends does, and opens another on the same state. */
  reopen(given?: Partial<ProcessEngineOptions>): Promise<Engine>;
}

/** An engine of its own with a source folder; everything it started is ended, and its files are gone, after the test. */
export async function lab(
  t: { after(clean: () => Promise<void>): void },
  given: Partial<ProcessEngineOptions> & { files?: Record<string, string | null> } = {},
): Promise<Lab> {
  const { files = { 'server.pl': PERL_SERVER }, ...options } = given;
  const stateDir = temporaryFolder();
  const source = temporaryFolder();
  writeFiles(source, files);
  const made: Lab = {
    stateDir,
    source,
    engine: await openEngine(stateDir, options),
    async reopen(changes = {}) {
      await made.engine.close();
      made.engine = await openEngine(stateDir, { ...options, ...changes });
      return made.engine;
    },
  };
  t.after(async () => {
    await stopAll(made.engine);
    await made.engine.close();
    assert.deepEqual(processesWith(stateDir), [], 'processes were left behind');
    removeFolder(stateDir);
    removeFolder(source);
  });
  return made;
}

/** Pids of living processes that carry the text in their environment. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        return !stat.includes(') Z ') && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}

export async function logText(
  engine: Engine,
  query: { tail?: number; replica?: string; pool?: string } = {},
): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of engine.logs({ app: APP, follow: false, ...query })) lines.push(line.text);
  return lines;
}
