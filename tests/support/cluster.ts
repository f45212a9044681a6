/** The cluster that `npm run test:kubernetes` has started, or was given, as a test uses it. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { type Cluster, findCluster } from '../../scripts/cluster/cluster.ts';
import { resultOf } from '../../scripts/cluster/run.ts';

export interface TestCluster {
  /** For an administrator of the cluster. */
  kubeconfig: string;
  /** Made for this test, and deleted after it. */
  namespace: string;
  /** Runs kubectl in the namespace and gives what it prints. @throws CommandFailed */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Creates or changes objects, in the namespace where they name none. */
  apply(...objects: object[]): Promise<void>;
  /** Reads one object: `get('deployment/shop')`. */
  get(name: string): Promise<unknown>;
}

/** One of our own: its network is this test's too, and its components can be stopped and started. */
export interface OwnTestCluster extends TestCluster {
  cluster: Cluster;
}

const NOT_RUN_SO = 'run it with `npm run test:kubernetes -- PATTERN`';

/** Where no cluster can be had the test is skipped with the reason, and undefined is returned. */
export async function testCluster(t: TestContext): Promise<TestCluster | OwnTestCluster | undefined> {
  const {
    CROSSFADE_TEST_NO_CLUSTER: reason,
    CROSSFADE_TEST_KUBECONFIG: given,
    CROSSFADE_TEST_STATE_DIR: stateDir,
  } = process.env;
  if (reason !== undefined) return void t.skip(`there is no cluster: ${reason}`);
  if (given !== undefined) return await prepare(t, given, { KUBECONFIG: given });
  if (stateDir === undefined) throw new Error(`this test needs a cluster: ${NOT_RUN_SO}`);
  const cluster = await findCluster(stateDir);
  if (cluster === undefined) throw new Error(`the cluster of ${stateDir} is not up`);
  return { ...(await prepare(t, cluster.kubeconfig, cluster.env)), cluster };
}

/** Nobody uses its pods any more: they are not waited for, and in a namespace that goes no others are made. */
async function removeNamespace(kubectl: TestCluster['kubectl'], namespace: string): Promise<void> {
  await kubectl(['delete', 'namespace', namespace, '--wait=false']);
  await kubectl(['delete', 'pods', '--all', '--force', '--grace-period=0', '--wait=false']);
  await kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=120s']);
}

/** Like testCluster(), for tests that stop components or talk to pods: a given cluster allows neither. */
export async function ownCluster(t: TestContext): Promise<OwnTestCluster | undefined> {
  const found = await testCluster(t);
  if (found === undefined || 'cluster' in found) return found;
  return void t.skip('the cluster was given: its network is not that of the test, nor are its components');
}

async function prepare(
  t: TestContext,
  kubeconfig: string,
  env: Record<string, string>,
): Promise<TestCluster> {
  const namespace = `test-${randomBytes(4).toString('hex')}`;
  const kubectl = async (args: readonly string[], input = '') => {
    const child = spawn('kubectl', ['--namespace', namespace, ...args], { env: { ...process.env, ...env } });
    return (await resultOf(child, `kubectl ${args.join(' ')}`, input)).stdout;
  };
  await kubectl(['create', 'namespace', namespace]);
  t.after(() => removeNamespace(kubectl, namespace));
  return {
    kubeconfig,
    namespace,
    kubectl,
    async apply(...items) {
      const list = { apiVersion: 'v1', kind: 'List', items };
      await kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(list));
    },
    async get(name) {
      return JSON.parse(await kubectl(['get', name, '-o', 'json']));
    },
  };
}
