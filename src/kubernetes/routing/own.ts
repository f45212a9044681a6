import type { Kube } from '../client.ts';
import { APP_LABEL, type AppName, appLabels, appNameOf } from '../names.ts';
import type { KubeObject, Resource } from '../types.ts';
import type { RouteWriter } from './record.ts';

/** Of an object that belongs to the App, and goes with it. */
export function ownMetadata({ app, owner }: RouteWriter): KubeObject['metadata'] {
  const { namespace, name } = appNameOf(app);
  return { namespace, labels: appLabels(name), ...(owner ? { ownerReferences: [owner] } : {}) };
}

/**
 * Deletes what the App has made for itself under this name. What others have called so stays: it may be all that they have,
 * TLS and rules for other hosts with it.
 */
export async function deleteOwn<T extends KubeObject>(
  kube: Kube,
  resource: Resource<T>,
  app: AppName,
  name: string,
): Promise<void> {
  const found = await kube.get(resource, app.namespace, name);
  if (found?.metadata.labels?.[APP_LABEL] !== app.name) return;
  const { uid } = found.metadata;
  await kube.delete(resource, app.namespace, name, uid === undefined ? {} : { uid });
}
