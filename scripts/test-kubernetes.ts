/**
 * `npm run test:kubernetes [-- PATTERN...] [--verbose]`: the tests that need a Kubernetes cluster, on one that is started
 * for them and is gone afterwards. `CROSSFADE_TEST_CLUSTER=NAME` takes one that `npm run cluster -- up` has started,
 * `CROSSFADE_TEST_KUBECONFIG=FILE` a cluster of anybody's.
 */
import { randomBytes } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildPrograms } from './cluster/build/build.ts';
import { type Cluster, clusterFolder, findCluster, startCluster } from './cluster/cluster.ts';
import { testImages } from './cluster/images/test-images.ts';
import { requireMachine } from './cluster/machine.ts';
import { ClusterUnavailable } from './cluster/unavailable.ts';
import { SystemPackagesUnavailable } from './system-packages.ts';
import { findGroups } from './testing/files.ts';
import { runSession, type Session } from './testing/session.ts';

const { values, positionals: patterns } = parseArgs({
  allowPositionals: true,
  options: { full: { type: 'boolean', default: false }, verbose: { type: 'boolean', default: false } },
});
const { CROSSFADE_TEST_KUBECONFIG: kubeconfig, CROSSFADE_TEST_CLUSTER: name } = process.env;

const session: Session = {
  checks: false,
  groups: findGroups({ patterns, groups: ['kubernetes'], full: values.full }),
  env: values.full ? { CROSSFADE_TEST_FULL: '1' } : {},
  verbose: values.verbose,
};

/** The test files run in the network of the cluster: its addresses answer there only. */
function onCluster(cluster: Cluster): Session {
  const env = { ...session.env, CROSSFADE_TEST_STATE_DIR: cluster.stateDir };
  return { ...session, env, enter: (command, args) => cluster.enter(command, args, { onlyNetwork: true }) };
}

const tell = (line: string) => console.log(`cluster: ${line}`);

async function runOnNewCluster(): Promise<void> {
  const stateDir = path.join(os.tmpdir(), `cfk-${randomBytes(4).toString('hex')}`);
  const cluster = await startCluster({ stateDir, leashed: true, tell });
  try {
    await cluster.importImages(await testImages());
    await runSession(onCluster(cluster));
  } finally {
    await cluster.down();
  }
}

async function runOnCluster(given: string): Promise<void> {
  const cluster = await findCluster(path.join(clusterFolder(), given));
  if (cluster === undefined) {
    throw new Error(`no cluster ${given} is up: npm run cluster -- up --name ${given}`);
  }
  await runSession(onCluster(cluster));
}

async function runOnOwnCluster(): Promise<void> {
  try {
    await requireMachine(os.tmpdir());
    // Now: from inside of a cluster nothing can be fetched.
    await buildPrograms({ extras: { router: true, fakeNodes: false }, tell });
    await (name === undefined ? runOnNewCluster() : runOnCluster(name));
  } catch (error) {
    const isUnavailable = error instanceof ClusterUnavailable || error instanceof SystemPackagesUnavailable;
    if (!isUnavailable) throw error;
    // Every test is skipped with the reason, and counted.
    await runSession({ ...session, env: { ...session.env, CROSSFADE_TEST_NO_CLUSTER: error.message } });
  }
}

if (kubeconfig === undefined) await runOnOwnCluster();
else {
  await runSession({
    ...session,
    env: { ...session.env, CROSSFADE_TEST_KUBECONFIG: path.resolve(kubeconfig) },
  });
}
