import type { RouterCapabilities } from '../../core/capabilities.ts';
import { OperatingError } from '../../core/errors.ts';
import type { AppKey, Front, PoolId, Reason, RouteTable } from '../../core/model.ts';
import { FIELD_MANAGER } from '../../kubernetes/client.ts';
import type { Informer } from '../../kubernetes/informer.ts';
import {
  APP_LABEL,
  type AppName,
  appLabels,
  appNameOf,
  poolObjectName,
  shortened,
} from '../../kubernetes/names.ts';
import { INGRESSES, type Ingress } from '../../kubernetes/network.ts';
import type { CarriedRoute, Carrier, CarrierCounts, Entrance } from '../../kubernetes/routing/carrier.ts';
import { ForeignWriters } from '../../kubernetes/routing/foreign.ts';
import { SERVICE_PORT } from '../../kubernetes/routing/members.ts';
import { openRouter, type RouterOptions, watchRoutes } from '../../kubernetes/routing/open.ts';
import {
  lastForeignWriter,
  type RouteRecord,
  recordAnnotation,
  recordOf,
  recordText,
} from '../../kubernetes/routing/record.ts';
import type { ActionContext } from '../../ports/engine.ts';
import type { Router } from '../../ports/router.ts';
import { CANARY_ANNOTATION, sidesOf, TOTAL_ANNOTATION, WEIGHT_ANNOTATION } from './canary.ts';

export interface IngressNginxOptions extends RouterOptions {
  /** Port at which Ingresses are served. */
  port?: number;
}

export const INGRESS_NGINX_CAN: RouterCapabilities = {
  weightResolutionBp: 1,
  header: true,
  cookie: true,
  sticky: false,
  hold: false,
  preview: true,
  measuredBy: 'router',
};
const HTTP_PORT = 80;

/** A main Ingress and a canary beside it, by the annotations of ingress-nginx. Resolves once all have been seen. */
export function createIngressNginxRouter(options: IngressNginxOptions): Promise<Router> {
  return openRouter(options, new IngressNginx(options));
}

class IngressNginx implements Carrier {
  readonly name = 'ingressNginx';
  readonly capabilities = INGRESS_NGINX_CAN;
  readonly namesAnswers = false;
  readonly synced: Promise<unknown>;
  readonly #options: IngressNginxOptions;
  readonly #ingresses: Informer<Ingress, Ingress>;
  readonly #foreign: ForeignWriters;

