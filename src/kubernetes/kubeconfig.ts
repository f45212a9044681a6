import type https from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import type { OperatingError } from '../core/errors.ts';
import type { Access, AccessOptions } from './access.ts';
import { createConnections } from './connections.ts';
import { noAccess } from './error.ts';

/**
 * As kubectl finds and reads it.
 * @param namespace where the context names none
 * @throws OperatingError E_KUBECONFIG
 */
export function openKubeconfig(options: AccessOptions, namespace: string): Access {
  const config = load(options);
  const cluster = config.getCurrentCluster();
  if (!cluster) throw invalid(`context ${config.currentContext} names no cluster`);
  const connections = createConnections(cluster.proxyUrl);
  return {
    server: cluster.server.replace(/\/$/, ''),
    namespace: config.getContextObject(config.currentContext)?.namespace ?? namespace,
    async authorize() {
      const asked: https.RequestOptions = {};
      try {
        await config.applyToHTTPSOptions(asked);
      } catch (error) {
        throw invalid(`no credentials for ${cluster.server}: ${(error as Error).message}`, error);
      }
      const headers = Object.fromEntries(
        Object.entries(asked.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]),
      );
      if (typeof asked.auth === 'string')
        headers.authorization = `Basic ${Buffer.from(asked.auth).toString('base64')}`;
      return { dispatcher: connections.for(asked), headers };
    },
    close: () => connections.close(),
  };
}

function load({ kubeconfig, context }: AccessOptions): KubeConfig {
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    throw invalid(`the kubeconfig ${kubeconfig ?? ''} cannot be read: ${(error as Error).message}`, error);
  }
  if (context === undefined) return config;
  if (!config.getContextObject(context)) {
    const names = config.getContexts().map(({ name }) => name);
    throw invalid(`there is no context ${context} in the kubeconfig; there are: ${names.join(', ')}`);
  }
  config.setCurrentContext(context);
  return config;
}

function invalid(message: string, cause?: unknown): OperatingError {
  return noAccess(
    message,
    'name another with --kubeconfig or --context, or see `kubectl config view`',
    cause,
  );
}
