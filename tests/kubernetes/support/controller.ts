/** The controller as a process with the rights of an installation in one namespace, and the commands of its users. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { parse, stringify } from 'yaml';
import { clusterManifests } from '../../../src/install/bundle.ts';
import { accessManifests } from '../../../src/install/rbac.ts';
import { type CliOptions, type CliResult, cli, cliOk, type RunningCli, startCli } from '../../support/cli.ts';
import type { TestCluster } from '../../support/cluster.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';

export interface Site {
  /** With the rights that `crossfade install --namespaced` gives. */
  startController(...flags: string[]): Promise<RunningController>;
  /** A command of an administrator, in the namespace of the test. @throws when it fails */
  crossfade(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  /** The same, whatever comes of it. */
  attempt(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  apply(app: object, ...flags: string[]): Promise<CliResult>;
  /** One field of an App as kubectl prints it: `status.phase`. */
  field(app: string, field: string): Promise<string>;
}

export interface RunningController {
  kill(signal: NodeJS.Signals): Promise<void>;
}

const COMMAND_MS = 120_000;

/** Everything of an installation but the Deployment: its controller is a process that the test can kill. */
export async function site(t: TestContext, cluster: TestCluster): Promise<Site> {
  const { namespace, kubeconfig } = cluster;
  await cluster.apply(...clusterManifests({ namespaced: true }));
  const access = accessManifests({ namespace, namespaced: true, gateways: [] });
  await cluster.apply(...access);
  await cluster.kubectl([
    'wait',
    '--for=condition=Established',
    'crd/apps.crossfade.dev',
    'crd/appcommands.crossfade.dev',
  ]);
  const account = path.join(await tempDir(t), 'account.yaml');
  await writeFile(account, await accountConfig(cluster));
  const flags = ['--kubeconfig', kubeconfig, '--namespace', namespace];
  const crossfade: Site['crossfade'] = (args, options = {}) =>
    cliOk([...flags, ...args], { timeoutMs: COMMAND_MS, ...options });
  return {
    startController: (...more) => startController(t, account, namespace, more),
    crossfade,
    attempt: (args, options = {}) => cli([...flags, ...args], { timeoutMs: COMMAND_MS, ...options }),
    apply: (app, ...more) => crossfade(['apply', '-f', '-', ...more], { input: stringify(app) }),
    field: (app, field) =>
      cluster.kubectl(['get', 'apps.crossfade.dev', app, '-o', `jsonpath={.${field}}`]).catch(() => ''),
  };
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
  more: readonly string[],
): Promise<RunningController> {
  const place = ['--namespace', namespace, '--only-namespace', namespace];
  const running = startCli(['--kubeconfig', kubeconfig, 'controller', ...place, ...more], {
    timeoutMs: 10 * 60_000,
  });
  const controller = { kill: (signal: NodeJS.Signals) => end(running, signal) };
  t.after(() => controller.kill('SIGTERM'));
  let log = '';
  running.child.stdout?.on('data', (text: string) => {
    log += text;
  });
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