  constructor(options: IngressNginxOptions) {
    this.#options = options;
    this.#foreign = new ForeignWriters(options.now);
    this.#ingresses = watchRoutes(options, INGRESSES, {
      // Of others only the canaries: two of them for one host are one too many.
      keep: (ingress) => (isOurs(ingress) || isCanary(ingress) ? ingress : undefined),
      groups: ({ metadata }) => [
        `${metadata.namespace}/${metadata.labels?.[APP_LABEL] ?? ''}`,
        `canaries of ${metadata.namespace}`,
      ],
    });
    this.#ingresses.onChange(({ now }) => {
      if (now && isOurs(now)) this.#foreign.note(appKeyOf(now), this.#overwritten(appKeyOf(now)));
    });
    this.synced = this.#ingresses.synced;
  }

  async write(ctx: ActionContext, table: RouteTable): Promise<void> {
    const app = appNameOf(ctx.app);
    const { kube, ownerOf } = this.#options;
    const sides = sidesOf(table);
    const owner = await ownerOf(app);
    const common = {
      namespace: app.namespace,
      labels: appLabels(app.name),
      ...(owner ? { ownerReferences: [owner] } : {}),
    };
    const { host } = table.front;
    const { preview } = table.route;
    if (preview !== undefined && host !== undefined)
      await kube.apply(INGRESSES, {
        metadata: { ...common, name: named(app, 'preview') },
        spec: specOf(app, table, preview, `preview.${host}`),
      });
    if (sides.canary) {
      const { pool, annotations } = sides.canary;
      const metadata = { ...common, name: named(app, 'canary'), annotations };
      this.#ingresses.saw(
        await kube.apply(INGRESSES, { metadata, spec: specOf(app, table, pool, host) }, { force: true }),
      );
    }
    const record: RouteRecord = { stateVersion: ctx.stateVersion, table };
    const metadata = {
      ...common,
      name: app.name,
      annotations: { [recordAnnotation(app.name)]: recordText(record) },
    };
    const spec = specOf(app, table, sides.main, host);
    this.#ingresses.saw(await kube.apply(INGRESSES, { metadata, spec }, { force: true }));
    if (!sides.canary) await kube.delete(INGRESSES, app.namespace, named(app, 'canary'));
    if (preview === undefined) await kube.delete(INGRESSES, app.namespace, named(app, 'preview'));
  }

  async erase(ctx: ActionContext): Promise<void> {
    const app = appNameOf(ctx.app);
    for (const name of [named(app, 'canary'), named(app, 'preview'), app.name])
      await this.#options.kube.delete(INGRESSES, app.namespace, name);
    this.#foreign.forget(ctx.app);
  }

  read(app: AppKey): CarriedRoute | undefined {
    const main = this.#main(app);
    const record = main && recordOf(main, appNameOf(app).name);
    if (!main || !record) return undefined;
    const trouble = this.#shadow(app, record.table) ?? this.#foreign.of(app, this.#overwritten(app));
    const accepted = (main.status?.loadBalancer?.ingress?.length ?? 0) > 0;
    return { record, accepted, ...(trouble ? { trouble } : {}) };
  }

  async readLive(app: AppKey): Promise<RouteRecord | undefined> {
    const { namespace, name } = appNameOf(app);
    const main = await this.#options.kube.get(INGRESSES, namespace, name);
    if (main && isOurs(main)) this.#ingresses.saw(main);
    return main && recordOf(main, name);
  }

  async check(_namespace: string, { cluster }: Front): Promise<void> {
    if (cluster?.ingress === undefined) return;
    throw new OperatingError(
      'E_ROUTER_CANNOT',
      `spec.kubernetes.ingress: Ingress ${cluster.ingress} is not taken over`,
      {
        hint: 'take the field out: the App gets an Ingress of its own',
      },
    );
  }

  async entrance(app: AppKey, { front }: RouteTable): Promise<Entrance | undefined> {
    const [at] = this.#main(app)?.status?.loadBalancer?.ingress ?? [];
    const host = at?.ip ?? at?.hostname;
    if (host === undefined) return undefined;
    return {
      host,
      port: this.#options.port ?? HTTP_PORT,
      ...(front.host === undefined ? {} : { name: front.host }),
    };
  }

  /** As Traefik names what stands behind an Ingress: the main Service, and its canary. */
  async counted(app: AppKey, table: RouteTable): Promise<Record<PoolId, CarrierCounts> | undefined> {
    const services = await this.#options.metrics?.services();
    if (!services) return undefined;
    const { namespace, name } = appNameOf(app);
    const sides = sidesOf(table);
    const main = `${namespace}-${name}-${poolObjectName(name, sides.main)}-${SERVICE_PORT}`;
    const none = { ok: 0, failed: 0 };
    const of = (service: string) => services.get(`${service}@kubernetesingressnginx`) ?? none;
    const counts: Record<PoolId, CarrierCounts> = { [sides.main]: { split: of(main), other: none } };
    if (sides.canary) {
      const seen = of(`${main}-canary`);
      counts[sides.canary.pool] =
        sides.canary.weight > 0 ? { split: seen, other: none } : { split: none, other: seen };
    }
    return counts;
  }

  answeredBy(table: RouteTable): PoolId | undefined {
    const { main, canary } = sidesOf(table);
    if (!canary || canary.weight === 0) return main;
    return canary.weight === canary.total ? canary.pool : undefined;
  }

  onChange(listener: (app: AppKey) => void): () => void {
    return this.#ingresses.onChange(({ now, before }) => {
      const ingress = now ?? before;
      if (ingress && isOurs(ingress)) listener(appKeyOf(ingress));
    });
  }

  close(): void {
    this.#ingresses.close();
  }

  #main(app: AppKey): Ingress | undefined {
    const { name } = appNameOf(app);
    return this.#ingresses.group(app).find(({ metadata }) => metadata.name === name);
  }

  /** Of two canaries for one host only one is asked. */
  #shadow(app: AppKey, table: RouteTable): Reason | undefined {
    const { namespace } = appNameOf(app);
    const { host } = table.front;
    if (!sidesOf(table).canary) return undefined;
    const other = this.#ingresses
      .group(`canaries of ${namespace}`)
      .find(
        (one) => isCanary(one) && appKeyOf(one) !== app && one.spec.rules?.some((rule) => rule.host === host),
      );
    if (!other) return undefined;
    const message = `Ingress ${other.metadata.name} is a canary for ${host ?? 'every host'} too: only one of the two is asked`;
    return { code: 'E_ROUTE_SHADOWED', message };
  }

  #overwritten(app: AppKey): Reason | undefined {
    const main = this.#main(app);
    const record = main && recordOf(main, appNameOf(app).name);
    if (!main || !record) return undefined;
    const { canary: asked, main: pool } = sidesOf(record.table);
    const canary = this.#ingresses
      .group(app)
      .find(({ metadata }) => metadata.name === named(appNameOf(app), 'canary'));
    // Written before the main one, which has the record: until that is seen, it is ahead.
    if (!asked || !canary) return undefined;
    const { name } = appNameOf(app);
    const hosts = (ingress: Ingress) => (ingress.spec.rules ?? []).map(({ host }) => host ?? '*').join(',');
    const found = `${weightOn(canary)} for ${hosts(canary)} at ${backendOf(canary)}, main ${backendOf(main)}`;
    const host = record.table.front.host ?? '*';
    const wanted = `${asked.weight}/${asked.total} for ${host} at ${poolObjectName(name, asked.pool)}, main ${poolObjectName(name, pool)}`;
    if (found === wanted) return undefined;
    const who = lastForeignWriter(canary, FIELD_MANAGER) ?? lastForeignWriter(main, FIELD_MANAGER);
    if (who === undefined) return undefined;
    return {
      code: 'E_ROUTE_OVERWRITTEN',
      message: `the canary Ingress of ${name} was changed by ${who}: asked for ${wanted}; found ${found}. Likely: it is applied from elsewhere too`,
    };
  }
}

