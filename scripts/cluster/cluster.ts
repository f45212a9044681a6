/** A cluster as its users have it: started or found, then used from outside. */
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheFolder } from '../system-packages.ts';
import { buildPrograms, type Extras, USUAL_EXTRAS } from './build/build.ts';
import { abandonedCgroups, removeCgroup } from './cgroups.ts';
import { type Order, order } from './control.ts';
import { type Image, imageArchive } from './images/archive.ts';
import type { KeeperOptions } from './keeper.ts';
import { type ClusterNode, stateFiles } from './layout.ts';
import { requireMachine } from './machine.ts';
import { type ClusterRecord, isKept, readRecord } from './record.ts';
import { type Result, resultOf } from './run.ts';
import { type EnterOptions, enterWorld } from './world.ts';

const UP_WITHIN_MS = 5 * 60_000;
const ASK_AGAIN_MS = 50;
const TOLD_LINES = 30;

/** Where the clusters are that were started by hand, each in a folder of its name. */
export const clusterFolder = () => path.join(cacheFolder(), 'clusters');

export interface StartOptions {
  /** A folder that does not exist yet; it is gone with the cluster. */
  stateDir: string;
  /** Default: a router, no fake nodes, and no Envoy. */
  extras?: Partial<Extras>;
  /** The cluster ends with this process, however that ends. Otherwise it stays until somebody takes it down. */
  leashed: boolean;
  tell: (line: string) => void;
}

/** Builds what is missing, and starts a cluster. @throws ClusterUnavailable, SystemPackagesUnavailable */
export async function startCluster(options: StartOptions): Promise<Cluster> {
  const { stateDir, leashed, tell } = options;
  const extras = { ...USUAL_EXTRAS, ...options.extras };
  await requireMachine(stateDir);
  await buildPrograms({ extras, tell });
  for (const name of await abandonedCgroups()) await removeCgroup(name);
  const { logs } = stateFiles(stateDir);
  await mkdir(stateDir, { mode: 0o700 });
  await mkdir(logs);
  const keeper = await startKeeper({ stateDir, extras, leashed }, path.join(logs, 'keeper.log'));
  const giveUpAt = performance.now() + UP_WITHIN_MS;
  while (keeper.exitCode === null && keeper.signalCode === null) {
    const record = await readRecord(stateDir);
    if (record !== undefined) return new Cluster(stateDir, record);
    if (performance.now() > giveUpAt) keeper.kill('SIGTERM');
    await sleep(ASK_AGAIN_MS);
  }
  const why = await lastLines(logs);
  await rm(stateDir, { recursive: true, force: true });
  throw new Error(`the cluster did not come up\n${why}`);
}

async function startKeeper(options: KeeperOptions, logFile: string): Promise<ChildProcess> {
  const log = await open(logFile, 'a');
  try {
    const script = path.join(import.meta.dirname, 'keeper.ts');
    const stdin = options.leashed ? 'pipe' : 'ignore';
    const keeper = spawn(process.execPath, [script, JSON.stringify(options)], {
      detached: true,
      stdio: [stdin, log.fd, log.fd],
    });
    await once(keeper, 'spawn');
    keeper.unref();
    // The leash must not keep this process alive.
    (keeper.stdin as { unref?: () => void } | null)?.unref?.();
    return keeper;
  } finally {
    await log.close();
  }
}

async function lastLines(logs: string): Promise<string> {
  const files = (await readdir(logs).catch(() => [])).sort();
  const texts = await Promise.all(files.map((file) => readFile(path.join(logs, file), 'utf8')));
  return files
    .map((file, index) => `--- ${file}\n${texts[index]?.trimEnd().split('\n').slice(-TOLD_LINES).join('\n')}`)
    .join('\n');
}

/** The cluster of a state directory, when it is up. */
export async function findCluster(stateDir: string): Promise<Cluster | undefined> {
  const record = await readRecord(stateDir);
  return record !== undefined && (await isKept(stateDir, record)) ? new Cluster(stateDir, record) : undefined;
}

