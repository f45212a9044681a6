import { readFileSync } from 'node:fs';
import type { Access } from './access.ts';
import { createConnections } from './connections.ts';
import { noAccess } from './error.ts';

export const ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';
/** The kubelet puts a new token there before the old one runs out. */
const READ_AGAIN_MS = 60_000;

/**
 * The account that the kubelet gives each pod (kubernetes.io/docs/tasks/run-application/access-api-from-pod).
 * @returns undefined where this is no pod
 * @throws OperatingError E_KUBECONFIG
 */
export function openServiceAccount(folder: string): Access | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  if (!host || !port) return undefined;
  const first = read(folder);
  if (!first) return undefined;
  const connections = createConnections();
  let known = { ...first, at: performance.now() };
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    namespace: first.namespace,
    async authorize() {
      if (performance.now() - known.at > READ_AGAIN_MS)
        known = { ...(readAgain(folder) ?? known), at: performance.now() };
      return {
        dispatcher: connections.for({ ca: known.ca }),
        headers: { authorization: `Bearer ${known.token}` },
      };
    },
    close: () => connections.close(),
  };
}

/** What cannot be read at this moment may still be good. */
function readAgain(folder: string): ReturnType<typeof read> {
  try {
    return read(folder);
  } catch {
    return undefined;
  }
}

/** @returns the namespace of the pod that this runs in; undefined: this is none */
export function namespaceOfPod(folder: string): string | undefined {
  return process.env.KUBERNETES_SERVICE_HOST ? read(folder)?.namespace : undefined;
}

function read(folder: string): { token: string; ca: string; namespace: string } | undefined {
  const file = (name: string) => readFileSync(`${folder}/${name}`, 'utf8');
  try {
    return { token: file('token').trim(), ca: file('ca.crt'), namespace: file('namespace').trim() };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw noAccess(
      `the service account of this pod cannot be read: ${(error as Error).message}`,
      'it is readable by the group of the pod: set securityContext.fsGroup, or run it as the user of the manifest',
      error,
    );
  }
}
