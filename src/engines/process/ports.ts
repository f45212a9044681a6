import { randomInt } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import { OperatingError } from '../../core/errors.ts';

/** Both ends included. */
export interface PortRange {
  from: number;
  to: number;
}

/** What the kernel gives to connections and to listeners that ask for any port. */
const EPHEMERAL_FILE = '/proc/sys/net/ipv4/ip_local_port_range';
const FEWEST = 1000;

/**
 * Ports that no outgoing connection takes by chance. @param ephemeral content of ip_local_port_range
 */
export function rangeOutside(ephemeral: string): PortRange {
  const [low, high] = ephemeral.trim().split(/\s+/).map(Number);
  if (!low || !high) return { from: 20_000, to: 32_767 };
  const candidates = [
    { from: 20_000, to: low - 1 },
    { from: high + 1, to: 65_535 },
    { from: 10_000, to: Math.min(low - 1, 19_999) },
    { from: 1_024, to: low - 1 },
  ];
  const fits = candidates.find(({ from, to }) => to - from + 1 >= FEWEST);
  return fits ?? { from: 20_000, to: 32_767 };
}

export function defaultRange(): PortRange {
  try {
    return rangeOutside(fs.readFileSync(EPHEMERAL_FILE, 'utf8'));
  } catch {
    return rangeOutside('');
  }
}

/** Gives every replica of this machine's engine a port of its own on 127.0.0.1. */
export interface Ports {
  /** For a replica that is adopted. False: another replica has it. */
  claim(port: number): boolean;
  /** @throws OperatingError E_NO_FREE_PORT */
  allocate(preferred?: number): Promise<number>;
  release(port: number): void;
}

export function createPorts(range: PortRange): Ports {
  const taken = new Set<number>();
  const size = range.to - range.from + 1;
  // Begins anywhere: a port that was just given back may still be dialled by someone, so it comes last.
  let next = randomInt(size);

  async function tryPort(port: number): Promise<boolean> {
    if (taken.has(port)) return false;
    taken.add(port);
    if (await canListen(port)) return true;
    taken.delete(port);
    return false;
  }

  return {
    claim(port) {
      if (taken.has(port)) return false;
      taken.add(port);
      return true;
    },
    async allocate(preferred) {
      if (preferred !== undefined && (await tryPort(preferred))) return preferred;
      for (let tries = 0; tries < size; tries++) {
        const port = range.from + next;
        next = (next + 1) % size;
        if (await tryPort(port)) return port;
      }
      throw new OperatingError(
        'E_NO_FREE_PORT',
        `no free port on 127.0.0.1 from ${range.from} to ${range.to}`,
        {
          hint: 'stop what uses them (ss -ltnp), or lower spec.replicas',
        },
      );
    },
    release(port) {
      taken.delete(port);
    },
  };
}

/** Also false when someone listens on all addresses. */
export function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
