import { constants } from 'node:os';
import { type ProcessStat, parseStat } from './procfs.ts';

/**
 * The parent of a replica's main process and leader of its session: records who it is before it starts anything, and
 * how the main process ended, so that both are known after the daemon was away. /bin/sh and not Node: 1 MB each.
 *
 * fd 1: the replica's stdout; 4: its stderr; 3: the status file. The shim's own messages go nowhere (fd 2 is
 * /dev/null). TERM reaches the whole group: the shim survives it to record the exit; the traps do not pass to what it
 * starts. Were nothing recorded (disk full), the replica could not be found again: it is not started at all.
 */
export const SHIM = [
  'umask 022',
  'trap : HUP INT QUIT TERM USR1 USR2',
  'read -r stat < /proc/$$/stat && echo "start $stat" >&3 || exit 125',
  '( exec "$@" ) 2>&4 3>&- 4>&-',
  'echo "exit $?" >&3',
].join('\n');

export interface Exit {
  code: number | null;
  signal: string | null;
}

export interface ShimStatus {
  leader?: ProcessStat;
  exit?: Exit;
}

/** Lines that were not written completely do not count. */
export function parseStatus(text: string): ShimStatus {
  const status: ShimStatus = {};
  for (const line of text.split('\n').slice(0, -1)) {
    const [word, ...rest] = line.split(' ');
    const leader = word === 'start' ? parseStat(rest.join(' ')) : undefined;
    if (leader) status.leader = leader;
    if (word === 'exit' && /^\d+$/.test(rest[0] ?? '')) status.exit = exitOf(Number(rest[0]));
  }
  return status;
}

/** The shell says 128+n for signal n; a program that exits with such a number itself looks the same. */
export function exitOf(status: number): Exit {
  const signal = Object.entries(constants.signals).find(([, number]) => number === status - 128)?.[0];
  return signal ? { code: null, signal } : { code: status, signal: null };
}

export function exitInWords(exit: Exit): string {
  if (exit.signal) return `was ended by ${exit.signal}`;
  return exit.code === null ? 'ended, nobody saw how' : `exited with code ${exit.code}`;
}
