/** Starts, stops and signals the programs of a cluster, each with a log file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Component } from './components.ts';
import { enterWorld } from './world.ts';

const STOP_GRACE_MS = 20_000;
const LOOK_EVERY_MS = 20;

interface Running {
  child: ChildProcess;
  /** Its process group: entering a world forks, and the program is the child of what was started. */
  group: number;
}

export class Supervisor {
  readonly #worldPid: number;
  readonly #logs: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #components = new Map<string, Component>();
  readonly #running = new Map<string, Running>();

  constructor(worldPid: number, logs: string, env: NodeJS.ProcessEnv) {
    this.#worldPid = worldPid;
    this.#logs = logs;
    this.#env = env;
  }

  /** Names of the programs, with whether each is running. */
  list(): { name: string; running: boolean }[] {
    return [...this.#components.keys()].map((name) => ({ name, running: this.#isRunning(name) }));
  }

  /** Starts a program that was not known yet. */
  async add(component: Component): Promise<void> {
    if (this.#components.has(component.name)) throw new Error(`there is a ${component.name} already`);
    this.#components.set(component.name, component);
    await this.start(component.name);
  }

  /** Starts it again, as it was. No change when it runs. */
  async start(name: string): Promise<void> {
    const { program, args, env = {} } = this.#known(name);
    if (this.#isRunning(name)) return;
    await mkdir(this.#logs, { recursive: true });
    const log = await open(path.join(this.#logs, `${name}.log`), 'a');
    try {
      const entered = enterWorld(this.#worldPid, program, args, { cwd: '/' });
      const child = spawn(entered.command, entered.args, {
        detached: true,
        env: { ...this.#env, ...env },
        stdio: ['ignore', log.fd, log.fd],
      });
      await once(child, 'spawn');
      if (child.pid === undefined) throw new Error(`${name} has no pid`);
      this.#running.set(name, { child, group: child.pid });
    } finally {
      await log.close();
    }
  }

  /** Resolves when it is gone. A signal that can be ignored is followed by KILL after a while. */
  async stop(name: string, signal: NodeJS.Signals): Promise<void> {
    this.#known(name);
    const running = this.#running.get(name);
    if (running === undefined) return;
    const giveUpAt = performance.now() + STOP_GRACE_MS;
    send(running.group, signal);
    while (exists(running.group)) {
      if (performance.now() > giveUpAt) send(running.group, 'SIGKILL');
      await sleep(LOOK_EVERY_MS);
    }
    this.#running.delete(name);
  }

  /** STOP and CONT: a program that hangs, and one that goes on. */
  signal(name: string, signal: NodeJS.Signals): void {
    const running = this.#running.get(this.#known(name).name);
    if (running === undefined) throw new Error(`${name} does not run`);
    send(running.group, signal);
  }

  #known(name: string): Component {
    const component = this.#components.get(name);
    if (component !== undefined) return component;
    throw new Error(`no component ${name}; there are ${[...this.#components.keys()].join(', ')}`);
  }

  #isRunning(name: string): boolean {
    const running = this.#running.get(name);
    return running !== undefined && exists(running.group);
  }
}

function exists(group: number): boolean {
  return send(group, 0);
}

/** False when nobody of the group is left. */
function send(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
