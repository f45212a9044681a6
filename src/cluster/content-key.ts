import { randomBytes } from 'node:crypto';
import { OperatingError } from '../core/errors.ts';
import type { Kube } from '../kubernetes/client.ts';
import type { KubeObject, Resource } from '../kubernetes/types.ts';

interface SecretResource extends KubeObject {
  data?: Record<string, string>;
}

const SECRETS: Resource<SecretResource> = {
  apiVersion: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
};
const NAME = 'crossfade-content-key';
const KEY_BYTES = 32;

/**
 * The key of this installation: digests of Secrets are made with it, so that they tell nobody else what is in them. Another
 * key would make other digests, and with them new revisions of every App that has secrets: it is made once and kept.
 */
export async function contentKey(kube: Kube, namespace: string): Promise<Buffer> {
  for (;;) {
    const found = await readKey(kube, namespace);
    if (found) return found;
    try {
      const data = { key: randomBytes(KEY_BYTES).toString('base64') };
      await kube.create(SECRETS, { metadata: { namespace, name: NAME }, data });
    } catch (error) {
      // Another controller was faster: its key is taken.
      if (!(error instanceof OperatingError) || error.code !== 'E_CLUSTER_EXISTS') throw error;
    }
  }
}

/** For those who only look: without the right to read it, what depends on it cannot be told. */
export async function readKey(kube: Kube, namespace: string): Promise<Buffer | undefined> {
  const found = await kube.get(SECRETS, namespace, NAME);
  const key = found && Buffer.from(found.data?.key ?? '', 'base64');
  if (key && key.length < KEY_BYTES) {
    throw new OperatingError(
      'E_CONTENT_KEY',
      `Secret ${namespace}/${NAME} has no key of ${KEY_BYTES} bytes.`,
      {
        hint: 'Restore it from a backup; deleted, it is made anew, and Apps with secrets get new revisions.',
      },
    );
  }
  return key;
}
