import { FIELD_MANAGER, type Kube } from './client.ts';
import { type KubeObject, pathOf, type Resource } from './types.ts';

/** Where an annotation is, as a JSON patch (RFC 6902) says it. */
export function annotationPath(name: string): string {
  return `/metadata/annotations/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** What has to come before the first annotation of an object: a JSON patch adds nothing to what is not there. */
export function roomForAnnotations({ metadata }: KubeObject): object[] {
  return metadata.annotations ? [] : [{ op: 'add', path: '/metadata/annotations', value: {} }];
}

/** Makes a patch one of exactly the version that was read: a later one is refused as a conflict. */
export function onlyOver({ metadata }: KubeObject): object {
  return { op: 'test', path: '/metadata/resourceVersion', value: metadata.resourceVersion };
}

/** @throws KubeError */
export async function jsonPatch<T extends KubeObject>(
  kube: Kube,
  resource: Resource<T>,
  namespace: string,
  name: string,
  body: readonly object[],
): Promise<T> {
  return kube.request<T>({
    method: 'PATCH',
    path: pathOf(resource, namespace, name),
    query: { fieldManager: FIELD_MANAGER },
    contentType: 'application/json-patch+json',
    body,
    doing: `changing ${resource.kind} ${name} in ${namespace}`,
  });
}
