/** How a cluster comes up, from an empty state directory to nodes that are ready. */
import { globSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram, unpackDebian } from '../system-packages.ts';
import { buildPrograms, type Extras, type Programs } from './build/build.ts';
import { SYSTEM_PACKAGES } from './build/parts.ts';
import { makeCgroup } from './cgroups.ts';
import { ADMIN, CONTOUR_FILE, components, ENVOY_FILE, type Wiring } from './components.ts';
import { imageArchive } from './images/archive.ts';
import { pauseImage } from './images/pause-image.ts';
import { API_NAMES, KeyMaker, nodeSubject } from './keys.ts';
import { type ClusterNode, clusterNode, MAX_NODES, stateFiles } from './layout.ts';
import { bootstrapArgs, CONTOUR_KINDS, contourConfig, MIRRORING, MIRRORING_OBJECTS } from './mirroring.ts';
import { containerdConfig, kubeletConfig, podNetwork } from './node-config.ts';
import { FIRST_OBJECTS, GATEWAY } from './objects.ts';
import { type Result, resultOf } from './run.ts';
import { Supervisor } from './supervisor.ts';
import { makeWorld, spawnInside, type World } from './world.ts';

const ASK_AGAIN_MS = 100;

export interface SiteOptions {
  stateDir: string;
  cgroup: string;
  extras: Extras;
}

/** A cluster on its way up, and afterwards what its keeper can do with it. */
export class Site {
  readonly world: World;
  readonly supervisor: Supervisor;
  readonly nodes: ClusterNode[] = [];
  readonly env: Record<string, string>;
  readonly #options: SiteOptions;
  readonly #programs: Programs;
  readonly #wiring: Wiring;

