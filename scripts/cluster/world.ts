/**
 * A disposable world: network, mounts, processes and host name of its own. Everything in it ends with the process that
 * made it, whatever ends that one: the kernel sees to it, not code of ours.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Programs } from './build/build.ts';
import { FIRST_NODE, HIDDEN_FOLDERS, NETWORK_BITS } from './layout.ts';

export interface World {
  /** Of its first process, as the machine sees it: namespaces are entered by it. */
  pid: number;
  /** Resolves when it is gone. */
  ended: Promise<unknown>;
  /** Ends every process in it, at once. */
  end: () => Promise<void>;
}

const READY = 'world is ready';

/**
 * What the kubelet would set in the machine's kernel, not only in this world. It finds what it wants to find, and sets
 * nothing. Pods have a view of their own.
 */
const KERNEL_SETTINGS = {
  'vm/overcommit_memory': 1,
  'vm/panic_on_oom': 0,
  'kernel/panic': 10,
  'kernel/panic_on_oops': 1,
  'kernel/keys/root_maxkeys': 1_000_000,
  'kernel/keys/root_maxbytes': 25_000_000,
};

/** The script that its first process runs; it ends with its standard input. */
function worldScript(addresses: readonly string[]): string {
  const settings = Object.entries(KERNEL_SETTINGS).map(
    ([name, value]) =>
      `echo ${value} > /run/kernel/${path.basename(name)} && mount --bind /run/kernel/${path.basename(name)} /proc/sys/${name}`,
  );
  return [
    'set -e',
    'mount --make-rshared /',
    ...HIDDEN_FOLDERS.map((folder) => `mount -t tmpfs -o mode=755 tmpfs ${folder}`),
    'mkdir -p /run/kernel /run/lock /run/crossfade /var/lib/crossfade',
    ...settings,
    `hostname ${FIRST_NODE.name}`,
    'ip link set lo up',
    // Both ends are in here: packets that no pod and no address wants go nowhere.
    'ip link add node type veth peer name nowhere',
    'ip link set nowhere up',
    'ip link set node up',
    ...addresses.map((address) => `ip address add ${address}/${NETWORK_BITS} dev node`),
    'ip route add default dev node',
    'echo 1 > /proc/sys/net/ipv4/ip_forward',
    `echo ${READY}`,
    'exec cat > /dev/null',
  ].join('\n');
}

export async function makeWorld(programs: Programs, addresses: readonly string[]): Promise<World> {
  const namespaces = ['--net', '--mount', '--pid', '--uts', '--fork', '--kill-child', '--mount-proc'];
  const first = ['tini', '-s', '--', 'sh', '-c', worldScript(addresses)];
  const args = ['--pdeathsig', 'KILL', 'unshare', ...namespaces, ...first];
  const child = spawn('setpriv', args, {
    env: { ...process.env, ...programs.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit');
  await isReady(child, ended);
  const { pid: unsharePid } = child;
  if (unsharePid === undefined) throw new Error('the process that holds the world has no pid');
  const children = await readFile(`/proc/${unsharePid}/task/${unsharePid}/children`, 'utf8');
  const pid = Number(children.trim().split(' ')[0]);
  if (!Number.isInteger(pid) || pid <= 0) throw new Error('the world has no first process');
  const end = async () => {
    // TERM is ignored while it has a child.
    child.kill('SIGKILL');
    await ended;
  };
  return { pid, ended, end };
}

async function isReady(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  let said = '';
  const ready = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.includes(READY)) resolve();
      });
    }
  });
  const failed = ended.then(() => {
    throw new Error(`cannot make a world of its own (unshare):\n${said}`);
  });
  await Promise.race([ready, failed]);
}

export interface EnterOptions {
  /** Folder to run in. Default: the present one. */
  cwd?: string;
  /** Only the network of the world; files and processes, also the folder, are as outside. */
  onlyNetwork?: boolean;
}

/** A command as one that runs inside. */
export function enterWorld(
  pid: number,
  command: string,
  args: readonly string[],
  { cwd, onlyNetwork = false }: EnterOptions = {},
): { command: string; args: string[] } {
  const namespaces = onlyNetwork ? ['--net'] : ['--net', '--mount', '--pid', '--uts'];
  // Entering the mounts leads to `/`.
  const inFolder = onlyNetwork ? [] : ['env', `--chdir=${cwd ?? process.cwd()}`];
  return {
    command: 'nsenter',
    args: [`--target=${pid}`, ...namespaces, '--', ...inFolder, command, ...args],
  };
}

/** Starts a command inside. */
export function spawnInside(
  pid: number,
  command: string,
  args: readonly string[],
  options: SpawnOptions & EnterOptions,
): ChildProcess {
  const { onlyNetwork = false, cwd, ...rest } = options;
  const entered = enterWorld(pid, command, args, { onlyNetwork, ...(cwd === undefined ? {} : { cwd }) });
  return spawn(entered.command, entered.args, rest);
}
