import assert from 'node:assert/strict';
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { AppView } from '../../src/api/types.ts';
import { createProbe } from '../../src/probe/probe.ts';
import type { ProbeSummary } from '../../src/probe/types.ts';
import { type CliResult, cli, type RunningCli, startCli } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { waitFor } from '../support/wait-for.ts';

const EXAMPLES = path.resolve(import.meta.dirname, '..', '..', 'examples');

/** A copy of examples/ on free ports, and a Crossfade of its own to type commands at. */
export interface Lab {
  /** Runs one command line; fails the test when it exits with anything but `expected`. */
  crossfade(args: string[], expected?: number): Promise<CliResult>;
  /** As crossfade(), in an example's folder. */
  typeIn(example: string, args: string[], expected?: number): Promise<CliResult>;
  /** Starts a command line and leaves it running. */
  start(args: string[]): RunningCli;
  app(name: string): Promise<AppView>;
  /** Waits until the App is as `holds` says. */
  until(name: string, what: string, holds: (app: AppView) => boolean): Promise<AppView>;
  /** Where an address of an example is in this copy. */
  url(port: number): string;
  /** Continuous users: half on kept-alive, half on new connections. */
  users(url: string): Users;
  /** Ends users that a failed example has left behind. */
  sendUsersHome(): Promise<void>;
}

export interface Users {
  /** Ends them, and returns what they met. */
  stop(): Promise<ProbeSummary>;
  /** What failed, each kind once, in words. */
  failures: Set<string>;
}

export async function openLab(stateDir: string, folder: string): Promise<Lab> {
  const examples = path.join(folder, 'examples');
  await cp(EXAMPLES, examples, { recursive: true });
  const ports = await movePorts(examples);
  const users: Users[] = [];
  const options = (cwd: string) => ({ stateDir, cwd, timeoutMs: 120_000 });

  async function crossfade(args: string[], expected = 0, cwd = examples): Promise<CliResult> {
    const ran = await cli(args, options(cwd));
    assert.equal(ran.code, expected, `crossfade ${args.join(' ')}\n${ran.stdout}${ran.stderr}`);
    return ran;
  }
  const app = async (name: string) =>
    JSON.parse((await crossfade(['get', 'app', name, '-o', 'json'])).stdout) as AppView;

  return {
    crossfade: (args, expected) => crossfade(args, expected),
    typeIn: (example, args, expected) => crossfade(args, expected, path.join(examples, example)),
    start: (args) => startCli(args, options(examples)),
    app,
    async until(name, what, holds) {
      let seen: AppView | undefined;
      const arrived = async () => {
        seen = await app(name);
        return holds(seen) ? seen : undefined;
      };
      return waitFor(arrived, { timeoutMs: 60_000, intervalMs: 100, what }).catch((error) =>
        assert.fail(`${error.message}\n${JSON.stringify(seen?.status, null, 2)}`),
      );
    },
    url: (port) => `http://127.0.0.1:${ports.get(port) ?? assert.fail(`no example listens on ${port}`)}/`,
    users(url) {
      const started = startUsers(url);
      users.push(started);
      return started;
    },
    async sendUsersHome() {
      await Promise.all(users.splice(0).map((one) => one.stop()));
    },
  };
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

function startUsers(url: string): Users {
  const failures = new Set<string>();
  const probe = createProbe({
    url,
    rps: 100,
    concurrency: 1_000,
    connections: 'mixed',
    onRecord: ({ failure, detail }) => {
      if (failure !== null) failures.add(`${failure}: ${detail}`);
    },
  });
  const ended = probe.run();
  return {
    failures,
    stop: () => {
      probe.stop();
      return ended;
    },
  };
}

/** Sends exactly this many requests; returns how many each revision answered. */
export async function countAnswers(url: string, requests: number): Promise<Record<string, number>> {
  const summary = await createProbe({ url, requests, concurrency: 8, connections: 'mixed' }).run();
  assert.deepEqual(summary.failures, {});
  return Object.fromEntries(Object.entries(summary.byRevision).map(([id, share]) => [id, share.requests]));
}
