/** A copy of examples/ on free ports, and a Crossfade of its own to type commands at. */
import assert from 'node:assert/strict';
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createProbe } from '../../../src/probe/probe.ts';
import { type CliResult, type RunningCli, startCli } from '../../support/cli.ts';
import { freePort } from '../../support/free-port.ts';
import type { Cleanup } from '../../support/temp-dir.ts';
import { type Lab, withLab } from './lab.ts';
import { type Load, startLoad } from './load.ts';

const EXAMPLES = path.resolve(import.meta.dirname, '..', '..', '..', 'examples');

export interface ExamplesLab extends Lab {
  /** As crossfade(), in an example's folder. */
  typeIn(example: string, args: readonly string[], expected?: number): Promise<CliResult>;
  /** Starts a command line and leaves it running. */
  start(args: readonly string[]): RunningCli;
  /** Where an address of an example is in this copy. */
  url(port: number): string;
  /** Continuous users: half on kept-alive, half on new connections. */
  users(url: string): Load;
  /** Ends users that a failed example has left behind. */
  sendUsersHome(): Promise<void>;
}

export async function withExamples(t: Cleanup, body: (lab: ExamplesLab) => Promise<void>): Promise<void> {
  await withLab(t, async (lab) => {
    const examples = path.join(lab.folder, 'examples');
    await cp(EXAMPLES, examples, { recursive: true });
    const ports = await movePorts(examples);
    const users: Load[] = [];
    await body({
      ...lab,
      typeIn: (example, args, expected) => lab.crossfade(args, expected, path.join(examples, example)),
      start: (args) => startCli(args, { stateDir: lab.stateDir, cwd: examples, timeoutMs: 120_000 }),
      url: (port) => `http://127.0.0.1:${ports.get(port) ?? assert.fail(`no example listens on ${port}`)}/`,
      users(url) {
        const started = startLoad(url, { rps: 100, connections: 'mixed' });
        users.push(started);
        return started;
      },
      async sendUsersHome() {
        await Promise.all(users.splice(0).map((one) => one.stop()));
      },
    });
  });
}

/** Gives every port that the examples listen on (81xx) a free one; returns old -> new. */
async function movePorts(examples: string): Promise<Map<number, number>> {
  const files = (await readdir(examples, { recursive: true })).filter((file) => /^\d.*\.yaml$/.test(file));
  assert.ok(files.length >= 16, `only ${files.length} App files were found`);
  const ports = new Map<number, number>();
  for (const file of files) {
    const text = await readFile(path.join(examples, file), 'utf8');
    for (const [found] of text.matchAll(/\b81\d\d\b/g)) {
      if (!ports.has(Number(found))) ports.set(Number(found), await freePort());
    }
    const moved = text.replace(/\b81\d\d\b/g, (found) => String(ports.get(Number(found))));
    await writeFile(path.join(examples, file), moved);
  }
  return ports;
}

/** Sends exactly this many requests; returns how many each revision answered. */
export async function countAnswers(url: string, requests: number): Promise<Record<string, number>> {
  const summary = await createProbe({ url, requests, concurrency: 8, connections: 'mixed' }).run();
  assert.deepEqual(summary.failures, {});
  return Object.fromEntries(Object.entries(summary.byRevision).map(([id, share]) => [id, share.requests]));
}
