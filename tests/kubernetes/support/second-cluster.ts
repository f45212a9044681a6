import path from 'node:path';
import type { TestContext } from 'node:test';
import { type Cluster, findCluster, startCluster } from '../../../scripts/cluster/cluster.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** A cluster of the test's own, for what the others must not notice. It has no router. */
export async function secondCluster(t: TestContext): Promise<Cluster> {
  const stateDir = path.join(await tempDir(t, 'k-'), 'c');
  const tell = () => {};
  const cluster = await startCluster({ stateDir, leashed: true, extras: { router: false }, tell });
  t.after(async () => {
    if ((await findCluster(stateDir)) !== undefined) await cluster.down();
  });
  return cluster;
}
