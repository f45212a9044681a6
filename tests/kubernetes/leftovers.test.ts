import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readdir, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { abandonedCgroups, removeCgroup } from '../../scripts/cluster/cgroups.ts';
import { type Cluster, findCluster } from '../../scripts/cluster/cluster.ts';
import { readRecord } from '../../scripts/cluster/record.ts';
import { ROOT } from '../../scripts/testing/files.ts';
import { ownCluster } from '../support/cluster.ts';
import { processesUnder } from '../support/processes.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitFor } from '../support/wait-for.ts';
import { deployment } from './support/objects.ts';
import { secondCluster } from './support/second-cluster.ts';

const TIMEOUT_MS = 120_000;
const POD_PROCESS = { name: 'web', image: 'localhost/pause:1' };

/** A pod that has no probe: the pause program answers none. */
async function runPod(cluster: Cluster): Promise<void> {
  const pod = deployment(POD_PROCESS) as { spec: { template: { spec: { containers: object[] } } } };
  const container = { name: 'app', image: POD_PROCESS.image };
  pod.spec.template.spec.containers = [container];
  await cluster.kubectl(['apply', '-f', '-'], JSON.stringify(pod));
  await cluster.kubectl(['rollout', 'status', `deployment/${POD_PROCESS.name}`, '--timeout=100s']);
}

/** What the machine has of a cluster; empty lists when nothing is left. */
async function tracesOf({ stateDir, cgroup }: Cluster) {
  const processes = (await processesUnder(stateDir)).map(({ command }) => command);
  return { processes, inCgroup: await processesIn(cgroup), cgroups: await cgroupsOf(cgroup) };
}

async function processesIn(cgroup: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
      return groups.includes(`/${cgroup}/`) ? [pid] : [];
    }),
  );
  return found.flat();
}

async function cgroupsOf(cgroup: string): Promise<string[]> {
  const mounts = await readFile('/proc/mounts', 'utf8');
  const folders = [...mounts.matchAll(/^\S+ (\S+) cgroup2? /gm)].map(([, at = '']) => path.join(at, cgroup));
  const found = await Promise.all(folders.map(async (folder) => ((await exists(folder)) ? [folder] : [])));
  return found.flat();
}

const machine = async () => ({
  mounts: (await readFile('/proc/self/mounts', 'utf8')).split('\n'),
  interfaces: Object.keys(os.networkInterfaces()).filter((name) => !name.startsWith('veth')),
  panic: await readFile('/proc/sys/kernel/panic', 'utf8'),
  overcommit: await readFile('/proc/sys/vm/overcommit_memory', 'utf8'),
});

const NOTHING = { processes: [], inCgroup: [], cgroups: [] };

async function untilGone(cluster: Cluster): Promise<void> {
  const isGone = async () => {
    const traces = await tracesOf(cluster);
    return [traces.processes, traces.inCgroup].every((list) => list.length === 0);
  };
  await waitFor(isGone, { timeoutMs: TIMEOUT_MS, what: 'every process of the cluster to be gone' });
}

test('a second cluster beside the first has pods of its own, and down leaves nothing of it', async (t) => {
  const first = await ownCluster(t);
  if (first === undefined) return;
  const before = await machine();
  const cluster = await secondCluster(t);
  await runPod(cluster);
  const there = await tracesOf(cluster);
  assert.ok(
    there.processes.length > 5 && there.inCgroup.length > 0 && there.cgroups.length > 0,
    'it has traces',
  );
  assert.deepEqual(await first.kubectl(['get', 'deployments', '-o', 'name', '-n', 'default']), '');
  assert.equal((await cluster.kubectl(['get', 'namespaces', '-o', 'name'])).includes(first.namespace), false);
  await cluster.down();
  await untilGone(cluster);
  assert.deepEqual(await tracesOf(cluster), NOTHING);
  assert.deepEqual(await machine(), before);
  assert.equal(await exists(cluster.stateDir), false, 'its files are gone');
  await first.kubectl(['get', '--raw', '/readyz']);
});

test('a keeper that is killed takes every process with it, and what it left is removed by the next', async (t) => {
  if ((await ownCluster(t)) === undefined) return;
  const cluster = await secondCluster(t);
  await runPod(cluster);
  const record = await readRecord(cluster.stateDir);
  assert.ok(record !== undefined);
  process.kill(record.keeperPid, 'SIGKILL');
  await untilGone(cluster);
  assert.equal(await findCluster(cluster.stateDir), undefined);
  assert.deepEqual((await abandonedCgroups()).includes(cluster.cgroup), true);
  await removeCgroup(cluster.cgroup);
  assert.deepEqual(await tracesOf(cluster), NOTHING);
});

test('a cluster ends with the process that started it, even if that one is killed', async (t) => {
  if ((await ownCluster(t)) === undefined) return;
  const stateDir = path.join(await tempDir(t, 'k-'), 'c');
  const code = `
    import { startCluster } from ${JSON.stringify(path.join(ROOT, 'scripts/cluster/cluster.ts'))};
    await startCluster({ stateDir: ${JSON.stringify(stateDir)}, leashed: true, extras: { router: false }, tell: () => {} });
    console.log('up');
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(owner.stdout, 'data');
  const cluster = await findCluster(stateDir);
  assert.ok(cluster !== undefined, 'it is up');
  owner.kill('SIGKILL');
  await untilGone(cluster);
  await waitFor(async () => !(await exists(stateDir)), {
    timeoutMs: TIMEOUT_MS,
    what: 'its files to be gone',
  });
  assert.deepEqual(await tracesOf(cluster), NOTHING);
});

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
