import type { Kube } from '../client.ts';
import { APP_LABEL, type AppName } from '../names.ts';
import type { KubeObject, Resource } from '../types.ts';

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
