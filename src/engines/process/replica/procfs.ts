/**
 * Reads of /proc are synchronous on purpose: they are memory, not disk, and a process list that is read in pieces
 * between other events is a list of a machine that never was.
 */
import fs from 'node:fs';

export interface ProcessStat {
  pid: number;
  name: string;
  /** One letter, see proc(5). */
  state: string;
  parent: number;
  group: number;
  session: number;
  /** Field 22: clock ticks after boot. With the pid and the boot it names a process for ever. */
  startTicks: string;
}

/** The content of /proc/PID/stat; the name may contain spaces and parentheses. */
export function parseStat(text: string): ProcessStat | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 1 || close < open) return undefined;
  const fields = text
    .slice(close + 2)
    .trim()
    .split(' ');
  const [state, parent, group, session] = fields;
  const startTicks = fields[19];
  if (!state || !parent || !group || !session || !startTicks) return undefined;
  return {
    pid: Number(text.slice(0, open).trim()),
    name: text.slice(open + 1, close),
    state,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    startTicks,
  };
}

export function readStat(pid: number): ProcessStat | undefined {
  const text = readProc(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseStat(text.toString('latin1'));
}

/** A zombie is dead: where process 1 does not reap, it stays one for ever. */
export function isAlive(stat: ProcessStat): boolean {
  return stat.state !== 'Z' && stat.state !== 'X' && stat.state !== 'x';
}

export function sameProcessLives(known: { pid: number; startTicks: string }): boolean {
  const now = readStat(known.pid);
  return now !== undefined && now.startTicks === known.startTicks && isAlive(now);
}

export function allProcesses(): ProcessStat[] {
  const found: ProcessStat[] = [];
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(Number(name));
    if (stat) found.push(stat);
  }
  return found;
}

/** The environment a process was started with; empty where it may not be read, as it then is not ours. */
export function environmentOf(pid: number): string[] {
  const text = readProc(`/proc/${pid}/environ`);
  return text === undefined ? [] : text.toString('utf8').split('\0').filter(Boolean);
}

export function valueIn(environment: readonly string[], name: string): string | undefined {
  return environment.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Open files of a process as `fd -> what it is`; undefined where they may not be seen. */
export function openFiles(pid: number): Map<number, string> | undefined {
  let names: string[];
  try {
    names = fs.readdirSync(`/proc/${pid}/fd`);
  } catch {
    return undefined;
  }
  const files = new Map<number, string>();
  for (const name of names) {
    const target = openFile(pid, Number(name));
    if (target !== undefined) files.set(Number(name), target);
  }
  return files;
}

export function openFile(pid: number, fd: number): string | undefined {
  try {
    return fs.readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return undefined;
  }
}

function readProc(file: string): Buffer | undefined {
  try {
    return fs.readFileSync(file);
  } catch {
    return undefined;
  }
}
