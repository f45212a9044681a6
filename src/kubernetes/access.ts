import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Dispatcher } from 'undici';
import { ACCOUNT_FOLDER, namespaceOfPod, openServiceAccount } from './service-account.ts';

export interface AccessOptions {
  /** Absent: as kubectl finds it ($KUBECONFIG, ~/.kube/config, the service account of the pod). */
  kubeconfig?: string;
  /** Absent: the current context. */
  context?: string;
}

/** How to reach one API server, and as whom. */
export interface Access {
  server: string;
  /** Of the context, or of the pod that this runs in. */
  namespace: string;
  /** Asked anew for each request: tokens run out. */
  authorize(): Promise<{ dispatcher: Dispatcher; headers: Record<string, string> }>;
  close(): Promise<void>;
}

/**
 * A pod has no kubeconfig, and the controller needs no reader of them: loaded, the library takes 86 MB and 0.3 s.
 * @param account folder of the service account, where this is a pod
 * @throws OperatingError E_KUBECONFIG
 */
export async function openAccess(options: AccessOptions = {}, account = ACCOUNT_FOLDER): Promise<Access> {
  const pod = hasKubeconfig(options) ? undefined : openServiceAccount(account);
  if (pod) return pod;
  const { openKubeconfig } = await import('./kubeconfig.ts');
  return openKubeconfig(options, namespaceOfPod(account) ?? 'default');
}

/** In the order of kubectl: the service account is for where there is none. */
function hasKubeconfig({ kubeconfig, context }: AccessOptions): boolean {
  const isGiven = kubeconfig !== undefined || context !== undefined || Boolean(process.env.KUBECONFIG);
  return isGiven || existsSync(path.join(homeOf(), '.kube', 'config'));
}

/** A user of a container may have none. */
function homeOf(): string {
  try {
    return homedir();
  } catch {
    return '/';
  }
}
