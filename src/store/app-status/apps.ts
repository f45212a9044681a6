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

/** Writes the status of Apps, of each one after the other: two at once would be over the same version, one of them for nothing. */
export interface StatusWriter {
  isUnderWay(app: AppKey): boolean;
  /**
   * Changes these fields of the status, if the object is still the one that was read: whoever lost the lead, and whoever looks
   * at an old copy, writes nothing. Fields that are not named stay as they are.
   * @param make what to write, over the row as it is when its turn has come
   * @throws OperatingError E_CONFLICT, and what `make` throws
   */
  write(app: AppKey, make: () => StatusWrite): Promise<Row>;
}

export interface StatusWrite {
  row: Row;
  status: AppStatus;
}

export function statusWriter(kube: Kube, cache: AppCache): StatusWriter {
  const last = new Map<AppKey, Promise<Row>>();
  async function afterOthers(before: Promise<Row> | undefined, make: () => StatusWrite): Promise<Row> {
    // Whoever asked for that one is told of its failure.
    await before?.catch(() => undefined);
    const { row, status } = make();
    await writeStatus(kube, cache, row, status);
    return row;
  }
  return {
    isUnderWay: (app) => last.has(app),
    async write(app, make) {
      const turn = afterOthers(last.get(app), make);
      last.set(app, turn);
      try {
        return await turn;
      } finally {
        if (last.get(app) === turn) last.delete(app);
      }
    },
  };
}

async function writeStatus(kube: Kube, cache: AppCache, row: Row, status: AppStatus): Promise<void> {
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
