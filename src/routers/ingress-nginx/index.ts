import type { RouterCapabilities } from '../../core/capabilities.ts';
import { OperatingError } from '../../core/errors.ts';
import type { AppKey, Front, PoolId, Reason, RouteTable } from '../../core/model.ts';
import type { Informer } from '../../kubernetes/informer.ts';
import { APP_LABEL, type AppName, appNameOf, poolObjectName } from '../../kubernetes/names.ts';
import { INGRESSES, type Ingress } from '../../kubernetes/network.ts';
import type { CarriedRoute, Carrier, CarrierCounts, Entrance } from '../../kubernetes/routing/carrier.ts';
import { ForeignWriters } from '../../kubernetes/routing/foreign.ts';
import { leaveIngress, besideName as named, removeBeside } from '../../kubernetes/routing/ingress-paths.ts';
import { SERVICE_PORT } from '../../kubernetes/routing/members.ts';
import { openRouter, type RouterOptions, watchRoutes } from '../../kubernetes/routing/open.ts';
import { deleteOwn, ownMetadata } from '../../kubernetes/routing/own.ts';
import {
  appsOn,
  type RouteRecord,
  type RouteWriter,
  recordAnnotation,
  recordBy,
  recordOf,
  recordText,
} from '../../kubernetes/routing/record.ts';
import type { ActionContext } from '../../ports/engine.ts';
import type { Router } from '../../ports/router.ts';
import { CANARY_ANNOTATION, sidesOf } from './canary.ts';
import { classNote, classOf, difference, hostsOf, ruleOf, wayInto } from './shape.ts';
import { type TakenIngress, takenIngress } from './taken.ts';

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
  mirrorResolutionBp: 0,
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
      keep: (ingress) => (appKeysOn(ingress).length > 0 || isCanary(ingress) ? ingress : undefined),
      groups: (ingress) => [...appKeysOn(ingress), `canaries of ${ingress.metadata.namespace}`],
    });
    this.#ingresses.onChange(({ now }) => {
      for (const app of now ? appKeysOn(now) : []) this.#foreign.note(app, this.#overwritten(app));
    });
    this.synced = this.#ingresses.synced;
  }

  async write(writer: RouteWriter, table: RouteTable): Promise<void> {
    const app = appNameOf(writer.app);
    const { kube } = this.#options;
    const sides = sidesOf(table);
    const common = ownMetadata(writer);
    const taken = await this.#taken(app, table);
    const { host = taken?.host } = table.front;
    const { preview } = table.route;
    const isPreviewed = preview !== undefined && host !== undefined && !host.startsWith('*');
    if (isPreviewed)
      await kube.apply(INGRESSES, {
        metadata: { ...common, name: named(app, 'preview'), ...annotated(classNote(taken)) },
        spec: { ...classOf(table, taken), rules: ruleOf(app, preview, `preview.${host}`) },
      });
    if (sides.canary) {
      const { pool, annotations } = sides.canary;
      const rules = taken?.rulesFor(pool) ?? ruleOf(app, pool, host);
      this.#ingresses.saw(
        await kube.apply(
          INGRESSES,
          {
            metadata: { ...common, name: named(app, 'canary'), ...annotated(classNote(taken), annotations) },
            spec: { ...classOf(table, taken), rules },
          },
          { force: true },
        ),
      );
    }
    const text = recordText(recordBy(writer, table));
    if (taken) this.#ingresses.saw(await taken.lead(sides.main, text));
    else {
      const metadata = { ...common, name: app.name, annotations: { [recordAnnotation(app.name)]: text } };
      const spec = { ...classOf(table), rules: ruleOf(app, sides.main, host) };
      this.#ingresses.saw(await kube.apply(INGRESSES, { metadata, spec }, { force: true }));
    }
    if (!sides.canary) await deleteOwn(kube, INGRESSES, app, named(app, 'canary'));
    if (!isPreviewed) await deleteOwn(kube, INGRESSES, app, named(app, 'preview'));
  }

  async erase(ctx: ActionContext): Promise<void> {
    const app = appNameOf(ctx.app);
    const { kube } = this.#options;
    const main = this.#main(ctx.app);
    await removeBeside(kube, app);
    if (main && !isOurs(main)) this.#ingresses.saw(await leaveIngress(kube, app, main));
    else await deleteOwn(kube, INGRESSES, app, app.name);
    this.#foreign.forget(ctx.app);
  }

  *apps(): Generator<AppKey> {
    for (const ingress of this.#ingresses.all()) if (!isOurs(ingress)) yield* appKeysOn(ingress);
  }

  read(app: AppKey): CarriedRoute | undefined {
    const main = this.#main(app);
    const record = main && recordOf(main, appNameOf(app).name);
    if (!main || !record) return undefined;
    const trouble = this.#shadow(app, main, record.table) ?? this.#foreign.of(app, this.#overwritten(app));
    const accepted = (main.status?.loadBalancer?.ingress?.length ?? 0) > 0;
    return { record, accepted, ...(trouble ? { trouble } : {}) };
  }

  async readLive(app: AppKey, front: Front | undefined): Promise<RouteRecord | undefined> {
    const { namespace, name } = appNameOf(app);
    const known = front?.cluster?.ingress ?? this.#main(app)?.metadata.name ?? name;
    const main = await this.#options.kube.get(INGRESSES, namespace, known);
    if (main && appKeysOn(main).includes(app)) this.#ingresses.saw(main);
    return main && recordOf(main, name);
  }

  async check(namespace: string, { cluster }: Front): Promise<void> {
    if (cluster?.ingress === undefined || namespace === '') return;
    if (await this.#options.kube.get(INGRESSES, namespace, cluster.ingress)) return;
    throw noIngress(namespace, cluster.ingress);
  }

  async entrance(app: AppKey, table: RouteTable): Promise<Entrance | undefined> {
    const main = this.#main(app);
    const [at] = main?.status?.loadBalancer?.ingress ?? [];
    const host = at?.ip ?? at?.hostname;
    if (!main || host === undefined) return undefined;
    return { host, port: this.#options.port ?? HTTP_PORT, ...wayInto(main, table) };
  }

  /** As Traefik names what stands behind an Ingress: the main Service, and its canary. */
  async counted(app: AppKey, table: RouteTable): Promise<Record<PoolId, CarrierCounts> | undefined> {
    const services = await this.#options.metrics?.services();
    if (!services) return undefined;
    const { namespace, name } = appNameOf(app);
    const sides = sidesOf(table);
    const ingress = this.#main(app)?.metadata.name ?? name;
    const main = `${namespace}-${ingress}-${poolObjectName(name, sides.main)}-${SERVICE_PORT}`;
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
      for (const app of new Set([now, before].flatMap((one) => (one ? appKeysOn(one) : [])))) listener(app);
    });
  }

  close(): void {
    this.#ingresses.close();
  }

  /** The one with the record: of the App's own, or one that was there before. */
  #main(app: AppKey): Ingress | undefined {
    const { name } = appNameOf(app);
    return this.#ingresses.group(app).find((ingress) => recordOf(ingress, name) !== undefined);
  }

  async #taken(app: AppName, table: RouteTable): Promise<TakenIngress | undefined> {
    const { ingress } = table.front.cluster ?? {};
    if (ingress === undefined) return undefined;
    const found = await this.#options.kube.get(INGRESSES, app.namespace, ingress);
    if (!found) throw noIngress(app.namespace, ingress);
    return takenIngress(this.#options.kube, app, table, found);
  }

  /** Of two canaries for one host only one is asked. */
  #shadow(app: AppKey, main: Ingress, table: RouteTable): Reason | undefined {
    const { namespace } = appNameOf(app);
    if (!sidesOf(table).canary) return undefined;
    const hosts = hostsOf(main, table);
    const other = this.#ingresses
      .group(`canaries of ${namespace}`)
      .find(
        (one) =>
          isCanary(one) &&
          !appKeysOn(one).includes(app) &&
          one.spec.rules?.some(({ host }) => hosts.includes(host ?? '*')),
      );
    if (!other) return undefined;
    const message = `Ingress ${other.metadata.name} is a canary for ${hosts.join(', ')} too: only one of the two is asked`;
    return { code: 'E_ROUTE_SHADOWED', message };
  }

  #overwritten(app: AppKey): Reason | undefined {
    const { name } = appNameOf(app);
    const main = this.#main(app);
    const record = main && recordOf(main, name);
    if (!main || !record) return undefined;
    // It is written before the main one, which has the record: until that is seen, it is ahead.
    const canary = this.#ingresses
      .group(app)
      .find(({ metadata }) => metadata.name === named(appNameOf(app), 'canary'));
    return difference(main, canary, record.table);
  }
}

function isOurs({ metadata }: Ingress): boolean {
  return metadata.labels?.[APP_LABEL] !== undefined;
}

function isCanary({ metadata }: Ingress): boolean {
  return metadata.annotations?.[CANARY_ANNOTATION] === 'true';
}

/** Apps that it belongs to, or that split requests by it. */
function appKeysOn(ingress: Ingress): AppKey[] {
  const { namespace, labels } = ingress.metadata;
  const own = labels?.[APP_LABEL];
  return (own === undefined ? appsOn(ingress) : [own]).map((app) => `${namespace}/${app}`);
}

function annotated(...all: Record<string, string>[]): { annotations?: Record<string, string> } {
  const annotations = Object.assign({}, ...all);
  return Object.keys(annotations).length === 0 ? {} : { annotations };
}

function noIngress(namespace: string, name: string): OperatingError {
  return new OperatingError('E_ROUTE_REFUSED', `there is no Ingress ${name} in ${namespace}`, {
    hint: 'correct spec.kubernetes.ingress; `kubectl get ingresses` lists them',
  });
}
