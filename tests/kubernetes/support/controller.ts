/** The controller as a process with exactly the rights of an installation, and the commands of its users. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { withoutListen } from '../../../scripts/cluster/controller-args.ts';
import {
  FIRST_NODE,
  INGRESS_CLASS,
  ROUTER_ADMIN_PORT,
  ROUTER_PORT,
} from '../../../scripts/cluster/layout.ts';
import { GATEWAY } from '../../../scripts/cluster/objects.ts';
import { type CliOptions, type CliResult, cli, cliOk, type RunningCli, startCli } from '../../support/cli.ts';
import type { TestCluster } from '../../support/cluster.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';

export interface Site {
  /** As the Deployment of the installation runs it, with its account. */
  startController(...flags: string[]): Promise<RunningController>;
  /** A command of an administrator, in the namespace of the test. @throws when it fails */
  crossfade(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  /** The same, whatever comes of it. */
  attempt(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  apply(app: object, ...flags: string[]): Promise<CliResult>;
  /** One field of an App as kubectl prints it: `status.phase`. */
  field(app: string, field: string): Promise<string>;
  /** Waits until that field of the App `shop` is so. */
  until(field: string, wanted: string | RegExp): Promise<void>;
  /** Of the App `shop`, as they are printed. */
  events(): Promise<string>;
}

export interface RunningController {
  kill(signal: NodeJS.Signals): Promise<void>;
  /** What it has said so far. */
  log(): string;
  isRunning(): boolean;
}

const COMMAND_MS = 180_000;
const UNTIL_MS = 180_000;

export interface SiteOptions {
  /** The controller sees the whole cluster; default: only the namespace of the test. */
  wholeCluster?: boolean;
  /** It may read the Gateway of the tests, which is in another namespace; default: yes. */
  gateway?: boolean;
}

interface Printed {
  kind: string;
  metadata: { name: string; namespace?: string };
  spec?: { template: { spec: { containers: { args: string[] }[] } } };
}

/** What the router of the cluster is like, as an administrator tells `install`. */
const ROUTER_FLAGS: readonly string[] = [
  ...['--router-metrics', `http://${FIRST_NODE.address}:${ROUTER_ADMIN_PORT}/metrics`],
  ...['--ingress-port', `${ROUTER_PORT}`],
];
const GATEWAY_FLAGS: readonly string[] = ['--gateway', `${GATEWAY.namespace}/${GATEWAY.name}`];

/** What `install --render` prints, but the Deployment: its controller is a process that the test can kill. */
export async function site(
  t: TestContext,
  cluster: TestCluster,
  { wholeCluster = false, gateway = true }: SiteOptions = {},
): Promise<Site> {
  const { namespace } = cluster;
  const commands = commandsOf(cluster);
  const scope = wholeCluster ? [] : ['--namespaced', ...(gateway ? GATEWAY_FLAGS : [])];
  const printed = await commands.crossfade([
    'install',
    '--render',
    '--image',
    'none',
    ...scope,
    ...ROUTER_FLAGS,
  ]);
  const objects = objectsIn(printed.stdout);
  const deployment = objects.find(({ kind }) => kind === 'Deployment');
  for (const object of objects.filter((one) => one !== deployment)) {
    // Rights elsewhere are applied there: kubectl takes one namespace at a time.
    const home = object.metadata.namespace ?? namespace;
    const apply = ['apply', '--server-side', '--force-conflicts', '--namespace', home, '-f', '-'];
    await cluster.kubectl(apply, JSON.stringify(object));
  }
  t.after(() => removeRights(cluster, objects));
  await cluster.kubectl([
    'wait',
    '--for=condition=Established',
    'crd/apps.crossfade.dev',
    'crd/appcommands.crossfade.dev',
  ]);
  const account = path.join(await tempDir(t), 'account.yaml');
  await writeFile(account, await accountConfig(cluster));
  const [, ...given] = deployment?.spec?.template.spec.containers[0]?.args ?? [];
  return {
    ...commands,
    startController: (...more) => startController(t, account, namespace, [...withoutListen(given), ...more]),
  };
}

/** Installed by the command itself, into the namespace of the test, with the rights of that alone. */
export async function installed(
  t: TestContext,
  cluster: TestCluster,
  flags: readonly string[],
): Promise<Omit<Site, 'startController'>> {
  const commands = commandsOf(cluster);
  const all = ['install', '--namespaced', ...GATEWAY_FLAGS, ...ROUTER_FLAGS, ...flags];
  const printed = objectsIn((await commands.crossfade([...all, '--render'])).stdout);
  await commands.crossfade(all);
  t.after(() => removeRights(cluster, printed));
  return commands;
}

function commandsOf({ kubeconfig, namespace, kubectl }: TestCluster): Omit<Site, 'startController'> {
  const flags = ['--kubeconfig', kubeconfig, '--namespace', namespace];
  const crossfade: Site['crossfade'] = (args, options = {}) =>
    cliOk([...flags, ...args], { timeoutMs: COMMAND_MS, ...options });
  const field: Site['field'] = (app, name) => kubectl(['get', 'xf', app, '-o', `jsonpath={.${name}}`]);
  return {
    crossfade,
    attempt: (args, options = {}) => cli([...flags, ...args], { timeoutMs: COMMAND_MS, ...options }),
    apply: (app, ...more) => crossfade(['apply', '-f', '-', ...more], { input: JSON.stringify(app) }),
    field,
    events: async () => (await crossfade(['get', 'events', 'shop'])).stdout,
    async until(name, wanted) {
      const isSo = (text: string) => (typeof wanted === 'string' ? text === wanted : wanted.test(text));
      try {
        await waitFor(async () => isSo(await field('shop', name)), {
          timeoutMs: UNTIL_MS,
          intervalMs: 250,
          what: `${name} to be ${wanted}`,
        });
      } catch (error) {
        const seen = `${name} is "${await field('shop', name)}": ${await field('shop', 'status.message')}`;
        throw new Error(`${(error as Error).message}; ${seen}`, { cause: error });
      }
    },
  };
}

/** The kinds and the roles of users stay: other tests have objects of them. */
async function removeRights({ kubectl, namespace }: TestCluster, objects: readonly Printed[]): Promise<void> {
  for (const { kind, metadata } of objects) {
    const { name, namespace: home = namespace } = metadata;
    const isOfCluster = metadata.namespace === undefined && /^(ClusterRole|Validating)/.test(kind);
    const isElsewhere = home !== namespace && /^Role/.test(kind);
    if (isElsewhere || (isOfCluster && !/-(view|edit)$/.test(name)))
      await kubectl(['delete', kind, name, '--namespace', home, '--ignore-not-found']);
  }
}

function objectsIn(text: string): Printed[] {
  return parseAllDocuments(text).map((document) => document.toJS() as Printed);
}

/** The administrator's kubeconfig with the service account of the controller as its user. */
async function accountConfig({ kubeconfig, kubectl }: TestCluster): Promise<string> {
  const config = parse(await readFile(kubeconfig, 'utf8')) as { users: { user: object }[] };
  const token = (await kubectl(['create', 'token', 'crossfade-controller', '--duration=1h'])).trim();
  for (const entry of config.users) entry.user = { token };
  return stringify(config);
}

async function startController(
  t: TestContext,
  kubeconfig: string,
  namespace: string,
  args: readonly string[],
): Promise<RunningController> {
  const inPlace = args.map((argument) => argument.replace('$(POD_NAMESPACE)', namespace));
  const running = startCli(['--kubeconfig', kubeconfig, 'controller', '--namespace', namespace, ...inPlace], {
    timeoutMs: 10 * 60_000,
  });
  let log = '';
  running.child.stdout?.on('data', (text: string) => {
    log += text;
  });
  const controller: RunningController = {
    kill: (signal) => end(running, signal),
    log: () => log,
    isRunning: () => running.child.exitCode === null && running.child.signalCode === null,
  };
  t.after(() => controller.kill('SIGTERM'));
  await waitFor(() => log.includes('controller started'), {
    timeoutMs: 60_000,
    what: 'the controller to start',
  });
  return controller;
}

async function end({ child, result }: RunningCli, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
  await result;
}

/** A worker of a test image: no route, so that nothing but the engine moves it. */
export function worker(name: string, version: string, spec: object = {}): object {
  return {
    apiVersion: 'crossfade.dev/v1',
    kind: 'App',
    metadata: { name },
    spec: {
      replicas: 2,
      image: `localhost/service:${version}`,
      run: {},
      port: 8080,
      health: { ready: { http: '/healthz' } },
      strategy: { rolling: {} },
      ...spec,
    },
  };
}

/** A service of a test image behind one of the cluster's routers; it is gone at once on SIGTERM. */
export function routed(
  { namespace }: TestCluster,
  { name = 'shop', version, router, strategy, kubernetes = {}, ...more }: RoutedOptions,
): object {
  const spec = {
    replicas: 3,
    route: { host: `${namespace}.example` },
    drain: { timeout: '3s' },
    strategy,
    kubernetes: { router, ...FRONTS[router], ...kubernetes },
    // Behind a Service nothing else says who answered, while several versions are.
    ...(router === 'service' ? { run: { env: { TELL_REVISION: '1' } } } : {}),
    ...more,
  };
  return worker(name, version, spec);
}

export type RouterName = 'gatewayApi' | 'ingressNginx' | 'service';

export interface RoutedOptions {
  name?: string;
  version: string;
  router: RouterName;
  strategy: object;
  /** More fields there. */
  kubernetes?: object;
  [field: string]: unknown;
}

const FRONTS: Record<RouterName, object> = {
  gatewayApi: { parentRefs: [{ name: GATEWAY.name, namespace: GATEWAY.namespace }] },
  ingressNginx: { ingressClassName: INGRESS_CLASS },
  service: {},
};
