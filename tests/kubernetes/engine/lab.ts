import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { AppKey, Replica } from '../../../src/core/model.ts';
import { createKubernetesEngine } from '../../../src/engines/kubernetes/index.ts';
import { openAccess } from '../../../src/kubernetes/access.ts';
import { createKube, type Kube } from '../../../src/kubernetes/client.ts';
import type { OwnerReference } from '../../../src/kubernetes/types.ts';
import { CONFIG_MAPS } from '../../../src/kubernetes/workloads.ts';
import type { Engine } from '../../../src/ports/engine.ts';
import type { AppSpec } from '../../../src/spec/app.ts';
import { type OwnTestCluster, ownCluster } from '../../support/cluster.ts';
import { appSpec, HTTP_READY, type SpecChanges } from '../../unit/engine/support.ts';

/** An engine on the cluster of the test, in a namespace of its own. */
export interface EngineLab {
  cluster: OwnTestCluster;
  kube: Kube;
  engine: Engine;
  app: AppKey;
  owner: OwnerReference;
  contentKey: Buffer;
  /** An App of an image that runs JavaScript; `script` is what it runs. */
  spec(changes?: SpecChanges): AppSpec;
  reopen(): Promise<Engine>;
}

const IMAGE = 'localhost/service:v1';

/** Answers every path with 200, says so in its log, and is gone at once on TERM. */
export const SERVER = `
require('node:http').createServer((request, response) => {
  if (request.url !== '/healthz') console.log('request ' + request.url);
  response.end('hello');
}).listen(process.env.PORT);
process.on('SIGTERM', () => process.exit(0));
`;
export const node = (script: string) => ['node', '-e', script];

/** @returns undefined where the test was skipped */
export async function engineLab(t: TestContext): Promise<EngineLab | undefined> {
  const cluster = await ownCluster(t);
  if (cluster === undefined) return undefined;
  const kube = createKube(await openAccess({ kubeconfig: cluster.kubeconfig }));
  const { namespace } = cluster;
  // Stands for the App object: everything goes with it.
  const made = await kube.create(CONFIG_MAPS, { metadata: { namespace, name: 'owner' } });
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: made.metadata.uid ?? '' };
  const contentKey = randomBytes(32);
  const engines: Engine[] = [];
  const open = async () => {
    const engine = await createKubernetesEngine({ kube, namespace, contentKey, ownerOf: async () => owner });
    engines.push(engine);
    return engine;
  };
  t.after(async () => {
    for (const engine of engines) await engine.close();
    await kube.close();
  });
  const spec = (changes: SpecChanges = {}) => {
    const made = appSpec({ image: IMAGE, port: 8080, health: { ready: HTTP_READY_SECONDS }, ...changes });
    return { ...made, metadata: { ...made.metadata, namespace } };
  };
  return {
    cluster,
    kube,
    engine: await open(),
    app: `${namespace}/shop`,
    owner,
    contentKey,
    spec,
    reopen: open,
  };
}

/** Kubernetes asks in whole seconds. */
const HTTP_READY_SECONDS = { ...HTTP_READY, periodSeconds: 1 };

export async function fetchStatus({ address }: Replica): Promise<number> {
  return (await fetch(`http://${address}/`, { headers: { connection: 'close' } })).status;
}
