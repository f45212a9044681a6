/**
 * What the controller of a cluster costs with many Apps that rest: time until all are healthy, memory, requests to the API
 * server, processor time when nothing happens, and time from a kill to the first change carried out. Prints a table.
 * `npm run bench:controller -- --apps 1000 --cluster NAME`. With `--replicas N` each App has so many pods, on nodes that kwok plays;
 * a cluster that is up already needs `--fake-nodes` for that.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { applyObject } from '../src/cluster/objects.ts';
import { manifests } from '../src/install/bundle.ts';
import { CONTROLLER } from '../src/install/options.ts';
import { openAccess } from '../src/kubernetes/access.ts';
import { createKube, type Kube } from '../src/kubernetes/client.ts';
import { APPS, type AppResource } from '../src/kubernetes/crossfade.ts';
import { createInformer } from '../src/kubernetes/informer.ts';
import type { KubeObject, Resource } from '../src/kubernetes/types.ts';
import { CONFIG_MAPS } from '../src/kubernetes/workloads.ts';
import { type Cluster, clusterFolder, findCluster, startCluster } from './cluster/cluster.ts';
import { withoutListen } from './cluster/controller-args.ts';
import { stateFiles } from './cluster/layout.ts';
import { ROOT } from './testing/files.ts';

const { values } = parseArgs({
  options: {
    apps: { type: 'string', default: '1000' },
    replicas: { type: 'string', default: '0' },
    'idle-seconds': { type: 'string', default: '60' },
    cluster: { type: 'string' },
    /** Set by this script itself: it runs in the network of the cluster from here on. */
    inside: { type: 'string' },
  },
});
const APPS_WANTED = Number(values.apps);
const REPLICAS = Number(values.replicas);
const IDLE_MS = Number(values['idle-seconds']) * 1000;
const NAMESPACE = 'bench-controller';
const HOME = 'crossfade-system';
const NAMESPACES: Resource = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
const NODES: Resource = { apiVersion: 'v1', kind: 'Node', plural: 'nodes', namespaced: false };
const AT_ONCE = 16;
const TICKS_PER_SECOND = 100;
const GIVE_UP_MS = 60 * 60_000;
const tell = (line: string) => console.error(`bench: ${line}`);

async function outside(): Promise<void> {
  if (values.cluster !== undefined) {
    const found = await findCluster(path.join(clusterFolder(), values.cluster));
    if (!found)
      throw new Error(`no cluster ${values.cluster} is up: npm run cluster -- up --name ${values.cluster}`);
    return enter(found);
  }
  const stateDir = path.join(os.tmpdir(), `cfb-${process.pid}`);
  const cluster = await startCluster({
    stateDir,
    leashed: true,
    extras: { router: false, fakeNodes: REPLICAS > 0 },
    tell,
  });
  try {
    await enter(cluster);
  } finally {
    await cluster.down();
  }
}

async function enter(cluster: Cluster): Promise<void> {
  const script = path.join(import.meta.dirname, 'bench-controller.ts');
  const args = [
    script,
    '--inside',
    cluster.stateDir,
    '--apps',
    values.apps,
    '--replicas',
    values.replicas,
    '--idle-seconds',
    values['idle-seconds'],
  ];
  const { command, args: all } = cluster.enter(process.execPath, args, { onlyNetwork: true });
  const child = spawn(command, all, { stdio: 'inherit' });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error(`the measurement ended with code ${code}`);
}

/** What the kubelet would give the controller. */
interface Pod {
  /** Folder of its service account. */
  account: string;
  args: readonly string[];
  env: Record<string, string | undefined>;
}

interface Bench {
  kube: Kube;
  healthy(): number;
  seen(name: string): AppResource | undefined;
}

async function inside(stateDir: string): Promise<void> {
  const { kubeconfig } = stateFiles(stateDir);
  const kube = createKube(await openAccess({ kubeconfig }));
  const account = mkdtempSync(path.join(os.tmpdir(), 'cfb-account-'));
  // Whoever interrupts this does not want its controller to go on.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      for (const child of controllers) child.kill('SIGKILL');
      process.exit(1);
    });
  try {
    await kube.create(NAMESPACES, { metadata: { name: NAMESPACE } });
    const pod = await installed(kube, account);
    await makeNodes(kube);
    await measure(kube, pod);
  } finally {
    rmSync(account, { recursive: true });
    for (const child of controllers) child.kill('SIGKILL');
    await kube.delete(NAMESPACES, '', NAMESPACE);
    for (const name of nodeNames()) await kube.delete(NODES, '', name);
    await kube.close();
  }
}

const FAKE = { type: 'kwok' };
/** Pods of others have no business there. */
const TAINT = { key: 'crossfade.dev/bench', effect: 'NoSchedule' };
const PODS_A_NODE = 250;

