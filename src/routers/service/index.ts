import type { RouterCapabilities } from '../../core/capabilities.ts';
import type { AppKey, Front, PoolId, Reason, RouteTable } from '../../core/model.ts';
import { FIELD_MANAGER, type Kube } from '../../kubernetes/client.ts';
import { createInformer, type Informer } from '../../kubernetes/informer.ts';
import { APP_LABEL, type AppName, appLabels, appNameOf } from '../../kubernetes/names.ts';
import { SERVICES, type Service } from '../../kubernetes/network.ts';
import type { CarriedRoute, Carrier, Entrance } from '../../kubernetes/routing/carrier.ts';
import { labelPods, untilBehind } from '../../kubernetes/routing/members.ts';
import {
  appsOn,
  lastForeignWriter,
  type RouteRecord,
  recordAnnotation,
  recordOf,
  recordText,
} from '../../kubernetes/routing/record.ts';
import { createClusterRouter } from '../../kubernetes/routing/router.ts';
import type { OwnerReference } from '../../kubernetes/types.ts';
import type { ActionContext } from '../../ports/engine.ts';
import type { Router } from '../../ports/router.ts';
import { SPLIT_LABEL, selectorOf, servingMembers, servingPools, sharesOf } from './shares.ts';

export interface ServiceRouterOptions {
  kube: Kube;
  /** Only this one is looked at; absent: all of them. */
  namespace?: string;
  ownerOf(app: AppName): Promise<OwnerReference | undefined>;
  now: () => number;
  logger?: { warn(what: object, text: string): void };
}

/** Shares are numbers of pods, and each connection goes to one of them by chance. */
const CAPABILITIES: RouterCapabilities = {
  weightResolutionBp: 1,
  header: false,
  cookie: false,
  sticky: false,
  hold: false,
  preview: true,
  measuredBy: 'probe',
};
/** Somebody else's write is remembered for this long: it may come again. */
const FOREIGN_MS = 10_000;

/** The Service alone: a switch by its selector, shares by numbers of pods. Resolves once all Services have been seen. */
export async function createServiceRouter(options: ServiceRouterOptions): Promise<Router> {
  const carrier = new ByService(options);
  await carrier.synced;
  return createClusterRouter({ kube: options.kube, ownerOf: options.ownerOf, now: options.now, carrier });
}

class ByService implements Carrier {
  readonly name = 'service';
  readonly capabilities = CAPABILITIES;
  readonly synced: Promise<unknown>;
  readonly namesAnswers = false;
  readonly #options: ServiceRouterOptions;
  readonly #services: Informer<Service, Service>;
  readonly #foreign = new Map<AppKey, { why: Reason; until: number }>();