export type InsideOptions = EnterOptions & { env?: Record<string, string> };

export class Cluster {
  readonly stateDir: string;
  readonly #record: ClusterRecord;

  constructor(stateDir: string, record: ClusterRecord) {
    this.stateDir = stateDir;
    this.#record = record;
  }

  /** For an administrator; everything is in it. Its address answers inside only. */
  get kubeconfig(): string {
    return stateFiles(this.stateDir).kubeconfig;
  }

  /** Names of the cgroup that its pods are below. */
  get cgroup(): string {
    return this.#record.cgroup;
  }

  /** What finds kubectl and the others, and tells kubectl which cluster is meant. */
  get env(): Record<string, string> {
    return { ...this.#record.env, KUBECONFIG: this.kubeconfig };
  }

  /** Log of a component: `apiserver`, `kubelet`, `traefik` ... */
  logFile(component: string): string {
    return path.join(stateFiles(this.stateDir).logs, `${component}.log`);
  }

  /** Runs a command inside and waits for its end. @throws CommandFailed */
  async run(
    command: string,
    args: readonly string[],
    { input = '', ...options }: InsideOptions & { input?: string | Uint8Array } = {},
  ): Promise<Result> {
    const child = this.spawn(command, args, { ...options, stdio: 'pipe' });
    return await resultOf(child, [command, ...args].join(' '), input);
  }

  async kubectl(args: readonly string[], input = ''): Promise<string> {
    return (await this.run('kubectl', args, { input })).stdout;
  }

  /** Starts a command inside; it ends with the cluster at the latest. */
  spawn(
    command: string,
    args: readonly string[],
    { env = {}, stdio = 'pipe', ...options }: InsideOptions & Pick<SpawnOptions, 'stdio'> = {},
  ): ChildProcess {
    const entered = this.enter(command, args, options);
    return spawn(entered.command, entered.args, { env: { ...process.env, ...this.env, ...env }, stdio });
  }

  /** A command as one that runs inside, for whoever starts it in a way of their own. */
  enter(
    command: string,
    args: readonly string[],
    options: EnterOptions = {},
  ): { command: string; args: string[] } {
    return enterWorld(this.#record.worldPid, command, args, options);
  }

  /** Every node has them afterwards; pods need `imagePullPolicy: IfNotPresent` or `Never`. */
  importImages(images: readonly Image[]): Promise<void> {
    return this.importArchive(imageArchive(images));
  }

  /** @param archive as `docker save` writes it */
  async importArchive(archive: Buffer): Promise<void> {
    for (const { containerd } of await this.nodes()) {
      const args = ['--address', containerd, '--namespace', 'k8s.io', 'images', 'import', '-'];
      await this.run('ctr', args, { input: archive });
    }
  }

  async nodes(): Promise<ClusterNode[]> {
    return (await this.#order({ do: 'nodes' })) as ClusterNode[];
  }

  async components(): Promise<{ name: string; running: boolean }[]> {
    return (await this.#order({ do: 'list' })) as { name: string; running: boolean }[];
  }

  /** Ends a component and waits until it is gone. KILL is a crash, TERM a stop as an administrator does it. */
  async stop(component: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.#order({ do: 'stop', name: component, signal });
  }

  /** Starts a component that was stopped; what it needs until it serves is up to the caller to wait for. */
  async start(component: string): Promise<void> {
    await this.#order({ do: 'start', name: component });
  }

  /** STOP freezes a component, CONT lets it go on. */
  async signal(component: string, signal: NodeJS.Signals): Promise<void> {
    await this.#order({ do: 'signal', name: component, signal });
  }

  /** One more node, ready. It has no images but the pause image. */
  async addNode(): Promise<ClusterNode> {
    return (await this.#order({ do: 'addNode' })) as ClusterNode;
  }

  /** Removes everything. */
  async down(): Promise<void> {
    await this.#order({ do: 'down' });
  }

  async #order(wanted: Order): Promise<unknown> {
    return await order(stateFiles(this.stateDir).control, wanted);
  }
}
