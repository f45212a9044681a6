import type { RouterCapabilities } from '../../core/capabilities.ts';
import type { AppKey, Front, PoolId, Reason, RouteTable } from '../../core/model.ts';
import { FIELD_MANAGER } from '../../kubernetes/client.ts';
import { givenTo } from '../../kubernetes/given.ts';
import type { Informer } from '../../kubernetes/informer.ts';
import { APP_LABEL, type AppName, appNameOf } from '../../kubernetes/names.ts';
import { SERVICES, type Service } from '../../kubernetes/network.ts';
import { leaveBeside, noteSelector } from '../../kubernetes/routing/beside.ts';
import type { CarriedRoute, Carrier, Entrance } from '../../kubernetes/routing/carrier.ts';
import { ForeignWriters } from '../../kubernetes/routing/foreign.ts';
import { labelPods, untilBehind } from '../../kubernetes/routing/members.ts';
import { openRouter, type RouterOptions, watchRoutes } from '../../kubernetes/routing/open.ts';
import { ownMetadata } from '../../kubernetes/routing/own.ts';
import {
  appsOn,
  lastForeignWriter,
  type RouteRecord,
  type RouteWriter,
  recordAnnotation,
  recordBy,
  recordOf,
  recordText,
} from '../../kubernetes/routing/record.ts';
import type { ActionContext } from '../../ports/engine.ts';
import type { Router } from '../../ports/router.ts';
import { SPLIT_LABEL, selectorOf, servingMembers, servingPools, sharesOf } from './shares.ts';

/** Shares are numbers of pods, and each connection goes to one of them by chance. */
export const SERVICE_CAN: RouterCapabilities = {
  weightResolutionBp: 1,
  header: false,
  cookie: false,
  sticky: false,
  hold: false,
  preview: true,
  mirrorResolutionBp: 0,
  measuredBy: 'probe',
  byReplicas: true,
};

/** The Service alone: a switch by its selector, shares by numbers of pods. Resolves once all Services have been seen. */
export function createServiceRouter(options: RouterOptions): Promise<Router> {
  return openRouter(options, new ByService(options));
}

class ByService implements Carrier {
  readonly name = 'service';
  readonly capabilities = SERVICE_CAN;
  readonly synced: Promise<unknown>;
  readonly namesAnswers = false;
  readonly #options: RouterOptions;
  readonly #services: Informer<Service, Service>;
  readonly #foreign: ForeignWriters;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#foreign = new ForeignWriters(options.now);
    this.#services = watchRoutes(options, SERVICES, {
      // Beside another router too: what such a Service selected before is noted on it.
      keep: (service) => (appsOn(service).length > 0 || givenTo(service).length > 0 ? service : undefined),
      groups: (service) => [...appKeysOn(service), ...givenKeysOn(service).map((app) => `given to ${app}`)],
    });
    this.#services.onChange(({ now }) => now && this.#noteForeign(now));
    this.synced = this.#services.synced;
  }

  async write(writer: RouteWriter, table: RouteTable): Promise<void> {
    const app = appNameOf(writer.app);
    const members = servingMembers(table);
    // Before the selector asks for it: nobody is lost between one way of choosing and the other.
    if (servingPools(table).length > 1)
      await labelPods(this.#options.kube, app, members, { [SPLIT_LABEL]: 'true' });
    const record = recordBy(writer, table);
    const selector = selectorOf(app.name, table);
    const adopted = table.front.cluster?.service;
    if (adopted !== undefined) await this.#noteOnce(writer.app, adopted);
    const service = await this.#options.kube.apply(
      SERVICES,
      {
        metadata: {
          ...(adopted === undefined ? ownMetadata(writer) : { namespace: app.namespace }),
          name: adopted ?? app.name,
          annotations: { [recordAnnotation(app.name)]: recordText(record) },
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

  /** What is known to be noted is not asked for with every table. */
  async #noteOnce(app: AppKey, service: string): Promise<void> {
    const { kube } = this.#options;
    if (this.#services.group(`given to ${app}`).some(({ metadata }) => metadata.name === service)) return;
    const name = appNameOf(app);
    const found = await kube.get(SERVICES, name.namespace, service);
    if (found) await noteSelector(kube, name, found);
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
    for (const { metadata } of this.#services.group(`given to ${ctx.app}`))
      await leaveBeside(kube, app, metadata.name);
    this.#foreign.forget(ctx.app);
  }

  *apps(): Generator<AppKey> {
    for (const service of this.#services.all())
      if (!service.metadata.labels?.[APP_LABEL]) yield* [...appKeysOn(service), ...givenKeysOn(service)];
  }

  read(app: AppKey): CarriedRoute | undefined {
    const [service] = this.#services.group(app);
    const record = service && recordOf(service, appNameOf(app).name);
    if (!service || !record) return undefined;
    const trouble = this.#foreign.of(app, overwritten(appNameOf(app), record.table, service));
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
      const name = appNameOf(app);
      const record = recordOf(service, name.name);
      this.#foreign.note(app, record && overwritten(name, record.table, service));
    }
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

function givenKeysOn(service: Service): AppKey[] {
  return givenTo(service).map((app) => `${service.metadata.namespace}/${app}`);
}
