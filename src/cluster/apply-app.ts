import type { AppRef } from '../api/client.ts';
import type { Kube } from '../kubernetes/client.ts';
import { APPS, type AppResource } from '../kubernetes/crossfade.ts';
import { KubeError } from '../kubernetes/error.ts';
import { ACTOR_ANNOTATION } from './intake.ts';

export interface AppliedDocument {
  ref: AppRef;
  /** The App as the file says, complete. */
  document: unknown;
  actor: string;
  dryRun: boolean;
}

/**
 * Server-side apply of an App file. Fields that Crossfade's own commands changed (`scale`, `set env`) are taken back; the number
 * of replicas stays with an autoscaler that sets it; anything else of somebody else's is a conflict that the user has to see.
 * @throws KubeError E_FIELD_OWNED
 */
export async function applyApp(
  kube: Kube,
  { ref, document, actor, dryRun }: AppliedDocument,
): Promise<AppResource> {
  const { spec = {}, metadata = {} } = document as AppResource;
  const { labels = {}, annotations = {} } = metadata;
  const object: AppResource = {
    metadata: {
      name: ref.name,
      namespace: ref.namespace,
      labels,
      annotations: { ...annotations, [ACTOR_ANNOTATION]: actor },
    },
    spec: spec as Record<string, unknown>,
  };
  try {
    return await kube.apply(APPS, object, { dryRun });
  } catch (error) {
    const owners = ownersOf(error);
    if (owners.length === 0) throw error;
    const foreign = owners.filter(({ manager }) => manager !== 'crossfade');
    if (foreign.some(({ field }) => field !== '.spec.replicas')) throw error;
    const scaled = foreign.length > 0;
    return kube.apply(APPS, scaled ? withoutReplicas(object) : object, { dryRun, force: true });
  }
}

function withoutReplicas(object: AppResource): AppResource {
  const { replicas: _autoscaled, ...spec } = object.spec ?? {};
  return { ...object, spec };
}

function ownersOf(error: unknown): { manager: string; field: string }[] {
  if (!(error instanceof KubeError) || error.code !== 'E_FIELD_OWNED') return [];
  return error.causes.map(({ message = '', field = '' }) => ({
    manager: /conflict with "([^"]+)"/.exec(message)?.[1] ?? 'unknown',
    field,
  }));
}
