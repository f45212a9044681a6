/** Drives one App through the API while its daemon may die at any moment; what has no answer is asked again. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AppRef } from '../../../src/api/client.ts';
import type { AppView, CommandRequest, CommandResponse, ReleaseView } from '../../../src/api/types.ts';
import { OperatingError } from '../../../src/core/errors.ts';
import type { FaultyDaemon } from './faulty-daemon.ts';
import type { Site } from './site.ts';

const GONE = ['E_DAEMON_GONE', 'E_DAEMON_UNREACHABLE'];
const LOOK_MS = 50;
/** When a broken test ends. */
const LIMIT_MS = 120_000;
const LIVING = { isDead: () => false, start: () => Promise.resolve() };

export interface CommandOptions {
  /** Default: one that was never used. */
  id?: string;
  full?: boolean;
}

export interface Driver {
  ref: AppRef;
  apply(version: number): Promise<void>;
  /** The same id until it is decided: a command is applied once. */
  command(verb: CommandRequest['verb'], options?: CommandOptions): Promise<CommandResponse>;
  view(): Promise<AppView>;
  /** Starts the daemon whenever it is dead, and passes every pause. */
  until(what: string, holds: (app: AppView) => boolean): Promise<AppView>;
  /** To the end of the release with this id. */
  toTheEndOf(release: string): Promise<ReleaseView>;
  /** Deletes it, until nothing of it is there any more. */
  remove(): Promise<void>;
}

/** @param daemon the one that may die; absent: it is expected to live */
export function createDriver(site: Site, daemon: Pick<FaultyDaemon, 'isDead' | 'start'> = LIVING): Driver {
  const { client, folder } = site.lab;
  const ref: AppRef = { namespace: 'default', name: site.name };
  let commands = 0;

  /** Again with a new daemon, when the one that was asked has died over it. */
  async function insist<T>(ask: () => Promise<T>): Promise<T> {
    const giveUpAt = performance.now() + LIMIT_MS;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        const isGone = error instanceof OperatingError && GONE.includes(error.code);
        if (!isGone || performance.now() > giveUpAt) throw error;
        if (daemon.isDead()) await daemon.start();
        else await sleep(LOOK_MS);
      }
    }
  }
  const view = () => insist(() => client.app(ref));
  const command: Driver['command'] = async (verb, { id, full } = {}) => {
    commands += 1;
    const request = { id: id ?? `${verb}-${commands}`, verb, ...(full === undefined ? {} : { full }) };
    const giveUpAt = performance.now() + LIMIT_MS;
    for (;;) {
      const response = await insist(() => client.command(ref, request));
      if (response.result !== 'accepted') return response;
      assert.ok(performance.now() < giveUpAt, `${verb} is not decided`);
    }
  };

  async function until(what: string, holds: (app: AppView) => boolean): Promise<AppView> {
    const giveUpAt = performance.now() + LIMIT_MS;
    for (;;) {
      if (daemon.isDead()) await daemon.start();
      const app = await view();
      if (holds(app)) return app;
      assert.ok(
        performance.now() < giveUpAt,
        `gave up waiting for ${what}\n${JSON.stringify(app.status, null, 2)}`,
      );
      if (app.status.phase === 'Paused') await command('promote');
      await sleep(LOOK_MS);
    }
  }

  return {
    ref,
    command,
    view,
    until,
    async apply(version) {
      await insist(() => client.apply(ref, { app: site.document(version), baseDir: folder }));
    },
    async toTheEndOf(release) {
      const ended = ({ status }: AppView) => status.release === null && status.lastRelease?.id === release;
      const { status } = await until(`the end of ${release}`, ended);
      return status.lastRelease ?? assert.fail('no release');
    },
    async remove() {
      await insist(() => client.remove(ref)).catch((error: OperatingError) => {
        // Somebody else was faster.
        if (error.code !== 'E_APP_NOT_FOUND') throw error;
      });
      const giveUpAt = performance.now() + LIMIT_MS;
      const isGone = async () =>
        (await insist(() => client.apps())).every(({ metadata }) => metadata.name !== site.name);
      while (!(await isGone())) {
        if (daemon.isDead()) await daemon.start();
        assert.ok(performance.now() < giveUpAt, `${site.name} is not gone`);
        await sleep(LOOK_MS);
      }
    },
  };
}
