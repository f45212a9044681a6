/** A process beyond its pid, which the kernel gives to somebody else one day: pid and start time. */
import fs from 'node:fs';

export interface Identity {
  pid: number;
  /** Clock ticks since boot, `/proc/PID/stat` field 22; empty where there is no /proc. */
  startTime: string;
}

export function identityOf(pid: number): Identity | undefined {
  let stat: string;
  try {
    stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return process.platform !== 'linux' && exists(pid) ? { pid, startTime: '' } : undefined;
  }
  // The command may contain spaces and parentheses; fields are counted from after the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const zombie = fields[0] === 'Z' || fields[0] === 'X';
  return zombie ? undefined : { pid, startTime: fields[19] ?? '' };
}

export function isAlive(identity: Identity): boolean {
  return identityOf(identity.pid)?.startTime === identity.startTime;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
