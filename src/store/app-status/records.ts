import { OperatingError } from '../../core/errors.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { API_GROUP } from '../../kubernetes/crossfade.ts';
import type { KubeObject, Resource } from '../../kubernetes/types.ts';

/** Bounded lists in ConfigMaps, for what outlives the App that it tells of: the audit log, and events of Apps that are gone. */
export interface Records<T> {
  append(namespace: string, entries: readonly T[]): Promise<void>;
  /** Of one namespace, or of all: each one's oldest first. */
  read(namespace?: string): Promise<T[]>;
}

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

const CONFIG_MAPS: Resource<ConfigMap> = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};
const KIND_LABEL = `${API_GROUP}/records`;
/** A ConfigMap may have 1 MiB. */
const MOST_BYTES = 500_000;
const ATTEMPTS = 10;

/** @param only namespace that alone may be read: there may be no right to another */
export function createRecords<T>(
  kube: Kube,
  name: string,
  most: number,
  only: string | undefined,
): Records<T> {
  let queue: Promise<void> = Promise.resolve();

  async function appendOnce(namespace: string, entries: readonly T[]): Promise<void> {
    const found = await kube.get(CONFIG_MAPS, namespace, name);
    const kept = bounded([...linesOf(found), ...entries.map((entry) => JSON.stringify(entry))], most);
    const data = { entries: kept.join('\n') };
    if (found) await kube.patch(CONFIG_MAPS, namespace, name, { metadata: versionOf(found), data });
    else
      await kube.create(CONFIG_MAPS, { metadata: { name, namespace, labels: { [KIND_LABEL]: name } }, data });
  }

  async function append(namespace: string, entries: readonly T[]): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await appendOnce(namespace, entries);
      } catch (error) {
        if (attempt === ATTEMPTS || !isRace(error)) throw error;
      }
    }
  }

  return {
    append(namespace, entries) {
      // One after the other: two at once would only lose to each other.
      const done = queue.then(() => append(namespace, entries));
      queue = done.catch(() => undefined);
      return done;
    },
    async read(namespace = only) {
      const maps =
        namespace === undefined
          ? await kube.list(CONFIG_MAPS, { labelSelector: `${KIND_LABEL}=${name}` })
          : [await kube.get(CONFIG_MAPS, namespace, name)];
      return maps.flatMap((map) => linesOf(map).map((line) => JSON.parse(line) as T));
    },
  };
}

function linesOf(map: ConfigMap | undefined): string[] {
  return (map?.data?.entries ?? '').split('\n').filter((line) => line !== '');
}

function bounded(lines: readonly string[], most: number): string[] {
  const newest = lines.slice(-most);
  let size = newest.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  while (size > MOST_BYTES) size -= Buffer.byteLength(newest.shift() ?? '') + 1;
  return newest;
}

function versionOf({ metadata: { resourceVersion } }: ConfigMap): { resourceVersion: string } {
  if (resourceVersion === undefined) throw new Error('a ConfigMap was read without its version');
  return { resourceVersion };
}

function isRace(error: unknown): boolean {
  return error instanceof OperatingError && ['E_CONFLICT', 'E_CLUSTER_EXISTS'].includes(error.code);
}