  private constructor(options: SiteOptions, programs: Programs, world: World) {
    const files = stateFiles(options.stateDir);
    this.#options = options;
    this.#programs = programs;
    this.world = world;
    this.env = insideEnv(options.stateDir, programs);
    this.supervisor = new Supervisor(world.pid, files.logs, this.env);
    this.#wiring = {
      keys: new KeyMaker(files.keys, programs.env),
      config: files.config,
      kubeconfig: (user) =>
        user === ADMIN ? files.kubeconfig : path.join(files.config, `${user}.kubeconfig`),
    };
  }

  static async make(options: SiteOptions): Promise<Site> {
    const programs = await buildPrograms({ extras: options.extras, tell: () => {} });
    await makeCgroup(options.cgroup);
    const addresses = Array.from({ length: MAX_NODES }, (_, index) => clusterNode(index + 1).address);
    return new Site(options, programs, await makeWorld(programs, addresses));
  }

  /** The runbook. */
  async bringUp(): Promise<void> {
    const { supervisor } = this;
    const { router, fakeNodes, envoy } = this.#options.extras;
    await supervisor.add(components.etcd());
    await this.#issueKeys();
    await supervisor.add(components.apiServer(this.#wiring));
    const node = await this.#prepareNode();
    await this.#until('the API server to be ready', () => this.kubectl(['get', '--raw', '/readyz']));
    await supervisor.add(components.controllerManager(this.#wiring, fakeNodes));
    await supervisor.add(components.scheduler(this.#wiring));
    await supervisor.add(components.proxy(this.#wiring));
    await supervisor.add(components.kubelet(node, this.#wiring));
    await this.#applyFirstObjects();
    if (router) await supervisor.add(components.router(this.#wiring));
    if (fakeNodes) await supervisor.add(components.fakeNodes(this.#wiring));
    if (envoy) await this.#startContour();
    await this.#untilReady(node);
    await this.kubectl(['wait', '--for=create', '--timeout=120s', 'serviceaccount/default']);
    if (router) await this.#untilProgrammed(GATEWAY);
    if (!envoy) return;
    await this.#untilProgrammed(MIRRORING);
    // Not before Contour answers: it would wait longer and longer between its attempts.
    await supervisor.add(components.envoy(this.#wiring));
  }

  /** One more node: a kubelet and a containerd of its own, in the same network. */
  addNode = async (): Promise<ClusterNode> => {
    if (this.nodes.length === MAX_NODES) throw new Error(`a cluster has at most ${MAX_NODES} nodes`);
    const node = await this.#prepareNode();
    await this.supervisor.add(components.kubelet(node, this.#wiring));
    await this.#untilReady(node);
    return node;
  };

  /** Resolves with what it prints. */
  async kubectl(args: readonly string[], input = ''): Promise<Result> {
    const more = ['--kubeconfig', this.#wiring.kubeconfig(ADMIN)];
    return await this.#run('kubectl', [...more, ...args], input);
  }

  async #run(command: string, args: readonly string[], input: string | Uint8Array): Promise<Result> {
    const child = spawnInside(this.world.pid, command, args, { cwd: '/', env: this.env });
    return await resultOf(child, [command, ...args].join(' '), input);
  }

  async #issueKeys(): Promise<void> {
    const { keys, kubeconfig } = this.#wiring;
    await mkdir(stateFiles(this.#options.stateDir).config, { recursive: true });
    await keys.prepare();
    const masters = { group: 'system:masters' };
    await Promise.all([
      keys.issue('apiserver', { name: 'kube-apiserver', addresses: API_NAMES }),
      keys.issue('apiserver-kubelet-client', { name: 'apiserver-kubelet-client', ...masters }),
    ]);
    const users = {
      [ADMIN]: { name: ADMIN, ...masters },
      'controller-manager': { name: 'system:kube-controller-manager' },
      scheduler: { name: 'system:kube-scheduler' },
      proxy: { name: 'system:kube-proxy' },
    };
    await Promise.all(
      Object.entries(users).map(async ([user, subject]) => {
        await keys.writeKubeconfig(kubeconfig(user), await keys.issue(user, subject));
      }),
    );
  }

  /** Everything of a node but its kubelet, which is of no use before there is an API server. */
  async #prepareNode(): Promise<ClusterNode> {
    const node = clusterNode(this.nodes.length + 1);
    const { keys, config, kubeconfig } = this.#wiring;
    const name = `kubelet-${node.index}`;
    const pair = await keys.issue(name, nodeSubject(node));
    await keys.writeKubeconfig(kubeconfig(name), pair);
    const cgroupRoot = `${this.#options.cgroup}/${node.name}`;
    await makeCgroup(cgroupRoot);
    const kubelet = kubeletConfig(node, {
      ...pair,
      clientAuthority: keys.authority.certificate,
      cgroupRoot: `/${cgroupRoot}`,
      maxOpenFiles: await openFilesLimit(),
    });
    const cniConfig = path.join(config, `network-${node.index}`);
    await mkdir(cniConfig, { recursive: true });
    const containerd = containerdConfig(node, {
      cniPrograms: this.#programs.folder('cni'),
      cniConfig,
      runc: await findProgram(await unpackDebian(SYSTEM_PACKAGES), 'runc'),
    });
    await writeJson(path.join(config, `${name}.json`), kubelet);
    await writeJson(path.join(cniConfig, '10-pods.conflist'), podNetwork(node));
    await writeFile(path.join(config, `containerd-${node.index}.toml`), containerd);
    await this.supervisor.add(components.containerd(node, this.#wiring));
    this.nodes.push(node);
    await this.#importPauseImage(node);
    return node;
  }

  async #importPauseImage({ containerd }: ClusterNode): Promise<void> {
    const archive = imageArchive([await pauseImage(this.#programs)]);
    const args = ['--address', containerd, '--namespace', 'k8s.io', 'images', 'import', '-'];
    await this.#until('containerd to take an image', () => this.#run('ctr', args, archive));
  }

  async #startContour(): Promise<void> {
    const { config } = this.#wiring;
    await writeJson(path.join(config, CONTOUR_FILE), contourConfig());
    await this.#run('contour', bootstrapArgs(path.join(config, ENVOY_FILE)), '');
    await this.#until('the kinds of Contour to be served', () =>
      this.kubectl(['get', CONTOUR_KINDS.join(',')]),
    );
    await this.supervisor.add(components.contour(this.#wiring));
  }

  async #applyFirstObjects(): Promise<void> {
    const apply = ['apply', '--server-side', '-f'];
    const files = this.#programs.crds.flatMap((folder) =>
      globSync('*.yaml', { cwd: folder })
        .sort()
        .map((file) => path.join(folder, file)),
    );
    const crds = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    await this.kubectl([...apply, '-'], crds.join('\n---\n'));
    const items = [...FIRST_OBJECTS, ...(this.#options.extras.envoy ? MIRRORING_OBJECTS : [])];
    const list = { apiVersion: 'v1', kind: 'List', items };
    await this.#until('the Gateway API to be served', () =>
      this.kubectl([...apply, '-'], JSON.stringify(list)),
    );
  }

  async #untilReady(node: ClusterNode): Promise<void> {
    const condition = ['wait', '--for=condition=Ready', '--timeout=10s', `node/${node.name}`];
    await this.#until(`${node.name} to be ready`, () => this.kubectl(condition));
  }

  async #untilProgrammed({ namespace, name }: { namespace: string; name: string }): Promise<void> {
    const wait = ['wait', '--for=condition=Programmed', '--timeout=120s'];
    await this.kubectl([...wait, '-n', namespace, `gateway/${name}`]);
  }

  /** Tries until it works; a component that ended meanwhile is told with the end of its log. */
  async #until(what: string, attempt: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await attempt();
        return;
      } catch (error) {
        const dead = this.supervisor.list().filter(({ running }) => !running);
        if (dead.length > 0) {
          const names = dead.map(({ name }) => name).join(', ');
          throw new Error(`${names} ended while waiting for ${what}`, { cause: error });
        }
        await sleep(ASK_AGAIN_MS);
      }
    }
  }
}

/** For programs inside: nothing of the caller's but where programs are. */
function insideEnv(stateDir: string, programs: Programs): Record<string, string> {
  return { ...programs.env, HOME: '/run/crossfade', KUBECACHEDIR: path.join(stateDir, 'kubectl-cache') };
}

async function openFilesLimit(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8');
  const [, hard = ''] = /^Max open files\s+\S+\s+(\S+)/m.exec(limits) ?? [];
  return Math.min(Number(hard) || 1_000_000, 1_000_000);
}

async function writeJson(file: string, value: object): Promise<void> {
  await writeFile(file, `${JSON.stringify(value, undefined, 2)}\n`);
}
