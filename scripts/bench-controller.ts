/**
 * What the controller of a cluster costs with many Apps that rest: time until all are healthy, memory, requests to the API
 * server, processor time when nothing happens, and time from a kill to the first change carried out. Prints a table.
 * `npm run bench:controller -- --apps 1000 --cluster NAME`
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openAccess } from '../src/kubernetes/access.ts';
import { createKube, type Kube } from '../src/kubernetes/client.ts';
import { APPS, type AppResource } from '../src/kubernetes/crossfade.ts';
import { createInformer } from '../src/kubernetes/informer.ts';
import { type Cluster, clusterFolder, findCluster, startCluster } from './cluster/cluster.ts';
import { stateFiles } from './cluster/layout.ts';
import { ROOT } from './testing/files.ts';

const { values } = parseArgs({
  options: {
    apps: { type: 'string', default: '1000' },
    'idle-seconds': { type: 'string', default: '60' },
    cluster: { type: 'string' },
    /** Set by this script itself: it runs in the network of the cluster from here on. */
    inside: { type: 'string' },
  },
});
const APPS_WANTED = Number(values.apps);
const IDLE_MS = Number(values['idle-seconds']) * 1000;
const NAMESPACE = 'bench-controller';
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
  const cluster = await startCluster({ stateDir, leashed: true, extras: { router: false }, tell });
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
    '--idle-seconds',
    values['idle-seconds'],
  ];
  const { command, args: all } = cluster.enter(process.execPath, args, { onlyNetwork: true });
  const child = spawn(command, all, { stdio: 'inherit' });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error(`the measurement ended with code ${code}`);
}

interface Bench {
  kube: Kube;
  kubeconfig: string;
  healthy(): number;
  seen(name: string): AppResource | undefined;
}

async function inside(stateDir: string): Promise<void> {
  const { kubeconfig } = stateFiles(stateDir);
  const kube = createKube(openAccess({ kubeconfig }));
  await cliOf(kubeconfig, ['install', '--crds-only']);
  await kube.request({
    method: 'POST',
    path: '/api/v1/namespaces',
    body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    doing: 'making the namespace',
  });
  try {
    await measure(kube, kubeconfig);
  } finally {
    await kube.request({
      method: 'DELETE',
      path: `/api/v1/namespaces/${NAMESPACE}`,
      doing: 'removing the namespace',
    });
    await kube.close();
  }
}

async function measure(kube: Kube, kubeconfig: string): Promise<void> {
  await untilKinds(kube);
  const apps = createInformer(kube, APPS, { namespace: NAMESPACE, keep: (app) => app });
  await apps.synced;
  const bench: Bench = {
    kube,
    kubeconfig,
    healthy: () => [...apps.all()].filter(({ status }) => status?.phase === 'Healthy').length,
    seen: (name) => apps.get(`${NAMESPACE}/${name}`),
  };
  let controller = startController(kubeconfig);
  await controller.leads;
  const rows: [string, string][] = [];
  rows.push(...(await created(bench, controller)));
  rows.push(...(await idle(bench, controller)));
  controller.child.kill('SIGKILL');
  const killedAt = performance.now();
  controller = startController(kubeconfig);
  rows.push(['from a kill to the first change carried out', seconds(await changed(bench, killedAt))]);
  rows.push(['resident after the restart', megabytes(controller)]);
  controller.child.kill('SIGTERM');
  apps.close();
  console.log(
    [
      `| ${APPS_WANTED} Apps, replicas 0 | |`,
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

interface Controller {
  child: ChildProcess;
  leads: Promise<void>;
}

function startController(kubeconfig: string): Controller {
  const args = ['--kubeconfig', kubeconfig, 'controller', '--namespace', 'default'];
  const child = spawn(path.join(ROOT, 'bin', 'crossfade'), args, { stdio: ['ignore', 'pipe', 'inherit'] });
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
  return { replicas: 0, image: 'localhost/service:v1', run: {}, port: 8080, strategy: { rolling: {} } };
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

async function cliOf(kubeconfig: string, args: readonly string[]): Promise<void> {
  const child = spawn(path.join(ROOT, 'bin', 'crossfade'), ['--kubeconfig', kubeconfig, ...args], {
    stdio: ['ignore', 2, 2],
  });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error(`crossfade ${args.join(' ')} ended with code ${code}`);
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
