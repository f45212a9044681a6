/** Kubernetes objects as the API speaks them: plain JSON, times as text, unknown fields kept. */

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Who wrote which fields; the last entry of a field's path is its last writer. */
export interface ManagedFields {
  manager?: string;
  operation?: string;
  time?: string;
  subresource?: string;
  fieldsV1?: Record<string, unknown>;
}

/** As in requests: what is absent is not asked for. */
export interface ObjectMeta {
  name?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
  managedFields?: ManagedFields[];
}

export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

/** A condition in the form that all of Kubernetes uses. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  observedGeneration?: number;
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
}

/** A kind of object and where it lives in the API. `T` is what its objects look like. */
export interface Resource<T extends KubeObject = KubeObject> {
  /** `apps/v1`, `v1` */
  apiVersion: string;
  kind: string;
  plural: string;
  namespaced: boolean;
  /** Never there: carries the type of its objects. */
  readonly objects?: T;
}

/** The part of the URL that names the collection, or with a name the object. */
export function pathOf(resource: Resource, namespace?: string, name?: string, subresource?: string): string {
  const root = resource.apiVersion.includes('/')
    ? `/apis/${resource.apiVersion}`
    : `/api/${resource.apiVersion}`;
  if (resource.namespaced && namespace === undefined && name !== undefined)
    throw new Error(`${resource.kind} ${name} needs a namespace`);
  const place = resource.namespaced && namespace !== undefined ? ['namespaces', namespace] : [];
  const parts = [
    ...place,
    resource.plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource ? [subresource] : []),
  ];
  return `${root}/${parts.map(encodeURIComponent).join('/')}`;
}

/** `namespace/name`, or the name alone. */
export function keyOf({ metadata }: KubeObject): string {
  return metadata.namespace === undefined ? (metadata.name ?? '') : `${metadata.namespace}/${metadata.name}`;
}
