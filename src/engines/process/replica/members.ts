import {
  allProcesses,
  environmentOf,
  isAlive,
  type ProcessStat,
  sameProcessLives,
  valueIn,
} from './procfs.ts';

/** In the environment of everything that this engine starts: `<installation>:<app>/<replica>`. */
export const OWNER_VARIABLE = 'CROSSFADE_OWNER';

export interface Identity {
  /** Value of OWNER_VARIABLE. */
  owner: string;
  /** The shim: leader of the replica's session. Absent: not known to have been started. */
  leader?: { pid: number; startTicks: string } | undefined;
  /**
   * The leader was seen alive by this engine until just now, so its session is the replica's also without it. Not so
   * after the daemon was away: its number may have led a session of someone else since.
   */
  leaderSeen?: boolean;
}

/**
 * Every living process that belongs to a replica: its session while the leader that was recorded is still in the
 * process table (a number is given to another process only after that), whatever carries its mark in the environment
 * (also after setsid), and all their descendants.
 *
 * Not found: a process that changed its session, cleared its environment and lost its parent, all three.
 */
export function membersOf(
  identity: Identity,
  processes: readonly ProcessStat[] = allProcesses(),
): ProcessStat[] {
  const session = recordedSession(identity, processes);
  const own = new Set<number>();
  for (const one of processes) {
    if (one.session === session && session !== undefined) own.add(one.pid);
    else if (valueIn(environmentOf(one.pid), OWNER_VARIABLE) === identity.owner) own.add(one.pid);
  }
  addDescendants(own, processes);
  return processes.filter((one) => own.has(one.pid) && isAlive(one) && mayBeSignalled(one));
}

function recordedSession(identity: Identity, processes: readonly ProcessStat[]): number | undefined {
  const { leader } = identity;
  if (!leader) return undefined;
  const now = processes.find((one) => one.pid === leader.pid);
  if (now ? now.startTicks === leader.startTicks : identity.leaderSeen) return leader.pid;
  return undefined;
}

function addDescendants(own: Set<number>, processes: readonly ProcessStat[]): void {
  for (let before = -1; before !== own.size; ) {
    before = own.size;
    for (const one of processes) if (own.has(one.parent)) own.add(one.pid);
  }
}

/** Process 1 would stop the machine, ourselves the supervision; a mark found there is inherited, not given. */
function mayBeSignalled(one: ProcessStat): boolean {
  return one.pid > 1 && one.pid !== process.pid && one.pid !== process.ppid;
}

/** To whole process groups, so that a member that forks meanwhile is reached with its child. */
export function signalAll(members: readonly ProcessStat[], signal: 'SIGTERM' | 'SIGKILL'): void {
  const ownGroup = allGroupsToSpare();
  const groups = new Set(
    members.map((one) => one.group).filter((group) => group > 1 && !ownGroup.has(group)),
  );
  for (const group of groups) sendSignal(-group, signal);
  for (const one of members) {
    // Verified again just before: between the scan and here the pid may have been given to someone else.
    if (!groups.has(one.group) && sameProcessLives(one)) sendSignal(one.pid, signal);
  }
}

function allGroupsToSpare(): Set<number> {
  const spared = new Set<number>();
  for (const one of allProcesses()) if (one.pid === process.pid) spared.add(one.group);
  return spared;
}

function sendSignal(target: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(target, signal);
  } catch {
    // ESRCH: it ended by itself. EPERM: it changed its user; the caller sees that it is still there.
  }
}

/** Everything alive that this installation ever started, with the mark that it carries. */
export function allOwned(installation: string): { process: ProcessStat; owner: string }[] {
  const found: { process: ProcessStat; owner: string }[] = [];
  const processes = allProcesses();
  const ancestors = ancestorsOf(process.pid, processes);
  for (const one of processes) {
    if (!isAlive(one) || ancestors.has(one.pid)) continue;
    const owner = valueIn(environmentOf(one.pid), OWNER_VARIABLE);
    if (owner?.startsWith(`${installation}:`)) found.push({ process: one, owner });
  }
  return found;
}

function ancestorsOf(pid: number, processes: readonly ProcessStat[]): Set<number> {
  const parents = new Map(processes.map((one) => [one.pid, one.parent]));
  const found = new Set<number>();
  for (let at: number | undefined = pid; at && !found.has(at); at = parents.get(at)) found.add(at);
  return found;
}
