/**
 * `npm run cluster -- up|status|shell|down`: a Kubernetes cluster of one's own on this machine, in namespaces of its own,
 * as the tests have it.
 */
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { SystemPackagesUnavailable } from '../system-packages.ts';
import { ROOT } from '../testing/files.ts';
import { type Cluster, clusterFolder, findCluster, startCluster } from './cluster.ts';
import { imageArchive } from './images/archive.ts';
import { testImages } from './images/test-images.ts';
import {
  FIRST_NODE,
  GATEWAY_CLASS,
  INGRESS_CLASS,
  MAX_NODES,
  MIRRORING_CLASS,
  MIRRORING_PORT,
  ROUTER_ADMIN_PORT,
  ROUTER_PORT,
} from './layout.ts';
import { MIRRORING } from './mirroring.ts';
import { GATEWAY } from './objects.ts';
import { ClusterUnavailable } from './unavailable.ts';

const USAGE = `usage: npm run cluster -- COMMAND [--name NAME]

  up                  builds what is missing (once, about ten minutes) and starts a cluster; it stays until \`down\`
                      --nodes N        how many nodes (default 1)
                      --no-router      without Traefik
                      --fake-nodes     also kwok, which plays nodes and pods that do not exist; of a
                                       real node that is lost nobody hears for an hour
                      --envoy          also Contour and Envoy, a second implementation of the Gateway API,
                                       which mirrors requests
  status              which clusters there are, and whether their parts run
  shell               a shell inside: kubectl and every address of the cluster work there
  shell -- COMMAND    one command inside
  images FILE         writes the images that the tests run, for a cluster that was not made here
                      (\`docker load\`, \`kind load image-archive\`, \`ctr images import\`)
  load FILE           takes the images of such an archive into the cluster: that of the controller (\`npm run image\`),
                      or your own (\`docker save\`)
  down                removes everything

--name tells clusters apart (default: main).`;

class UsageError extends Error {}

const { values, positionals } = readArguments();
const nameFlag = values.name === 'main' ? '' : ` --name ${values.name}`;

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        name: { type: 'string', default: 'main' },
        nodes: { type: 'string', default: '1' },
        'no-router': { type: 'boolean', default: false },
        'fake-nodes': { type: 'boolean', default: false },
        envoy: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    // An option that there is not.
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return process.exit(1);
  }
}

const folder = clusterFolder();
const stateDir = path.join(folder, values.name);

async function main([command, ...rest]: string[]): Promise<number> {
  if (values.help) return say(USAGE);
  if (!/^[a-z0-9-]{1,20}$/.test(values.name)) {
    throw new UsageError(`--name ${values.name}: expected up to 20 lower-case letters, digits and dashes`);
  }
  if (!['shell', 'images', 'load'].includes(command ?? '') && rest.length > 0)
    throw new UsageError(`${rest[0]} was not expected\n\n${USAGE}`);
  switch (command) {
    case 'up':
      return await up();
    case 'status':
      return await status();
    case 'shell':
      return await shell(rest);
    case 'images':
      return await images(rest);
    case 'load':
      return await load(rest);
    case 'down':
      return await down();
    default:
      throw new UsageError(command === undefined ? USAGE : `no command ${command}\n\n${USAGE}`);
  }
}

async function up(): Promise<number> {
  const nodes = Number(values.nodes);
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > MAX_NODES) {
    throw new UsageError(`--nodes ${values.nodes}: expected 1 to ${MAX_NODES}`);
  }
  const present = await findCluster(stateDir);
  if (present !== undefined) return say(`The cluster ${values.name} is up already.\n\n${howToUse(present)}`);
  // What a keeper that was killed left behind.
  await rm(stateDir, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const startedAt = performance.now();
  const { 'no-router': noRouter, 'fake-nodes': fakeNodes, envoy } = values;
  const extras = { router: !noRouter, fakeNodes, envoy };
  const options = { stateDir, extras, leashed: false };
  const cluster = await startCluster({ ...options, tell: (line) => console.error(`cluster: ${line}`) });
  for (let more = nodes - 1; more > 0; more -= 1) await cluster.addNode();
  await cluster.importImages(await testImages());
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  return say(`The cluster ${values.name} is up after ${seconds} s.\n\n${howToUse(cluster)}`);
}

