import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Check } from '../context.ts';

/** Checks of the machine. The readers of files are apart from the judges of their content, which are pure. */

const WANTED_NODE_MAJOR = 26;

export function nodeCheck(version: string): Check {
  const major = Number(version.split('.')[0]);
  const found = `version ${version}`;
  if (major >= WANTED_NODE_MAJOR) return { name: 'Node.js', status: 'ok', found };
  return {
    name: 'Node.js',
    status: 'failed',
    found: `${found}, ${WANTED_NODE_MAJOR} or later is needed`,
    todo: `install Node.js ${WANTED_NODE_MAJOR} (https://nodejs.org/) and put it first in PATH`,
  };
}

/** Timestamps in the future mean that the clock was set back, which makes gates wait longer and ages wrong. */
const CLOCK_SLACK_MS = 5_000;
const BUILT_AFTER_MS = Date.parse('2025-01-01T00:00:00Z');

export function clockCheck(stateDir: string, nowMs: number): Check {
  const newestMs = Math.max(
    0,
    ...['daemon.log', 'daemon.sock', '.'].map((name) => mtimeMs(path.join(stateDir, name))),
  );
  return judgeClock(nowMs, newestMs);
}

export function judgeClock(nowMs: number, newestMs: number): Check {
  const name = 'clock';
  const now = new Date(nowMs).toISOString();
  const todo = 'set the clock, and keep it right with a time service (timedatectl set-ntp true)';
  if (nowMs < BUILT_AFTER_MS)
    return { name, status: 'failed', found: `it says ${now}, which cannot be`, todo };
  if (newestMs > nowMs + CLOCK_SLACK_MS) {
    const ahead = new Date(newestMs).toISOString();
    return {
      name,
      status: 'warning',
      found: `it says ${now}, but the state dir was written at ${ahead}`,
      todo,
    };
  }
  return { name, status: 'ok', found: now };
}

function mtimeMs(file: string): number {
  try {
    return statSync(file).mtimeMs;
  } catch {
    return 0;
  }
}

/** Below this many ports outside the ephemeral range a machine with some Apps runs short. */
const FEW_PORTS = 500;
const FIRST_REPLICA_PORT = 20_000;

export function portsCheck(): Check {
  return judgePorts(readText('/proc/sys/net/ipv4/ip_local_port_range'));
}

/** @param range content of ip_local_port_range; undefined where the system has none */
export function judgePorts(range: string | undefined): Check {
  const name = 'ports for replicas';
  const [low, high] = (range ?? '32768 60999').trim().split(/\s+/).map(Number);
  if (!low || !high)
    return { name, status: 'warning', found: `the ephemeral port range cannot be read: ${range}` };
  const free = Math.max(0, low - FIRST_REPLICA_PORT) + Math.max(0, 65_535 - high);
  const found = `outgoing connections use ${low}-${high}; ${free} ports beside them`;
  if (free >= FEW_PORTS) return { name, status: 'ok', found };
  return {
    name,
    status: 'warning',
    found,
    todo: 'keep the ephemeral ports apart: sysctl -w net.ipv4.ip_local_port_range="32768 60999"',
  };
}

/** The router needs two descriptors for each request in flight. */
const WANTED_OPEN_FILES = 4_096;

export function limitsCheck(): Check {
  return judgeLimits(readText('/proc/self/limits'));
}

/** @param limits content of /proc/self/limits; undefined where the system has none */
export function judgeLimits(limits: string | undefined): Check {
  const name = 'limits';
  const files = softLimit(limits, 'Max open files');
  const processes = softLimit(limits, 'Max processes');
  if (files === undefined) return { name, status: 'ok', found: 'this system does not tell them' };
  const found = `${files} open files, ${processes ?? 'unknown'} processes`;
  if (files >= WANTED_OPEN_FILES) return { name, status: 'ok', found };
  return {
    name,
    status: 'warning',
    found,
    todo: `raise the open files of the user that runs the daemon: ulimit -n ${WANTED_OPEN_FILES * 4}, or LimitNOFILE= in its systemd unit`,
  };
}

function softLimit(limits: string | undefined, row: string): number | undefined {
  const value = new RegExp(`^${row}\\s+(\\S+)`, 'm').exec(limits ?? '')?.[1];
  return value === undefined ? undefined : value === 'unlimited' ? Number.POSITIVE_INFINITY : Number(value);
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
