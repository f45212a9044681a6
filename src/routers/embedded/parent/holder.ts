/** Which process listens on a port, as far as /proc tells this user. For the sentence in E_PORT_TAKEN. */
import fs from 'node:fs';

export interface Holder {
  pid: number;
  /** Its command line, shortened. */
  command: string;
}

const LISTENING = '0A';
const MAX_COMMAND = 160;

/** Undefined where there is no /proc, or the process belongs to somebody else. */
export function holderOf(port: number): Holder | undefined {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return undefined;
  for (const name of entries('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    for (const fd of entries(`/proc/${name}/fd`)) {
      if (inodes.has(linkOf(`/proc/${name}/fd/${fd}`)))
        return { pid: Number(name), command: commandOf(name) };
    }
  }
  return undefined;
}

function listeningInodes(port: number): Set<string> {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of contentOf(table).split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/);
      if (columns[3] === LISTENING && columns[1]?.endsWith(`:${wanted}`))
        inodes.add(`socket:[${columns[9]}]`);
    }
  }
  return inodes;
}

function commandOf(pid: string): string {
  const command = contentOf(`/proc/${pid}/cmdline`).split('\0').join(' ').trim();
  return command.length > MAX_COMMAND ? `${command.slice(0, MAX_COMMAND)}…` : command;
}

// Processes end while they are looked at, and others' folders are closed to us: nothing there is nothing found.
function entries(path: string): string[] {
  try {
    return fs.readdirSync(path);
  } catch {
    return [];
  }
}

function contentOf(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function linkOf(path: string): string {
  try {
    return fs.readlinkSync(path);
  } catch {
    return '';
  }
}
