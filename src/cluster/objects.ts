import type { Kube } from '../kubernetes/client.ts';
import type { KubeObject, Resource } from '../kubernetes/types.ts';

/** Kinds that an installation is made of: their names in the API's paths. */
const KINDS: Readonly<Record<string, { plural: string; namespaced: boolean }>> = {
  Namespace: { plural: 'namespaces', namespaced: false },
  CustomResourceDefinition: { plural: 'customresourcedefinitions', namespaced: false },
  ClusterRole: { plural: 'clusterroles', namespaced: false },
  ClusterRoleBinding: { plural: 'clusterrolebindings', namespaced: false },
  Role: { plural: 'roles', namespaced: true },
  RoleBinding: { plural: 'rolebindings', namespaced: true },
  ServiceAccount: { plural: 'serviceaccounts', namespaced: true },
  Service: { plural: 'services', namespaced: true },
  Deployment: { plural: 'deployments', namespaced: true },
  ValidatingAdmissionPolicy: { plural: 'validatingadmissionpolicies', namespaced: false },
  ValidatingAdmissionPolicyBinding: { plural: 'validatingadmissionpolicybindings', namespaced: false },
};

/**
 * Applies one object of an installation. Taken over from whoever had its fields: it is Crossfade's own, and an older
 * installation, or one by kubectl, is brought up to date.
 */
export async function applyObject(
  kube: Kube,
  object: KubeObject,
): Promise<'created' | 'configured' | 'unchanged'> {
  const { apiVersion = '', kind = '', metadata } = object;
  const place = KINDS[kind];
  if (!place) throw new Error(`an installation has no ${kind}`);
  const resource: Resource = { apiVersion, kind, ...place };
  const before = await kube.get(resource, metadata.namespace, metadata.name ?? '');
  const after = await kube.apply(resource, object, { force: true });
  if (!before) return 'created';
  return before.metadata.resourceVersion === after.metadata.resourceVersion ? 'unchanged' : 'configured';
}
