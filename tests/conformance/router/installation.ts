import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { identityOf, isAlive } from '../../../src/routers/embedded/identity.ts';
import { createEmbeddedRouter, type EmbeddedRouter } from '../../../src/routers/embedded/index.ts';
import { freePort } from '../../support/free-port.ts';
import { killProcessesUnder } from '../../support/processes.ts';
import type { Cleanup } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';
import { Lab } from './lab.ts';

/** A router with a state folder of its own, whose processes the test kills as it likes. */
export class Installation {
  readonly stateDir: string;
  private readonly t: Cleanup;
  private readonly routers: EmbeddedRouter[] = [];

  private constructor(t: Cleanup, stateDir: string) {
    this.t = t;
    this.stateDir = stateDir;
  }

  static async make(t: Cleanup): Promise<Installation> {
    const folder = await fs.promises.mkdtemp(path.join(os.tmpdir(), 'r-'));
    const here = new Installation(t, path.join(folder, 'state'));
    t.after(async () => {
      // In this order: an adapter that is still connected would start the router again.
      for (const router of here.routers) await router.close();
      await killProcessesUnder(folder);
      await fs.promises.rm(folder, { recursive: true, force: true, maxRetries: 3 });
    });
    return here;
  }

  /** What a daemon does when it starts. */
  async daemon(bootId = 'boot-1'): Promise<EmbeddedRouter> {
    const router = await createEmbeddedRouter({ stateDir: this.stateDir, bootId });
    this.routers.push(router);
    return router;
  }

  async lab(router: EmbeddedRouter): Promise<Lab> {
    return new Lab(this.t, router, 'default/shop', await freePort());
  }

  file(...parts: string[]): string {
    return path.join(this.stateDir, 'router', ...parts);
  }
}

export async function kill(pid: number | null): Promise<void> {
  assert.ok(pid !== null);
  const identity = identityOf(pid);
  process.kill(pid, 'SIGKILL');
  await waitFor(() => identity === undefined || !isAlive(identity), { what: `${pid} to be dead` });
}

/** Kills both at once, stopped first: neither has time to start the other again. */
export function killRouter(status: { workerPid: number; parentPid: number | null }): void {
  const pids = [status.parentPid, status.workerPid].filter((pid) => pid !== null);
  for (const signal of ['SIGSTOP', 'SIGKILL'] as const) for (const pid of pids) process.kill(pid, signal);
}

export async function replaced(
  router: EmbeddedRouter,
  what: 'workerPid' | 'parentPid',
  before: number | null,
): Promise<void> {
  await waitFor(
    async () => {
      const now = (await router.status())[what];
      return now !== null && now !== before;
    },
    { what: `another ${what}`, timeoutMs: 20_000 },
  );
}
