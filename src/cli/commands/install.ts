import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { clusterManifests, manifests, yamlOf } from '../../install/bundle.ts';
import { helmChart } from '../../install/helm.ts';
import type { InstallOptions } from '../../install/options.ts';
import { collect, wholeNumber } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { usageError } from '../exit.ts';
import { listOf } from '../output/output.ts';
import { type Session, withSession } from '../session.ts';
import { programVersion } from '../version.ts';

interface InstallFlags {
  render?: true | 'yaml' | 'helm';
  image?: string;
  namespaced?: boolean;
  replicas: number;
  shards: number;
  routerMetrics: string[];
  ingressPort: number;
  gateway: { namespace: string; name: string }[];
  crdsOnly?: boolean;
  to?: string;
}

const DEFAULT_NAMESPACE = 'crossfade-system';

export function registerInstall(program: Command, ctx: CliContext): void {
  program
    .command('install')
    .summary('put the controller into a Kubernetes cluster, or print its manifests')
    .description(
      `Installs the kinds App and AppCommand, the rights and the controller into a cluster, in namespace ${DEFAULT_NAMESPACE} or the one of --namespace. With --render everything is printed instead, for kubectl, a GitOps tool or Helm. What is installed already is brought up to date; Apps stay as they are.`,
    )
    .addOption(
      new Option('--render [form]', 'print instead of applying: as manifests, or as a Helm chart (with --to)')
        .choices(['yaml', 'helm'])
        .preset('yaml'),
    )
    .option('--to <folder>', 'with --render helm: folder to write the chart into')
    .option('--image <reference>', 'image of the controller')
    .option('--namespaced', 'only Apps of that namespace, and no rights beyond it')
    .option('--crds-only', 'only what an administrator has to apply: the kinds, and rights for users')
    .option('--replicas <number>', 'controllers: one leads, the others take over', wholeNumber, 1)
    .option('--shards <number>', 'shares of the Apps that controllers can divide among them', wholeNumber, 1)
    .option(
      '--router-metrics <url>',
      'metrics page of Traefik, to measure the split by; may be repeated',
      collect,
      [],
    )
    .option('--ingress-port <number>', 'port at which Ingresses are served', wholeNumber, 80)
    .option(
      '--gateway <namespace/name>',
      'with --namespaced: a Gateway elsewhere that Apps are attached to, which the controller may then read; may be repeated',
      gatewayName,
      [],
    )
    .action(
      withSession(ctx, async (session, flags: InstallFlags) => {
        if (flags.to !== undefined && flags.render !== 'helm')
          throw usageError('--to belongs to --render helm');
        if (flags.render === 'helm') writeChart(session, flags);
        else if (flags.render) print(session, flags);
        else await apply(session, flags);
      }),
    );
}

function objectsOf(session: Session, flags: InstallFlags) {
  const options = optionsOf(session, flags);
  return flags.crdsOnly ? clusterManifests(options) : manifests(options);
}

function optionsOf({ flags: { namespace } }: Session, flags: InstallFlags): InstallOptions {
  const { image, namespaced = false, crdsOnly = false } = flags;
  const { replicas, shards, routerMetrics, ingressPort, gateway: gateways } = flags;
  if (image === undefined && !crdsOnly) {
    throw usageError(
      '--image is missing: no image of the controller is published',
      'build one from a checkout (docs/kubernetes.md), push it to where the cluster pulls from, and name it',
    );
  }
  if (shards < 1) throw usageError('--shards must be at least 1');
  if (gateways.length > 0 && !namespaced)
    throw usageError('--gateway belongs to --namespaced: without it the controller may read every Gateway');
  return {
    namespace: namespace ?? DEFAULT_NAMESPACE,
    image: image ?? '',
    ...{ replicas, shards, namespaced, routerMetrics, ingressPort, gateways },
  };
}

function gatewayName(
  text: string,
  previous: { namespace: string; name: string }[],
): { namespace: string; name: string }[] {
  const [, namespace, name] = /^([a-z0-9-]+)\/([a-z0-9.-]+)$/.exec(text) ?? [];
  if (namespace === undefined || name === undefined)
    throw new InvalidArgumentError('NAMESPACE/NAME is expected, like gateways/public.');
  return [...previous, { namespace, name }];
}

function print(session: Session, flags: InstallFlags): void {
  const objects = objectsOf(session, flags);
  if (session.out.format === 'json') session.out.object(listOf(objects));
  else session.out.print(yamlOf(objects).trimEnd());
}

function writeChart(session: Session, flags: InstallFlags): void {
  if (flags.to === undefined) throw usageError('--render helm needs --to FOLDER');
  const folder = path.resolve(session.ctx.cwd, flags.to);
  for (const [file, content] of Object.entries(helmChart(optionsOf(session, flags), programVersion()))) {
    const target = path.join(folder, file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, content);
  }
  session.out.note(
    `chart written; helm install crossfade ${flags.to} --namespace ${DEFAULT_NAMESPACE} --create-namespace`,
  );
}

async function apply(session: Session, flags: InstallFlags): Promise<void> {
  const objects = objectsOf(session, flags);
  const cluster = await session.cluster();
  for (const object of objects) {
    const result = await cluster.applyObject(object);
    session.out.print(`${object.kind.toLowerCase()}/${object.metadata.name} ${result}`);
  }
}
