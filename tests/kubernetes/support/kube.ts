/** The API server of the tests, spoken to as the program does. */
import { stateFiles } from '../../../scripts/cluster/layout.ts';
import { openAccess } from '../../../src/kubernetes/access.ts';
import { createKube, type Kube } from '../../../src/kubernetes/client.ts';

/** Why no test of this file can run; undefined: they can. */
export const noCluster = process.env.CROSSFADE_TEST_NO_CLUSTER;

/** @throws Error when the file is not run by `npm run test:kubernetes` */
function kubeconfigFile(): string {
  const { CROSSFADE_TEST_KUBECONFIG: given, CROSSFADE_TEST_STATE_DIR: stateDir } = process.env;
  if (given !== undefined) return given;
  if (stateDir === undefined)
    throw new Error('this file needs a cluster: npm run test:kubernetes -- PATTERN');
  return stateFiles(stateDir).kubeconfig;
}

export async function openKube(): Promise<Kube> {
  return createKube(await openAccess({ kubeconfig: kubeconfigFile() }));
}
