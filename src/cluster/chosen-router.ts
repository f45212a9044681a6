import { OperatingError } from '../core/errors.ts';
import type { AppKey } from '../core/model.ts';
import type { Router } from '../ports/router.ts';
import type { AppSpec } from '../spec/app.ts';
import type { KubernetesRouter } from '../spec/app-kubernetes.ts';

/** Those whose kinds the cluster knows. */
export type Routers = Readonly<Partial<Record<KubernetesRouter, Router>>>;

/** The one that an App names; without a word, its Service is. */
export function routerNamed({ spec }: AppSpec): KubernetesRouter {
  return spec.kubernetes?.router ?? 'service';
}

/** @throws OperatingError E_ROUTER_MISSING */
export function routerIn(routers: Routers, name: KubernetesRouter): Router {
  const router = routers[name];
  if (router) return router;
  const message = `spec.kubernetes.router: this cluster has no kinds for ${name}; there is ${Object.keys(routers).join(', ')}`;
  throw new OperatingError('E_ROUTER_MISSING', message, {
    hint: 'name another router, or install the kinds and start the controller again',
  });
}

export const ANYTHING: Router['capabilities'] = {
  weightResolutionBp: 1,
  header: true,
  cookie: true,
  sticky: true,
  hold: true,
  preview: true,
  mirrorResolutionBp: 1,
  measuredBy: 'router',
};

/** What the table names is always right; this answers for the calls that come without one. */
export type RouterOf = (app: AppKey) => Promise<KubernetesRouter>;

/** The routers of a cluster as one: each App is served by the one that it names. */
export function chosenRouter(routers: Routers, routerOf: RouterOf): Router {
  const all = Object.values(routers);
  const of = async (app: AppKey): Promise<Router> => routerIn(routers, await routerOf(app));
  return {
    name: 'cluster',
    // What an App may ask for is judged by the router that it names, before it is taken up.
    capabilities: ANYTHING,
    async apply(ctx, table) {
      const named = table.front.cluster?.router;
      await (named === undefined ? await of(ctx.app) : routerIn(routers, named)).apply(ctx, table);
    },
    drain: async (ctx, replica, deadline) => (await of(ctx.app)).drain(ctx, replica, deadline),
    remove: async (ctx) => (await of(ctx.app)).remove(ctx),
    observe: async (app) => (await of(app)).observe(app),
    probe: async (app, requests) => (await of(app)).probe(app, requests),
    check: async (front) => routerIn(routers, front.cluster?.router ?? 'service').check(front),
    onChange(listener) {
      const off = all.map((router) => router.onChange(listener));
      return () => {
        for (const leave of off) leave();
      };
    },
    async close() {
      await Promise.all(all.map((router) => router.close()));
    },
    async shutdown() {
      await Promise.all(all.map((router) => router.shutdown()));
    },
  };
}
