/** Starts the daemon of these tests and tells it what is to happen to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { waitFor } from '../../support/wait-for.ts';
import type { Faults, Point } from './faults.ts';
import type { Lab } from './lab.ts';

const DAEMON = path.join(import.meta.dirname, 'daemon.ts');

export interface FaultyDaemon {
  /** Starts it, and waits until it answers. One that dies on its way up, because it was told to, is started again. */
  start(): Promise<void>;
  /** True from when it was killed until it is started again. */
  isDead(): boolean;
  /** Times that it was killed. */
  deaths(): number;
  set(change: Partial<Faults>): Promise<void>;
  /** It dies at the nth time that it passes this point, counted from now. */
  arm(point: Point, nth: number): Promise<void>;
  /** From now on points are only noted. Returns what `passed` takes. */
  disarm(): Promise<number>;
  /** Every point passed since then, in order. */
  passed(since: number): Promise<Point[]>;
}

/** @param env added to the environment of the daemon, and so of its router */
export function createFaultyDaemon(lab: Lab, env: Readonly<Record<string, string>> = {}): FaultyDaemon {
  const faultsFile = path.join(lab.folder, 'faults.json');
  let faults: Faults = { wallOffsetMs: 0, armed: 0 };
  let child: ChildProcess | undefined;
  let deaths = 0;
  writeFileSync(faultsFile, JSON.stringify(faults));

  async function set(change: Partial<Faults>): Promise<void> {
    faults = { ...faults, ...change };
    await writeFile(`${faultsFile}.new`, JSON.stringify(faults));
    await rename(`${faultsFile}.new`, faultsFile);
  }
  async function disarm(): Promise<number> {
    const { dieAt: _gone, ...rest } = faults;
    faults = rest;
    await set({ armed: faults.armed + 1 });
    return faults.armed;
  }
  const isDead = () => child === undefined || child.exitCode !== null || child.signalCode !== null;

  return {
    isDead,
    deaths: () => deaths,
    set,
    disarm,
    async arm(point, nth) {
      await set({ dieAt: { point, nth }, armed: faults.armed + 1 });
    },
    async start() {
      await disarm();
      const log = openSync(path.join(lab.stateDir, 'daemon.log'), 'a', 0o600);
      child = spawn(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', DAEMON, lab.stateDir, faultsFile],
        {
          cwd: lab.stateDir,
          detached: true,
          stdio: ['ignore', log, log],
          env: { ...process.env, ...env },
        },
      );
      closeSync(log);
      child.unref();
      child.once('exit', (_code, signal) => {
        if (signal === 'SIGKILL') deaths += 1;
      });
      const { pid } = child;
      const answers = async () => {
        if (isDead()) throw new Error(`it ended: ${child?.exitCode ?? child?.signalCode}`);
        return (await lab.client.version()).pid === pid;
      };
      await waitFor(answers, { timeoutMs: 60_000, what: 'the daemon to answer' });
    },
    async passed(since) {
      const lines = (await readFile(`${faultsFile}.passed`, 'utf8').catch(() => '')).split('\n');
      const start = `${since} `;
      return lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length) as Point);
    },
  };
}
