import { OperatingError } from '../../core/errors.ts';
import type { AppKey } from '../../core/model.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { APPS, type AppResource, type AppStatus } from '../../kubernetes/crossfade.ts';
import { createInformer, type Informer } from '../../kubernetes/informer.ts';
import { RELEASED_ANNOTATION } from '../../kubernetes/names.ts';
import { type Row, rowOf } from './row.ts';

export type AppCache = Informer<AppResource, Row>;

/** What part of a cluster a store is about. */
export interface Scope {
  /** Absent: all namespaces. */
  namespace?: string;
  /** One App only. */
  name?: string;
  /** Absent: every App. One that answers false is not kept in memory. */
  isOurs?: (app: AppKey) => boolean;
}

export function appCache(
  kube: Kube,
  { namespace, name, isOurs = () => true }: Scope,
  onTrouble: (error: unknown) => void,
): AppCache {
  return createInformer(kube, APPS, {
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
    keep(resource) {
      // Given back step by step: nothing is decided about it any more, and nothing of it is stopped.
      if (resource.metadata.annotations?.[RELEASED_ANNOTATION] !== undefined) return undefined;
      const row = rowOf(resource);
      return isOurs(row.key) ? row : undefined;
    },
    onTrouble,
  });
}

/**
 * Changes these fields of the status, if the object is still the one that was read: whoever lost the lead, and whoever looks
 * at an old copy, writes nothing. Fields that are not named stay as they are.
 * @throws OperatingError E_CONFLICT
 */
export async function writeStatus(kube: Kube, cache: AppCache, row: Row, status: AppStatus): Promise<void> {
  const [namespace, name = ''] = row.key.split('/');
  const metadata = { resourceVersion: row.resourceVersion, uid: row.uid };
  try {
    cache.saw(await kube.patch(APPS, namespace, name, { metadata, status }, 'status'));
  } catch (error) {
    if (!(error instanceof OperatingError) || !LOST.includes(error.code)) throw error;
    throw new OperatingError(
      'E_CONFLICT',
      `App ${row.key} was changed by somebody else at the same moment.`,
      {
        hint: 'Observe again and decide again.',
        details: { app: row.key },
        cause: error,
      },
    );
  }
}

const LOST = ['E_CONFLICT', 'E_CLUSTER_NOT_FOUND'];
