import type { Ms } from '../../core/model.ts';
import type { Router } from '../../ports/router.ts';
import type { Kube } from '../client.ts';
import { createInformer, type Informer, type InformerOptions } from '../informer.ts';
import type { AppName } from '../names.ts';
import type { KubeObject, OwnerReference, Resource } from '../types.ts';
import type { Carrier } from './carrier.ts';
import { Leaving } from './leaving.ts';
import { createClusterRouter } from './router.ts';
import type { RouterMetrics } from './traefik.ts';

/** What every router of a cluster is made of. */
export interface RouterOptions {
  kube: Kube;
  /** Only this one is looked at; absent: all of them. */
  namespace?: string;
  ownerOf(app: AppName): Promise<OwnerReference | undefined>;
  /** Steady time, as deadlines are given. */
  now: () => Ms;
  /** Counters of what carries the routes, where it has them. */
  metrics?: RouterMetrics;
  /** Shared with other routers; absent: one of its own. */
  leaving?: Leaving;
  logger?: { warn(what: object, text: string): void };
}

/** A cache of the objects that carry routes. */
export function watchRoutes<T extends KubeObject>(
  { kube, namespace, logger }: RouterOptions,
  resource: Resource<T>,
  choice: Required<Pick<InformerOptions<T, T>, 'keep' | 'groups'>>,
): Informer<T, T> {
  return createInformer<T, T>(kube, resource, {
    ...(namespace === undefined ? {} : { namespace }),
    ...choice,
    onTrouble: (err) =>
      logger?.warn({ err }, `the watch of ${resource.plural} broke off; it is taken up again`),
  });
}

/** Resolves once everything that is there has been seen. */
export async function openRouter(options: RouterOptions, carrier: Carrier): Promise<Router> {
  const { kube, ownerOf, now, leaving = new Leaving(options) } = options;
  await Promise.all([carrier.synced, leaving.synced]);
  return createClusterRouter({ kube, ownerOf, now, carrier, leaving });
}