  constructor(options: ServiceRouterOptions) {
    this.#options = options;
    const { kube, namespace, logger } = options;
    this.#services = createInformer<Service, Service>(kube, SERVICES, {
      ...(namespace === undefined ? {} : { namespace }),
      keep: (service) => (appsOn(service).length > 0 ? service : undefined),
      groups: appKeysOn,
      onTrouble: (err) => logger?.warn({ err }, 'the watch of Services broke off; it is taken up again'),
    });
    this.#services.onChange(({ now }) => now && this.#noteForeign(now));
    this.synced = this.#services.synced;
  }

  async write(ctx: ActionContext, table: RouteTable): Promise<void> {
    const app = appNameOf(ctx.app);
    const members = servingMembers(table);
    // Before the selector asks for it: nobody is lost between one way of choosing and the other.
    if (servingPools(table).length > 1)
      await labelPods(this.#options.kube, app, members, { [SPLIT_LABEL]: 'true' });
    const record: RouteRecord = { stateVersion: ctx.stateVersion, table };
    const selector = selectorOf(app.name, table);
    const owner = await this.#options.ownerOf(app);
    const adopted = table.front.cluster?.service;
    const service = await this.#options.kube.apply(
      SERVICES,
      {
        metadata: {
          namespace: app.namespace,
          name: adopted ?? app.name,
          annotations: { [recordAnnotation(app.name)]: recordText(record) },
          ...(adopted === undefined ? { labels: appLabels(app.name) } : {}),
          ...(owner && adopted === undefined ? { ownerReferences: [owner] } : {}),
        },
        spec: {
          selector,
          ...(adopted === undefined ? { ports: [portOf(table)] } : {}),
        },
      },
      { force: true },
    );
    this.#services.saw(service);
    await untilBehind(this.#options.kube, app, service.metadata.name ?? '', members);
  }

  async erase(ctx: ActionContext): Promise<void> {
    const app = appNameOf(ctx.app);
    const { kube } = this.#options;
    for (const service of this.#services.group(ctx.app)) {
      const { name = '', labels } = service.metadata;
      if (labels?.[APP_LABEL] === app.name) await kube.delete(SERVICES, app.namespace, name);
      else {
        const annotations = { [recordAnnotation(app.name)]: null };
        this.#services.saw(await kube.patch(SERVICES, app.namespace, name, { metadata: { annotations } }));
      }
    }
    this.#foreign.delete(ctx.app);
  }

  read(app: AppKey): CarriedRoute | undefined {
    const [service] = this.#services.group(app);
    const record = service && recordOf(service, appNameOf(app).name);
    if (!service || !record) return undefined;
    const trouble = this.#foreignOf(app, service, record);
    return {
      record,
      accepted: true,
      shares: sharesOf(record.table),
      byChance: true,
      ...(trouble ? { trouble } : {}),
    };
  }

  async readLive(app: AppKey, front: Front | undefined): Promise<RouteRecord | undefined> {
    const { namespace, name } = appNameOf(app);
    const known = front?.cluster?.service ?? this.#services.group(app)[0]?.metadata.name ?? name;
    const service = await this.#options.kube.get(SERVICES, namespace, known);
    if (service) this.#services.saw(service);
    return service && recordOf(service, name);
  }

  /** A cluster without Services is none. */
  async check(): Promise<void> {}

  async entrance(app: AppKey): Promise<Entrance | undefined> {
    const [service] = this.#services.group(app);
    const { clusterIP, ports = [] } = service?.spec ?? {};
    const [port] = ports;
    if (clusterIP === undefined || clusterIP === 'None' || !port) return undefined;
    return { host: clusterIP, port: port.port };
  }

  /** A request that was answered while one pool alone is behind the Service was answered by it. */
  answeredBy(table: RouteTable): PoolId | undefined {
    const [only, ...others] = servingPools(table);
    return others.length === 0 ? only : undefined;
  }

  onChange(listener: (app: AppKey) => void): () => void {
    return this.#services.onChange(({ now, before }) => {
      for (const app of new Set([now, before].flatMap((one) => (one ? appKeysOn(one) : [])))) listener(app);
    });
  }

  close(): void {
    this.#services.close();
  }

  #noteForeign(service: Service): void {
    for (const app of appKeysOn(service)) {
      const record = recordOf(service, appNameOf(app).name);
      const why = record && overwritten(appNameOf(app), record.table, service);
      if (why) this.#foreign.set(app, { why, until: this.#options.now() + FOREIGN_MS });
    }
  }

  #foreignOf(app: AppKey, service: Service, record: RouteRecord): Reason | undefined {
    const found = this.#foreign.get(app);
    if (!found) return undefined;
    if (overwritten(appNameOf(app), record.table, service) || this.#options.now() < found.until)
      return found.why;
    this.#foreign.delete(app);
    return undefined;
  }
}

function overwritten(app: AppName, table: RouteTable, service: Service): Reason | undefined {
  const asked = describe(selectorOf(app.name, table));
  const found = describe(service.spec.selector ?? {});
  if (asked === found) return undefined;
  const who = lastForeignWriter(service, FIELD_MANAGER) ?? 'somebody';
  return {
    code: 'E_ROUTE_OVERWRITTEN',
    message: `the selector of Service ${service.metadata.name} was changed by ${who}: asked for ${asked}, found ${found}. Likely: it is applied from elsewhere too`,
  };
}

function describe(selector: Record<string, string>): string {
  const parts = Object.entries(selector).map(([name, value]) => `${name}=${value}`);
  return parts.length === 0 ? 'nothing' : parts.sort().join(',');
}

function portOf({ front }: RouteTable) {
  return {
    name: 'http',
    port: front.listen.port,
    targetPort: front.cluster?.port ?? front.listen.port,
    protocol: 'TCP',
  };
}

function appKeysOn(service: Service): AppKey[] {
  return appsOn(service).map((app) => `${service.metadata.namespace}/${app}`);
}
