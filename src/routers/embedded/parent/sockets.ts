/**
 * Bound sockets that nobody polls: the parent holds them, the worker listens on them. A parent that polled would accept
 * connections and strand them. While any process holds one, the kernel queues what arrives, so a worker may come and go.
 */
import dns from 'node:dns/promises';
import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { OperatingError } from '../../../core/errors.ts';
import { siblingEntry } from '../files.ts';
import { holderOf } from './holder.ts';

/** What this needs of Node's own handle object (net.Native over IPC). */
export interface BoundHandle {
  close(): void;
  getsockname?(out: { address?: string; port?: number }): number;
}

interface HandleMaker {
  /** A handle, or a negative error number. Documented nowhere; `cluster` of Node itself stands on it. */
  _createServerHandle(address: string | null, port: number, addressType: number): BoundHandle | number;
}

const maker = net as unknown as HandleMaker;

export interface Listen {
  host: string;
  port: number;
}

/** @throws OperatingError E_PORT_TAKEN, E_LISTEN_FAILED */
export async function bindTcp(listen: Listen): Promise<BoundHandle> {
  const { address, family } = await resolve(listen);
  const handle = maker._createServerHandle(address, listen.port, family);
  if (typeof handle === 'number') throw listenError(listen, getSystemErrorName(handle));
  const bound: { port?: number } = {};
  handle.getsockname?.(bound);
  // libuv reports a taken port only when it listens, and the unbound socket would then listen on a random one.
  if (bound.port !== listen.port && listen.port !== 0) {
    handle.close();
    throw listenError(listen, 'EADDRINUSE');
  }
  return handle;
}

/** @throws OperatingError E_LISTEN_FAILED */
export function bindUnix(path: string): BoundHandle {
  const handle = maker._createServerHandle(path, -1, -1);
  if (typeof handle !== 'number') return handle;
  const code = getSystemErrorName(handle);
  throw new OperatingError('E_LISTEN_FAILED', `cannot listen on ${path}: ${code}`, {
    hint: 'the path of the state folder must be writable, and short enough for a Unix socket (about 80 characters)',
  });
}

async function resolve(listen: Listen): Promise<{ address: string; family: 4 | 6 }> {
  const family = net.isIP(listen.host);
  if (family === 4 || family === 6) return { address: listen.host, family };
  try {
    const found = await dns.lookup(listen.host);
    return { address: found.address, family: found.family === 6 ? 6 : 4 };
  } catch (cause) {
    throw new OperatingError(
      'E_LISTEN_FAILED',
      `cannot listen on ${listen.host}:${listen.port}: no such host here`,
      {
        hint: 'route.listen takes a port, or the address of one of this machine’s interfaces and a port',
        cause,
      },
    );
  }
}

function siblings(): string[] {
  return [siblingEntry('parent'), siblingEntry('worker')];
}

export function listenError(listen: Listen, code: string): OperatingError {
  const where = `${listen.host}:${listen.port}`;
  if (code === 'EADDRINUSE') {
    const holder = holderOf(listen.port);
    const by = holder === undefined ? '' : ` by ${holder.command} (pid ${holder.pid})`;
    const own = holder !== undefined && siblings().some((entry) => holder.command.includes(entry));
    return new OperatingError('E_PORT_TAKEN', `${where} is already taken${by}`, {
      hint: own
        ? 'that is this or another router of Crossfade; Apps that share a port must write the same address in route.listen'
        : 'stop what listens there, or give the App another port in route.listen',
      details: {
        host: listen.host,
        port: listen.port,
        ...(holder && { pid: holder.pid, command: holder.command }),
      },
    });
  }
  const hint =
    code === 'EACCES'
      ? 'ports below 1024 need privileges; use a port from 1024, or let systemd give the port'
      : 'route.listen takes a port, or the address of one of this machine’s interfaces and a port';
  return new OperatingError('E_LISTEN_FAILED', `cannot listen on ${where}: ${code}`, {
    hint,
    details: { host: listen.host, port: listen.port },
  });
}
