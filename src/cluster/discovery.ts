import type { Kube } from '../kubernetes/client.ts';
import { isKubeError } from '../kubernetes/error.ts';
import type { Resource } from '../kubernetes/types.ts';

/** Whether the cluster knows a kind in this very version: a watch of an unknown one would never begin. */
export async function knows(kube: Kube, { apiVersion, plural }: Resource): Promise<boolean> {
  try {
    const { resources = [] } = await kube.request<{ resources?: { name: string }[] }>({
      method: 'GET',
      path: `/apis/${apiVersion}`,
      doing: 'asking which kinds there are',
    });
    return resources.some(({ name }) => name === plural);
  } catch (error) {
    if (isKubeError(error, 404)) return false;
    throw error;
  }
}
