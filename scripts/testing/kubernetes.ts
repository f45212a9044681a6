/** The cluster that the tests of the group `kubernetes` run on: one of their own, one that is up, or anybody's. */
import { randomBytes } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { buildPrograms, type Extras } from '../cluster/build/build.ts';
import { type Cluster, clusterFolder, findCluster, startCluster } from '../cluster/cluster.ts';
import { testImages } from '../cluster/images/test-images.ts';
import { requireMachine } from '../cluster/machine.ts';
import { ClusterUnavailable } from '../cluster/unavailable.ts';
import { SystemPackagesUnavailable } from '../system-packages.ts';
import type { RunOptions } from './run-file.ts';

/** How a test file is run so that it finds its cluster. */
export interface Place {
  /** Added to the environment of every test file. */
  env: Record<string, string>;
  /** Makes of a command one that runs where the tests have to run. */
  enter?: RunOptions['enter'];
}

/**
 * Without a word about it a cluster is started for the files, with what they need, and is gone afterwards;
 * `CROSSFADE_TEST_CLUSTER=NAME` takes one that `npm run cluster -- up` has started, `CROSSFADE_TEST_KUBECONFIG=FILE` a cluster
 * of anybody's. Where none can be had every test is skipped with the reason, and counted.
 */
export async function withCluster(
  files: readonly string[],
  run: (place: Place) => Promise<void>,
): Promise<void> {
  const { CROSSFADE_TEST_KUBECONFIG: kubeconfig, CROSSFADE_TEST_CLUSTER: name } = process.env;
  if (kubeconfig !== undefined) return run({ env: { CROSSFADE_TEST_KUBECONFIG: path.resolve(kubeconfig) } });
  let cluster: Cluster;
  try {
    await requireMachine(os.tmpdir());
    // Now: from inside of a cluster nothing can be fetched.
    const extras = { router: true, fakeNodes: false, envoy: files.some((file) => WITH_ENVOY.includes(file)) };
    await buildPrograms({ extras, tell });
    cluster = name === undefined ? await newCluster(extras) : await clusterNamed(name);
  } catch (error) {
    const isUnavailable = error instanceof ClusterUnavailable || error instanceof SystemPackagesUnavailable;
    if (!isUnavailable) throw error;
    return run({ env: { CROSSFADE_TEST_NO_CLUSTER: error.message } });
  }
  try {
    await run(insideOf(cluster));
  } finally {
    if (name === undefined) await cluster.down();
  }
}

const tell = (line: string) => console.log(`cluster: ${line}`);

/** Files that need a second implementation of the Gateway API, which takes minutes to build. */
const WITH_ENVOY = ['tests/kubernetes/router/contour.test.ts'];

async function newCluster(extras: Extras): Promise<Cluster> {
  const stateDir = path.join(os.tmpdir(), `cfk-${randomBytes(4).toString('hex')}`);
  const cluster = await startCluster({ stateDir, leashed: true, extras, tell });
  try {
    await cluster.importImages(await testImages());
  } catch (error) {
    await cluster.down();
    throw error;
  }
  return cluster;
}

async function clusterNamed(name: string): Promise<Cluster> {
  const cluster = await findCluster(path.join(clusterFolder(), name));
  if (cluster !== undefined) return cluster;
  throw new Error(`no cluster ${name} is up: npm run cluster -- up --name ${name}`);
}

/** The test files run in the network of the cluster: its addresses answer there only. */
function insideOf(cluster: Cluster): Place {
  return {
    env: { CROSSFADE_TEST_STATE_DIR: cluster.stateDir },
    enter: (command, args) => cluster.enter(command, args, { onlyNetwork: true }),
  };
}