function specOf(
  app: AppName,
  { front }: RouteTable,
  pool: PoolId,
  host: string | undefined,
): Ingress['spec'] {
  const backend = { service: { name: poolObjectName(app.name, pool), port: { number: SERVICE_PORT } } };
  return {
    ...(front.cluster?.ingressClassName === undefined
      ? {}
      : { ingressClassName: front.cluster.ingressClassName }),
    rules: [
      {
        ...(host === undefined ? {} : { host }),
        http: { paths: [{ path: '/', pathType: 'Prefix', backend }] },
      },
    ],
  };
}

function named({ name }: AppName, what: 'canary' | 'preview'): string {
  return shortened(`${name}-${what}`, 253);
}

function isOurs({ metadata }: Ingress): boolean {
  return metadata.labels?.[APP_LABEL] !== undefined;
}

function isCanary({ metadata }: Ingress): boolean {
  return metadata.annotations?.[CANARY_ANNOTATION] === 'true';
}

function appKeyOf({ metadata }: Ingress): AppKey {
  return `${metadata.namespace}/${metadata.labels?.[APP_LABEL] ?? ''}`;
}

function weightOn({ metadata }: Ingress): string {
  return `${metadata.annotations?.[WEIGHT_ANNOTATION] ?? '0'}/${metadata.annotations?.[TOTAL_ANNOTATION] ?? '100'}`;
}

function backendOf({ spec }: Ingress): string {
  return spec.rules?.[0]?.http?.paths[0]?.backend.service?.name ?? 'nobody';
}
