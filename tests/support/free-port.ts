import { once } from 'node:events';
import net from 'node:net';

/** Below the ephemeral range (32768-60999), so that no outgoing connection takes it between the look and the use. */
const FIRST_PORT = 20_000;
const PORTS = 12_000;
const ATTEMPTS = 200;

const reserved = new Map<number, net.Server>();

/**
 * A TCP port of 127.0.0.1 that nobody listens on. It is reserved for this process until it ends, against every other
 * test of this machine: an abstract Unix socket is the claim, which the kernel drops with its owner.
 */
export async function freePort(): Promise<number> {
  const first = Math.floor(Math.random() * PORTS);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = FIRST_PORT + ((first + attempt) % PORTS);
    if (reserved.has(port)) continue;
    const claim = await claimPort(port);
    if (claim === undefined) continue;
    reserved.set(port, claim);
    if (await isPortFree(port)) return port;
    reserved.delete(port);
    claim.close();
  }
  throw new Error(`no free port among ${ATTEMPTS} from ${FIRST_PORT + first}`);
}

/** True when nobody listens on the port, on any address. */
export async function isPortFree(port: number): Promise<boolean> {
  for (const host of ['127.0.0.1', '0.0.0.0']) {
    const server = await listening({ port, host });
    if (server === undefined) return false;
    server.close();
    await once(server, 'close');
  }
  return true;
}

/** Those of the ports (default: all that freePort() has given to this process) that somebody listens on. */
export async function reservedPortsInUse(ports: readonly number[] = [...reserved.keys()]): Promise<number[]> {
  const free = await Promise.all(ports.map(isPortFree));
  return ports.filter((_port, index) => !free[index]);
}

async function claimPort(port: number): Promise<net.Server | undefined> {
  // Abstract sockets exist on Linux only; elsewhere binding the port is the only check.
  const server =
    process.platform === 'linux'
      ? await listening({ path: `\0crossfade-test-port-${port}` })
      : net.createServer();
  return server?.unref();
}

async function listening(options: net.ListenOptions): Promise<net.Server | undefined> {
  const server = net.createServer();
  try {
    server.listen(options);
    await once(server, 'listening');
    return server;
  } catch (error) {
    if (['EADDRINUSE', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