/** Nodes that do not exist: kwok answers for them, and says of their pods that they run. */
async function makeNodes(kube: Kube): Promise<void> {
  const room = { cpu: '1000', memory: '1000Gi', pods: String(PODS_A_NODE) };
  for (const name of nodeNames()) {
    const node: KubeObject = {
      metadata: { name, labels: FAKE, annotations: { 'kwok.x-k8s.io/node': 'fake' } },
      ...{ spec: { taints: [TAINT] }, status: { allocatable: room, capacity: room } },
    };
    await kube.apply(NODES, node, { force: true });
  }
}

function nodeNames(): string[] {
  const count = Math.ceil((APPS_WANTED * REPLICAS * 1.5) / PODS_A_NODE);
  return Array.from({ length: count }, (_, number) => `fake-${number}`);
}

/** As `crossfade install` does it, but that the controller is a process here: with its rights, arguments and environment. */
async function installed(kube: Kube, account: string): Promise<Pod> {
  const options = { namespace: HOME, image: 'none', replicas: 1, shards: 1, namespaced: false };
  const objects = manifests({ ...options, routerMetrics: [], ingressPort: 80, gateways: [] });
  for (const object of objects) if (object.kind !== 'Deployment') await applyObject(kube, object);
  await untilKinds(kube);
  const { status } = await kube.request<{ status: { token: string } }>({
    method: 'POST',
    path: `/api/v1/namespaces/${HOME}/serviceaccounts/${CONTROLLER}/token`,
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 7200 } },
    doing: 'asking for a token',
  });
  const ca = await authority(kube);
  writeFileSync(path.join(account, 'token'), status.token, { mode: 0o600 });
  writeFileSync(path.join(account, 'ca.crt'), ca);
  writeFileSync(path.join(account, 'namespace'), HOME);
  const { args, env } = containerIn(objects.find(({ kind }) => kind === 'Deployment'));
  const { hostname, port } = new URL(kube.server);
  const plain = env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value] as const]));
  return {
    account,
    args: withoutListen(args),
    env: {
      PATH: process.env.PATH,
      // Nobody's kubeconfig.
      HOME: account,
      ...Object.fromEntries(plain),
      ...{ POD_NAME: 'bench', POD_NAMESPACE: HOME },
      ...{ KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
    },
  };
}

/** The cluster puts it into a new namespace a moment later. */
async function authority(kube: Kube): Promise<string> {
  for (;;) {
    const found = await kube.get(CONFIG_MAPS, HOME, 'kube-root-ca.crt');
    const text = found?.data?.['ca.crt'];
    if (text !== undefined) return text;
    await sleep(200);
  }
}

interface Container {
  args: readonly string[];
  env: readonly { name: string; value?: string }[];
}

function containerIn(deployment: object | undefined): Container {
  const { spec } = deployment as { spec: { template: { spec: { containers: [Container] } } } };
  return spec.template.spec.containers[0];
}

async function measure(kube: Kube, pod: Pod): Promise<void> {
  const apps = createInformer(kube, APPS, { namespace: NAMESPACE, keep: (app) => app });
  await apps.synced;
  const bench: Bench = {
    kube,
    healthy: () => [...apps.all()].filter(({ status }) => status?.phase === 'Healthy').length,
    seen: (name) => apps.get(`${NAMESPACE}/${name}`),
  };
  let controller = startController(pod);
  await controller.leads;
  const rows: [string, string][] = [];
  rows.push(...(await created(bench, controller)));
  rows.push(...(await idle(bench, controller)));
  controller.child.kill('SIGKILL');
  const killedAt = performance.now();
  controller = startController(pod);
  rows.push(['from a kill to the first change carried out', seconds(await changed(bench, killedAt))]);
  rows.push(['resident after the restart', megabytes(controller)]);
  controller.child.kill('SIGTERM');
  apps.close();
  console.log(
    [
      `| ${APPS_WANTED} Apps, replicas ${REPLICAS} | |`,
      '| --- | --- |',
      ...rows.map((row) => `| ${row.join(' | ')} |`),
    ].join('\n'),
  );
}

