/** One Crossfade with a state folder of its own, driven as a user drives it. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type AppRef, type Client, createClient } from '../../../src/api/client.ts';
import type { AppView, EventView, ReplicaView } from '../../../src/api/types.ts';
import { type CliResult, cli } from '../../support/cli.ts';
import { type StateDirOptions, withStateDir } from '../../support/state-dir.ts';
import type { Cleanup } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';
import type { AppDocument } from './app-files.ts';

export interface Lab {
  stateDir: string;
  folder: string;
  /** The API, for looking often; what a user types is typed. */
  client: Client;
  /** Runs one command line; fails the test when it exits with anything but `expected`. */
  crossfade(args: readonly string[], expected?: number, cwd?: string): Promise<CliResult>;
  /** Writes the App file and applies it with these flags. */
  apply(app: AppDocument, flags?: readonly string[], expected?: number): Promise<CliResult>;
  /** What `crossfade get app NAME -o json` prints, from where it has it. */
  app(name: string): Promise<AppView>;
  /** Waits until the App is as `holds` says. */
  until(name: string, what: string, holds: (app: AppView) => boolean): Promise<AppView>;
  events(name: string): Promise<EventView[]>;
  /** Runs `body`; when it fails, the history of the App is part of what is told. */
  explaining<T>(name: string, body: () => Promise<T>): Promise<T>;
}

/** Ends with the release; the limit only decides when a broken test ends. */
export const WAIT: readonly string[] = ['--wait', '--timeout', '120s'];

export async function withLab(
  t: Cleanup,
  body: (lab: Lab) => Promise<void>,
  options: StateDirOptions = {},
): Promise<void> {
  await withStateDir(
    t,
    async (stateDir, folder) => {
      const lab = openLab(stateDir, folder);
      try {
        await body(lab);
      } finally {
        await lab.client.close();
      }
    },
    options,
  );
}

const refOf = (name: string): AppRef => ({ namespace: 'default', name });

function openLab(stateDir: string, folder: string): Lab {
  const client = createClient({ socketPath: path.join(stateDir, 'daemon.sock') }, { actor: 'the test' });
  let files = 0;

  async function crossfade(args: readonly string[], expected = 0, cwd = folder): Promise<CliResult> {
    const ran = await cli(args, { stateDir, cwd, timeoutMs: 180_000 });
    assert.equal(ran.code, expected, `crossfade ${args.join(' ')}\n${ran.stdout}${ran.stderr}`);
    return ran;
  }
  const events = (name: string) => client.events(refOf(name), { limit: 1_000 });

  return {
    stateDir,
    folder,
    client,
    crossfade,
    events,
    async apply(app, flags = WAIT, expected) {
      files += 1;
      const file = path.join(folder, `${app.metadata.name}-${files}.json`);
      await writeFile(file, JSON.stringify(app));
      return crossfade(['apply', '-f', file, ...flags], expected);
    },
    app: (name) => client.app(refOf(name)),
    async until(name, what, holds) {
      let seen: AppView | undefined;
      const arrived = async () => {
        seen = await client.app(refOf(name));
        return holds(seen) ? seen : undefined;
      };
      return waitFor(arrived, { timeoutMs: 120_000, intervalMs: 50, what }).catch((error) =>
        assert.fail(`${error.message}\n${JSON.stringify(seen?.status, null, 2)}`),
      );
    },
    async explaining(name, run) {
      try {
        return await run();
      } catch (error) {
        const told = await events(name).catch((why) => `no events: ${why}`);
        const replicas = await client.replicas(refOf(name)).catch(() => []);
        const message = `${(error as Error).message}\n\nhistory of ${name}:\n${historyOf(told)}`;
        throw new Error(`${message}\n\nits replicas:\n${replicas.map(replicaLine).join('\n')}`, {
          cause: error,
        });
      }
    },
  };
}

const replicaLine = ({ id, role, phase, ready, restarts, lastProbe, problem }: ReplicaView): string =>
  `  ${id} ${role} ${phase} ${ready ? 'ready' : 'not ready'}, ${restarts} restarts: ${problem ?? lastProbe}`;

function historyOf(told: EventView[] | string): string {
  if (typeof told === 'string') return told;
  return told
    .map(({ at, release, reason, message }) => `  ${at} ${release ?? '-'} ${reason}: ${message}`)
    .join('\n');
}
