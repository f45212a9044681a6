/** Which process is what in one Crossfade, and an end for it that it cannot notice. */
import { readFile } from 'node:fs/promises';
import { processesUnder } from '../../support/processes.ts';
import { waitFor } from '../../support/wait-for.ts';

export interface ReplicaProcess {
  pid: number;
  /** `namespace/name` */
  app: string;
  replica: string;
  /** The shell that records how the replica ended. */
  isShim: boolean;
}

export interface Roles {
  daemons: number[];
  parents: number[];
  workers: number[];
  replicas: ReplicaProcess[];
  /** Whatever else knows the folder: nothing should. */
  others: { pid: number; command: string }[];
}

/** Every process of the Crossfade with this state dir, by what it does. */
export async function rolesUnder(stateDir: string): Promise<Roles> {
  const roles: Roles = { daemons: [], parents: [], workers: [], replicas: [], others: [] };
  for (const { pid, command } of await processesUnder(stateDir)) {
    const env = await environmentOf(pid);
    const replica = env.get('CROSSFADE_REPLICA');
    if (replica !== undefined) {
      const app = `${env.get('CROSSFADE_NAMESPACE')}/${env.get('CROSSFADE_APP')}`;
      roles.replicas.push({ pid, app, replica, isShim: command.startsWith('/bin/sh ') });
    } else if (/embedded\/parent\.[jt]s/.test(command)) roles.parents.push(pid);
    else if (/embedded\/worker\.[jt]s/.test(command)) roles.workers.push(pid);
    else if (/ daemon --state-dir /.test(command) || command.includes('harness/daemon.ts'))
      roles.daemons.push(pid);
    else if (await isThere(pid)) roles.others.push({ pid, command });
  }
  return roles;
}

/** The main processes of an App's replicas, those of one pool when it is given. */
export function mainProcesses({ replicas }: Roles, app: string, replica?: string): ReplicaProcess[] {
  return replicas.filter(
    (one) => one.app === `default/${app}` && !one.isShim && (replica ?? one.replica) === one.replica,
  );
}

/** SIGKILL, and waits until they are gone: their connections are closed from then on. */
export async function killHard(pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  await waitFor(async () => (await Promise.all(pids.map(isThere))).every((there) => !there), {
    what: `${pids.join(', ')} to be gone`,
  });
}

/** A zombie, whose parent has not looked yet, has closed everything already. */
async function isThere(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat !== undefined && !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
}

async function environmentOf(pid: number): Promise<Map<string, string>> {
  const text = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
  const entries = text.split('\0').map((line): [string, string] => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)];
  });
  return new Map(entries);
}
