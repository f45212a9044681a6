import { after, before } from 'node:test';
import { applyObject } from '../../src/cluster/objects.ts';
import { clusterManifests } from '../../src/install/bundle.ts';
import type { Kube } from '../../src/kubernetes/client.ts';
import { APP_COMMANDS, APPS } from '../../src/kubernetes/crossfade.ts';
import type { KubeObject, Resource } from '../../src/kubernetes/types.ts';
import type { Store } from '../../src/ports/store.ts';
import { renderApp } from '../../src/spec/index.ts';
import { type AppStatusStore, createAppStatusStore } from '../../src/store/app-status/index.ts';
import { storeConformance } from '../conformance/store/suite.ts';
import { waitFor } from '../support/wait-for.ts';
import { noCluster, openKube } from './support/kube.ts';

/** The namespace that the suite's Apps are in. */
const NAMESPACE = 'default';
const CONFIG_MAPS: Resource = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
const OURS: [Resource, RegExp][] = [
  [APPS as Resource, /^(shop|cart|other)$/],
  [APP_COMMANDS as Resource, /^(shop|cart|other)\./],
  [CONFIG_MAPS, /^crossfade-(audit|removed-apps)$/],
];
let kube: Kube;

async function leftThere(): Promise<[Resource, string][]> {
  const found = OURS.map(async ([resource, names]) => {
    const objects: KubeObject[] = await kube.list(resource, { namespace: NAMESPACE });
    const ours = objects.flatMap(({ metadata: { name = '' } }) => (names.test(name) ? [name] : []));
    return ours.map((name): [Resource, string] => [resource, name]);
  });
  return (await Promise.all(found)).flat();
}

async function wipe(): Promise<void> {
  for (const [resource, name] of await leftThere()) await kube.delete(resource, NAMESPACE, name);
}

if (noCluster === undefined) {
  before(async () => {
    kube = await openKube();
    for (const object of clusterManifests({ namespaced: true })) await applyObject(kube, object);
    const isKnown = () => leftThere().catch(() => undefined);
    const left = await waitFor(isKnown, { timeoutMs: 60_000, what: 'the API server to know Apps' });
    // Whose cluster this is nobody knows.
    if (left.length > 0)
      throw new Error(`namespace ${NAMESPACE} has ${left.map(([, name]) => name)} already`);
  });
  after(async () => {
    await wipe();
    await kube.close();
  });
}

/** What the users of a store in a cluster do first: the App is there before the controller takes it up. */
function withUsers(store: AppStatusStore): Store {
  const sees = async (app: string) =>
    store.wanted(app) !== undefined || (await store.load(app)) !== undefined;
  return {
    ...store,
    async putApp(object, expectedGeneration, audit) {
      const [namespace = '', name = ''] = object.key.split('/');
      if (!(await kube.get(APPS, namespace, name))) {
        const { spec } = renderApp(object.spec) as { spec: Record<string, unknown> };
        await kube.create(APPS, { metadata: { namespace, name }, spec });
      }
      const what = `the store to see ${object.key}`;
      await waitFor(() => sees(object.key), { timeoutMs: 60_000, what });
      await store.putApp(object, expectedGeneration, audit);
    },
  };
}

storeConformance(
  'app-status',
  async (limits) => {
    await wipe();
    const log = { warn: (what: object, text: string) => console.log(text, what) };
    const scope = { namespace: NAMESPACE };
    const store = await createAppStatusStore({ kube, scope, home: NAMESPACE, log, ...limits });
    return { store: withUsers(store), remove: () => store.close() };
  },
  noCluster === undefined ? {} : { skip: `there is no cluster: ${noCluster}` },
);