async function created(bench: Bench, controller: Controller): Promise<[string, string][]> {
  const before = await requests(bench.kube);
  const began = performance.now();
  let next = 0;
  const one = async () => {
    for (let number = next++; number < APPS_WANTED; number = next++)
      await bench.kube.create(APPS, {
        metadata: { namespace: NAMESPACE, name: nameOf(number) },
        spec: specOf(),
      });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  tell(`created after ${seconds(performance.now() - began)}`);
  await until(
    () => bench.healthy() === APPS_WANTED,
    () => `${bench.healthy()} of ${APPS_WANTED} are healthy`,
  );
  const tookMs = performance.now() - began;
  const after = await requests(bench.kube);
  const own = APPS_WANTED;
  return [
    ['time until all are healthy', seconds(tookMs)],
    [
      'API requests per new App, besides its creation',
      ((after.apps - before.apps - own) / APPS_WANTED).toFixed(2),
    ],
    [
      'all API requests of the cluster meanwhile, per App',
      ((after.all - before.all - own) / APPS_WANTED).toFixed(2),
    ],
    ['resident when all are healthy', megabytes(controller)],
  ];
}

async function idle(bench: Bench, controller: Controller): Promise<[string, string][]> {
  await sleep(5_000);
  const before = { cpu: cpuMs(controller), ...(await requests(bench.kube)) };
  const began = performance.now();
  await sleep(IDLE_MS);
  const tookMs = performance.now() - began;
  const after = { cpu: cpuMs(controller), ...(await requests(bench.kube)) };
  return [
    [
      `processor time when idle, of one core, over ${seconds(tookMs)}`,
      `${(((after.cpu - before.cpu) / tookMs) * 100).toFixed(2)} %`,
    ],
    ['API requests about Apps when idle', String(after.apps - before.apps)],
    ['resident when idle', megabytes(controller)],
  ];
}

/** A new number of replicas is seen in the status: the controller leads, has read all of them, and works. */
async function changed({ kube, seen }: Bench, since: number): Promise<number> {
  const name = nameOf(0);
  await kube.patch(APPS, NAMESPACE, name, { spec: { revisionHistoryLimit: 3 } });
  const { generation } = (await kube.get(APPS, NAMESPACE, name))?.metadata ?? {};
  await until(
    () => seen(name)?.status?.observedGeneration === generation,
    () => 'the change is not carried out',
  );
  return performance.now() - since;
}

const controllers: ChildProcess[] = [];

interface Controller {
  child: ChildProcess;
  leads: Promise<void>;
}

/** Its service account is where a pod has it, in a mount namespace of its own; the shell replaces itself by the program. */
function startController({ account, args, env }: Pod): Controller {
  const folder = '/run/secrets/kubernetes.io/serviceaccount';
  const script = `mount -t tmpfs tmpfs /run && mkdir -p ${folder} && cp "$1"/* ${folder} && shift && exec "$@"`;
  const program = [path.join(ROOT, 'bin', 'crossfade'), ...args];
  const child = spawn('unshare', ['--mount', 'sh', '-ec', script, 'sh', account, ...program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  });
  controllers.push(child);
  let log = '';
  const { promise: leads, resolve, reject } = Promise.withResolvers<void>();
  child.stdout?.on('data', (part: Buffer) => {
    log = (log + part.toString()).slice(-4_000);
    if (log.includes('this controller leads')) resolve();
  });
  child.once('exit', () => reject(new Error(`the controller ended\n${log}`)));
  leads.catch(() => undefined);
  return { child, leads };
}

function nameOf(number: number): string {
  return `app-${String(number).padStart(5, '0')}`;
}

function specOf(): Record<string, unknown> {
  const common = { replicas: REPLICAS, image: 'localhost/service:v1', run: {}, port: 8080 };
  const pods =
    REPLICAS > 0
      ? { kubernetes: { podTemplate: { spec: { nodeSelector: FAKE, tolerations: [TAINT] } } } }
      : {};
  // The cluster makes pods one after the other: the last of thousands comes late, and is no failed release.
  return { ...common, strategy: { rolling: {} }, progressDeadlineSeconds: 3600, ...pods };
}

/** As the API server counts them: those about the kinds of Crossfade, and all. */
async function requests(kube: Kube): Promise<{ apps: number; all: number }> {
  let [apps, all] = [0, 0];
  const lines = await kube.lines({
    method: 'GET',
    path: '/metrics',
    accept: '*/*',
    doing: 'reading counters',
  });
  for await (const line of lines) {
    if (!line.startsWith('apiserver_request_total{')) continue;
    const count = Number(line.slice(line.lastIndexOf(' ')));
    all += count;
    if (line.includes('group="crossfade.dev"')) apps += count;
  }
  return { apps, all };
}

async function untilKinds(kube: Kube): Promise<void> {
  for (;;) {
    try {
      await kube.list(APPS, { namespace: NAMESPACE });
      return;
    } catch {
      await sleep(200);
    }
  }
}

async function until(isSo: () => boolean, otherwise: () => string): Promise<void> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  for (let turn = 0; !isSo(); turn += 1) {
    if (performance.now() > giveUpAt) throw new Error(otherwise());
    if (turn % 100 === 99) tell(otherwise());
    await sleep(50);
  }
}

/** The launcher replaces itself by the program: the child is the controller. */
function cpuMs({ child }: Controller): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

function megabytes({ child }: Controller): string {
  const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]);
  return `${Math.round(kilobytes / 1024)} MB`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

if (values.inside === undefined) await outside();
else await inside(values.inside);
