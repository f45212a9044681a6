import fs from 'node:fs';
import { openFile, openFiles, type ProcessStat } from './procfs.ts';

/** Who answers on a port of 127.0.0.1. */
export type Listener =
  /** Every listener there belongs to the replica; one of them is kept, to look again cheaply. */
  { kind: 'own'; pid: number; fd: number; socket: string } | { kind: 'nobody' } | { kind: 'stranger' };

/** Addresses as the kernel prints them whose listeners get connections to 127.0.0.1. */
const REACHED: ReadonlySet<string> = new Set([
  '0100007F',
  '00000000',
  '00000000000000000000000000000000',
  '0000000000000000FFFF00000100007F',
]);
const LISTEN = '0A';

/**
 * A port that is reused by a stranger answers too, so an answer proves nothing: the listening socket itself must be
 * open in a process of the replica. Several listeners on one port (SO_REUSEPORT) must all be its own.
 */
export function listenerOn(port: number, members: readonly ProcessStat[]): Listener {
  const sockets = listeningSockets(port);
  if (sockets.size === 0) return { kind: 'nobody' };
  let kept: Listener = { kind: 'nobody' };
  const missing = new Set(sockets);
  for (const { pid } of members) {
    for (const [fd, target] of openFiles(pid) ?? []) {
      if (!sockets.has(target)) continue;
      missing.delete(target);
      kept = { kind: 'own', pid, fd, socket: target };
    }
    if (missing.size === 0) return kept;
  }
  return { kind: 'stranger' };
}

/** One readlink: the socket is still open at the same place. */
export function stillListens(listener: Listener): boolean {
  return listener.kind === 'own' && openFile(listener.pid, listener.fd) === listener.socket;
}

/** The listeners on a port that are reached through 127.0.0.1, as `socket:[inode]`. */
export function listeningSockets(port: number): Set<string> {
  const sockets = new Set<string>();
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of listenLines(table)) {
      const [, local, , , , , , , , inode] = line.trim().split(/\s+/);
      const [address, localPort] = local?.split(':') ?? [];
      if (localPort === wanted && address && REACHED.has(address)) sockets.add(`socket:[${inode}]`);
    }
  }
  return sockets;
}

/** Ports that the replica listens on, wherever: to tell who listens on another port than it was given. */
export function portsOf(members: readonly ProcessStat[]): number[] {
  const own = new Set(members.flatMap(({ pid }) => [...(openFiles(pid)?.values() ?? [])]));
  const ports = new Set<number>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of listenLines(table)) {
      const fields = line.trim().split(/\s+/);
      if (own.has(`socket:[${fields[9]}]`)) ports.add(Number.parseInt(fields[1]?.split(':')[1] ?? '', 16));
    }
  }
  return [...ports].sort((a, b) => a - b);
}

/** Listeners come first in these tables: a machine with 50,000 connections is not read to its end. */
function* listenLines(table: string): Generator<string> {
  let fd: number;
  try {
    fd = fs.openSync(table, 'r');
  } catch {
    return;
  }
  try {
    const chunk = Buffer.alloc(64 * 1024);
    let rest = '';
    let first = true;
    for (let bytes = fs.readSync(fd, chunk); bytes > 0; bytes = fs.readSync(fd, chunk)) {
      const lines = (rest + chunk.toString('latin1', 0, bytes)).split('\n');
      rest = lines.pop() ?? '';
      if (first) lines.shift();
      first = false;
      for (const line of lines) {
        if (line.trim().split(/\s+/)[3] !== LISTEN) return;
        yield line;
      }
    }
  } finally {
    fs.closeSync(fd);
  }
}