function howToUse(cluster: Cluster): string {
  const { address } = FIRST_NODE;
  return `It has a network of its own, so everything that talks to it runs inside:
  npm run cluster -- shell${nameFlag}                          a shell, with kubectl
  npm run cluster -- shell${nameFlag} -- kubectl get pods -A   one command

  kubeconfig       ${cluster.kubeconfig}
  node             ${address}; node ports answer there
  routes           http://${address}:${ROUTER_PORT}  Traefik: Gateway ${GATEWAY.namespace}/${GATEWAY.name}
                   (class ${GATEWAY_CLASS}), ingresses of class ${INGRESS_CLASS}
  mirrored routes  http://${address}:${MIRRORING_PORT}  with --envoy: Gateway ${MIRRORING.namespace}/${MIRRORING.name}
                   (class ${MIRRORING_CLASS})
  router metrics   http://${address}:${ROUTER_ADMIN_PORT}/metrics
  images           localhost/shop:1.0.0 to 3.0.0, localhost/service:v1 to v3 and others
  logs             ${path.dirname(cluster.logFile('x'))}

  npm run cluster -- down${nameFlag}`;
}

async function status(): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  let clusters = 0;
  for (const name of names.sort()) {
    const cluster = await findCluster(path.join(folder, name));
    if (cluster === undefined) continue;
    clusters += 1;
    say(`${name}  ${cluster.stateDir}`);
    for (const component of await cluster.components()) {
      say(`  ${component.running ? 'running' : 'STOPPED'}  ${component.name}`);
    }
  }
  if (clusters === 0) say('No cluster is up.');
  return 0;
}

async function shell(command: readonly string[]): Promise<number> {
  const cluster = await present();
  const [program = process.env.SHELL ?? 'sh', ...args] = command;
  const programs = await linked(cluster);
  const PATH = [programs, cluster.env.PATH ?? process.env.PATH].join(path.delimiter);
  const child = cluster.spawn(program, args, { stdio: 'inherit', env: { PATH } });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + (signal === null ? 0 : os.constants.signals[signal]);
}

/** In the shell this checkout is what an installed package is: `crossfade`, and `kubectl crossfade`. */
async function linked({ stateDir: folder }: Cluster): Promise<string> {
  const programs = path.join(folder, 'programs');
  await rm(programs, { recursive: true, force: true });
  await mkdir(programs);
  for (const name of ['crossfade', 'xf', 'kubectl-crossfade'])
    await symlink(path.join(ROOT, 'bin', 'crossfade'), path.join(programs, name));
  return programs;
}

async function images([file, ...rest]: readonly string[]): Promise<number> {
  if (file === undefined || rest.length > 0) throw new UsageError(`images expects one file\n\n${USAGE}`);
  const list = await testImages();
  await writeFile(file, imageArchive(list));
  return say(list.map(({ name }) => name).join('\n'));
}

async function load([file, ...rest]: readonly string[]): Promise<number> {
  if (file === undefined || rest.length > 0) throw new UsageError(`load expects one file\n\n${USAGE}`);
  const cluster = await present();
  await cluster.importArchive(await readFile(file));
  return say(`The images of ${file} are in the cluster ${values.name}.`);
}

async function down(): Promise<number> {
  const cluster = await findCluster(stateDir);
  if (cluster !== undefined) await cluster.down();
  else await rm(stateDir, { recursive: true, force: true });
  return say(
    cluster === undefined ? `The cluster ${values.name} was not up.` : `The cluster ${values.name} is gone.`,
  );
}

async function present(): Promise<Cluster> {
  const cluster = await findCluster(stateDir);
  if (cluster === undefined)
    throw new UsageError(`The cluster ${values.name} is not up: npm run cluster -- up${nameFlag}`);
  return cluster;
}

function say(text: string): number {
  console.log(text);
  return 0;
}

try {
  process.exitCode = await main(positionals);
} catch (error) {
  const expected = [UsageError, ClusterUnavailable, SystemPackagesUnavailable];
  if (!expected.some((kind) => error instanceof kind)) throw error;
  console.error((error as Error).message);
  process.exitCode = 1;
}
