/** Users of the App of a test, on connections that are kept and on new ones: what happens must not be seen by any of them. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { TestCluster } from '../../support/cluster.ts';
import { answersOf, type Connections, failedOf, startClients } from './clients.ts';
import type { RouterName } from './controller.ts';
import { hostOf, ROUTER, serviceUrl } from './settle.ts';

export interface Users {
  /** Resolves once so many more requests of each kind have ended. */
  more(requests: number): Promise<void>;
  /** How many requests each version has answered so far. */
  answers(): Record<string, number>;
  /** Ends them; nothing may have failed. */
  stop(): Promise<Record<string, number>>;
}

/**
 * A connection of a Service stays with its pod for as long as the pod is there, whatever the selector says: with a program
 * that is gone at once on TERM it cannot end without an error. New connections of such a Service can.
 */
const CONNECTIONS: Record<RouterName, readonly Connections[]> = {
  gatewayApi: ['kept', 'fresh'],
  ingressNginx: ['kept', 'fresh'],
  service: ['fresh'],
};

export async function startUsers(t: TestContext, cluster: TestCluster, router: RouterName): Promise<Users> {
  const url = router === 'service' ? await serviceUrl(cluster, 'shop') : ROUTER;
  const headers = hostOf(cluster);
  const all = CONNECTIONS[router].map((connections) => ({
    connections,
    clients: startClients({ url, headers, connections, clients: 4 }),
  }));
  t.after(() => Promise.all(all.map(({ clients }) => clients.stop())));
  const answers = () => answersOf(all.map(({ clients }) => clients));
  return {
    async more(requests) {
      await Promise.all(all.map(({ clients }) => clients.more(requests)));
    },
    answers,
    async stop() {
      for (const { connections, clients } of all) {
        const tally = await clients.stop();
        const told = `${connections}: ${tally.requests} requests, ${JSON.stringify(tally.answers)}`;
        assert.equal(failedOf(tally), 0, `${told}, failed ${JSON.stringify(tally.failures)}`);
        t.diagnostic(`${told}, 0 failed`);
      }
      return answers();
    },
  };
}
