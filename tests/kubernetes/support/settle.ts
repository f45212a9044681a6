import { FIRST_NODE, ROUTER_ADMIN_PORT, ROUTER_PORT } from '../../../scripts/cluster/layout.ts';
import type { TestCluster } from '../../support/cluster.ts';
import { waitFor } from '../../support/wait-for.ts';
import { ask } from './ask.ts';

/** The router's address; which route it is, the host says. */
export const ROUTER = `http://${FIRST_NODE.address}:${ROUTER_PORT}`;
const TIMEOUT_MS = 120_000;

/** Hosts are the namespace's: other tests have routes in the same router. */
export const hostOf = ({ namespace }: TestCluster) => ({ host: `${namespace}.example` });

interface Service {
  spec: { clusterIP: string };
}

export async function serviceUrl(cluster: TestCluster, name: string): Promise<string> {
  const { spec } = (await cluster.get(`service/${name}`)) as Service;
  return `http://${spec.clusterIP}`;
}

/** Every replica is new and ready, and none that was told to end is left. */
export async function settled(cluster: TestCluster, deployment: string, replicas: number): Promise<void> {
  await cluster.kubectl(['rollout', 'status', `deployment/${deployment}`, '--timeout=120s']);
  const pods = async () =>
    (await cluster.kubectl(['get', 'pods', '-l', `app=${deployment}`, '-o', 'name'])).trim();
  const what = `${replicas} pods of ${deployment}, and no more`;
  await waitFor(async () => (await pods()).split('\n').length === replicas, {
    timeoutMs: TIMEOUT_MS,
    intervalMs: 250,
    what,
  });
}

/** The version answers so many requests in a row: what is on its way through the cluster has arrived. */
export async function answers(
  url: string,
  version: string,
  { headers = {}, inARow = 20 }: { headers?: Record<string, string>; inARow?: number } = {},
): Promise<void> {
  const allAnswer = async () => {
    for (let sent = 0; sent < inARow; sent += 1) {
      const { status, body } = await ask(url, { headers });
      if (status !== 200 || body !== version) return false;
    }
    return true;
  };
  await waitFor(allAnswer, {
    timeoutMs: TIMEOUT_MS,
    what: `${version} to answer ${inARow} requests in a row`,
  });
}

/**
 * What `measure` gives when the router took no new table meanwhile: with a new one it counts anew.
 */
export async function whileRouterRests<T>(measure: () => Promise<T>): Promise<T> {
  for (let attempt = 1; attempt <= RESTS; attempt += 1) {
    const before = await tablesTaken();
    const measured = await measure();
    if ((await tablesTaken()) === before) return measured;
  }
  throw new Error(`the router took new tables during each of ${RESTS} measurements`);
}

const RESTS = 20;

async function tablesTaken(): Promise<number> {
  const { body } = await ask(`http://${FIRST_NODE.address}:${ROUTER_ADMIN_PORT}/metrics`);
  const [, count] = /^traefik_config_reloads_total (\S+)$/m.exec(body) ?? [];
  if (count === undefined) throw new Error('the router does not say how often it took a new table');
  return Number(count);
}
