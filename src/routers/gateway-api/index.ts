import { beyondMirror, type NamedCapabilities } from '../../core/capabilities.ts';
import { OperatingError } from '../../core/errors.ts';
import type { AppKey, Front, PoolId, Reason, RouteTable } from '../../core/model.ts';
import { FIELD_MANAGER } from '../../kubernetes/client.ts';
import { isKubeError } from '../../kubernetes/error.ts';
import type { Informer } from '../../kubernetes/informer.ts';
import { annotationPath, jsonPatch, onlyOver, roomForAnnotations } from '../../kubernetes/json-patch.ts';
import { APP_LABEL, type AppName, appNameOf, poolObjectName, shortened } from '../../kubernetes/names.ts';
import {
  type BackendRef,
  GATEWAYS,
  type Gateway,
  HTTP_ROUTES,
  type HttpRoute,
  type ParentReference,
} from '../../kubernetes/network.ts';
import type { CarriedRoute, Carrier, CarrierCounts, Entrance } from '../../kubernetes/routing/carrier.ts';
import { poolsOf } from '../../kubernetes/routing/carrier.ts';
import { ForeignWriters } from '../../kubernetes/routing/foreign.ts';
import { leaveRule, movingRule, notedOnce } from '../../kubernetes/routing/http-rule.ts';
import { openRouter, type RouterOptions, watchRoutes } from '../../kubernetes/routing/open.ts';
import { deleteOwn, ownMetadata } from '../../kubernetes/routing/own.ts';
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
import type { AppSpec } from '../../spec/app.ts';
import { GATEWAY_API_CAN, gatewayApiFor, mirrorOf } from './able.ts';
import { acceptanceOf } from './accepted.ts';
import { isGradual, leaving } from './gradual.ts';
import {
  describeAsked,
  describeFound,
  previewRules,
  requestFor,
  ruleIndex,
  rulesOf,
  splitOf,
} from './route.ts';
import { dropLast, knownRoute, nameFirst, type Routes } from './steps.ts';
import { countedBy } from './traefik-counts.ts';

const PREVIEW_SUFFIX = '-preview';

/** Routes of a Gateway: shares by the weights of an HTTPRoute. Resolves once all routes have been seen. */
export function createGatewayApiRouter(options: RouterOptions): Promise<Router> {
  return openRouter(options, new GatewayApi(options));
}

class GatewayApi implements Carrier {
  readonly name = 'gatewayApi';
  readonly capabilities = GATEWAY_API_CAN;
  readonly namesAnswers = true;
  readonly synced: Promise<unknown>;
  readonly #options: RouterOptions;
  readonly #routes: Informer<HttpRoute, HttpRoute>;
  readonly #foreign: ForeignWriters;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#foreign = new ForeignWriters(options.now);
    this.#routes = watchRoutes(options, HTTP_ROUTES, {
      keep: (route) => (appsOn(route).length > 0 ? route : undefined),
      groups: appKeysOn,
    });
    this.#routes.onChange(({ now }) => now && this.#noteForeign(now));
    this.synced = this.#routes.synced;
  }

  capabilitiesFor(spec: AppSpec): Promise<NamedCapabilities> {
    return gatewayApiFor(this.#options.kube, spec);
  }

  get #at(): Routes {
    return { kube: this.#options.kube, routes: this.#routes };
  }

  async prepare(app: AppKey, table: RouteTable): Promise<void> {
    await nameFirst(this.#at, app, table);
  }

  async write(writer: RouteWriter, table: RouteTable): Promise<void> {
    const route = knownRoute(this.#at, writer.app, table);
    const beside = route && isGradual(route) ? leaving(table, route) : [];
    if (table.front.cluster?.httpRoute) await this.#writeShared(writer, table, beside);
    else await this.#writeOwn(writer, table, beside);
  }

  async settle(app: AppKey, table: RouteTable): Promise<void> {
    await dropLast(this.#at, app, table);
  }

  async erase(ctx: ActionContext): Promise<void> {
    const app = appNameOf(ctx.app);
    const { kube } = this.#options;
    await deleteOwn(kube, HTTP_ROUTES, app, previewName(app));
    for (const route of this.#routes.group(ctx.app)) {
      const { name = '', labels } = route.metadata;
      if (labels?.[APP_LABEL] === app.name) await kube.delete(HTTP_ROUTES, app.namespace, name);
      else this.#routes.saw(await leaveRule(kube, app, route));
    }
    this.#foreign.forget(ctx.app);
  }

  *apps(): Generator<AppKey> {
    for (const route of this.#routes.all()) if (!route.metadata.labels?.[APP_LABEL]) yield* appKeysOn(route);
  }

  read(app: AppKey): CarriedRoute | undefined {
    const [route] = this.#routes.group(app);
    const record = route && recordOf(route, appNameOf(app).name);
    if (!route || !record) return undefined;
    const acceptance = acceptanceOf(route);
    const foreign = this.#foreign.of(app, overwritten(record.table, route));
    const trouble = acceptance.kind === 'refused' ? acceptance.why : foreign;
    return { record, accepted: acceptance.kind === 'accepted', ...(trouble ? { trouble } : {}) };
  }

  async readLive(app: AppKey, front: Front | undefined): Promise<RouteRecord | undefined> {
    const { namespace, name } = appNameOf(app);
    const shared = front?.cluster?.httpRoute?.name ?? this.#routes.group(app)[0]?.metadata.name ?? name;
    const route = await this.#options.kube.get(HTTP_ROUTES, namespace, shared);
    if (route) this.#routes.saw(route);
    return route && recordOf(route, name);
  }

  async check(namespace: string, { cluster }: Front): Promise<void> {
    for (const parent of cluster?.parentRefs ?? []) {
      const home = parent.namespace ?? namespace;
      if (home === '' || (await this.#options.kube.get(GATEWAYS, home, parent.name))) continue;
      throw new OperatingError('E_ROUTE_REFUSED', `there is no Gateway ${parent.name} in ${home}`, {
        hint: 'correct spec.kubernetes.parentRefs; `kubectl get gateways -A` lists them',
      });
    }
  }

  async entrance(app: AppKey, table: RouteTable): Promise<Entrance | undefined> {
    const { front } = table;
    const [route] = this.#routes.group(app);
    const parent = route?.spec.parentRefs?.[0] ?? front.cluster?.parentRefs?.[0];
    if (!parent) return undefined;
    const namespace = parent.namespace ?? appNameOf(app).namespace;
    const gateway = await this.#gateway(namespace, parent.name);
    const host = gateway?.status?.addresses?.[0]?.value;
    const listener = gateway?.spec.listeners?.find(
      ({ name, port, protocol }) =>
        protocol === 'HTTP' &&
        (parent.sectionName === undefined || parent.sectionName === name) &&
        (parent.port === undefined || parent.port === port),
    );
    if (host === undefined || !listener) return undefined;
    const name = front.host ?? route?.spec.hostnames?.[0];
    const shared = front.cluster?.httpRoute !== undefined;
    const asked = shared ? route && requestFor(route.spec.rules?.[ruleIndex(table, route)]) : {};
    // The rule is gone, or what it asks for cannot be sent: nothing is proved by a request that another rule answers.
    if (!asked) return undefined;
    return {
      ...asked,
      host,
      port: listener.port,
      ...(name === undefined ? {} : { name: name.replace(/^\*/, 'crossfade-probe') }),
    };
  }

  async counted(app: AppKey, table: RouteTable): Promise<Record<PoolId, CarrierCounts> | undefined> {
    const services = await this.#options.metrics?.services();
    const [route] = this.#routes.group(app);
    if (!services || !route) return undefined;
    const { namespace, name } = appNameOf(app);
    const index = ruleIndex(table, route);
    const counts: Record<PoolId, CarrierCounts> = {};
    for (const pool of poolsOf(table)) {
      const of = (from: string, rule: string) =>
        countedBy(services, { namespace, route: from, rule, service: poolObjectName(name, pool) });
      const own = route.metadata.name ?? '';
      const matched = table.route.matches.map((_, at) => of(own, String(at)));
      const other = [...matched, of(previewName({ namespace, name }), '\\d+')];
      counts[pool] = {
        split: of(own, String(index)),
        other: other.reduce((a, b) => ({ ok: a.ok + b.ok, failed: a.failed + b.failed }), {
          ok: 0,
          failed: 0,
        }),
      };
    }
    return counts;
  }

  onChange(listener: (app: AppKey) => void): () => void {
    return this.#routes.onChange(({ now, before }) => {
      for (const app of new Set([now, before].flatMap((route) => (route ? appKeysOn(route) : []))))
        listener(app);
    });
  }

  close(): void {
    this.#routes.close();
  }

  async #writeOwn(writer: RouteWriter, table: RouteTable, beside: readonly BackendRef[]): Promise<void> {
    const { kube } = this.#options;
    const app = appNameOf(writer.app);
    const common = ownMetadata(writer);
    const { host, cluster } = table.front;
    const parentRefs = cluster?.parentRefs ?? [];
    const { preview } = table.route;
    await this.#refuseMirror(app, table, parentRefs);
    if (preview !== undefined && host !== undefined)
      await kube.apply(HTTP_ROUTES, {
        metadata: { ...common, name: previewName(app) },
        spec: { parentRefs, hostnames: [`preview.${host}`], rules: previewRules(table, preview) },
      });
    const route = await kube.apply(
      HTTP_ROUTES,
      {
        metadata: {
          ...common,
          name: app.name,
          annotations: { [recordAnnotation(app.name)]: recordText(recordBy(writer, table)) },
        },
        spec: {
          parentRefs,
          ...(host === undefined ? {} : { hostnames: [host] }),
          rules: rulesOf(table, beside),
        },
      },
      // It is the App's own: whoever changed it is told of, and does not keep it.
      { force: true },
    );
    this.#routes.saw(route);
    if (preview === undefined) await deleteOwn(kube, HTTP_ROUTES, app, previewName(app));
  }

  /** Once more before it is written: the class may say less than when the App was taken up. @throws OperatingError E_ROUTER_CANNOT */
  async #refuseMirror(
    { namespace }: AppName,
    { app, route }: RouteTable,
    parents: readonly ParentReference[],
  ): Promise<void> {
    if (!route.mirror) return;
    const { by, resolutionBp } = await mirrorOf(this.#options.kube, namespace, parents);
    // Without a Gateway nobody has said that it can.
    const mirrorResolutionBp = by === undefined ? 0 : resolutionBp;
    const beyond = beyondMirror(route, { mirrorResolutionBp });
    if (beyond === undefined) return;
    const who = by === undefined ? 'a Gateway that is not there' : `GatewayClass ${by}`;
    throw new OperatingError('E_ROUTER_CANNOT', `${who} cannot do for ${app}: ${beyond}`, {
      hint: 'take setMirror out of the steps, or name a Gateway of another class',
    });
  }

  /** A route of its own beside a shared one: of that only one rule's backends are ours. */
  async #writePreview(
    writer: RouteWriter,
    table: RouteTable,
    parentRefs: ParentReference[],
    host: string | undefined,
  ): Promise<void> {
    const { kube } = this.#options;
    const app = appNameOf(writer.app);
    const { preview } = table.route;
    if (preview === undefined || host === undefined || host.startsWith('*'))
      return deleteOwn(kube, HTTP_ROUTES, app, previewName(app));
    await kube.apply(HTTP_ROUTES, {
      metadata: { ...ownMetadata(writer), name: previewName(app) },
      spec: { parentRefs, hostnames: [`preview.${host}`], rules: previewRules(table, preview) },
    });
  }

  /** One rule of a route that others write too: only its backends, over exactly the version that was read. */
  async #writeShared(writer: RouteWriter, table: RouteTable, beside: readonly BackendRef[]): Promise<void> {
    const { kube } = this.#options;
    const app = appNameOf(writer.app);
    const { name = '' } = table.front.cluster?.httpRoute ?? {};
    if (table.route.matches.length > 0 || table.route.mirror)
      throw new OperatingError(
        'E_ROUTER_CANNOT',
        `HTTPRoute ${name} is shared: only the backends of one rule are written, no matches and no mirror`,
        { hint: 'name parentRefs instead, so that the App has a route of its own' },
      );
    const route = await kube.get(HTTP_ROUTES, app.namespace, name);
    const index = route ? ruleIndex(table, route) : -1;
    if (!route || index < 0) throw noRule(app, table);
    await this.#writePreview(
      writer,
      table,
      route.spec.parentRefs ?? [],
      table.front.host ?? route.spec.hostnames?.[0],
    );
    const written = await jsonPatch(kube, HTTP_ROUTES, app.namespace, name, [
      onlyOver(route),
      ...roomForAnnotations(route),
      ...movingRule(table, route, index),
      ...notedOnce(table, route, index),
      {
        op: 'add',
        path: annotationPath(recordAnnotation(app.name)),
        value: recordText(recordBy(writer, table)),
      },
      {
        op: 'add',
        path: `/spec/rules/${index}/backendRefs`,
        value: [...splitOf(table), ...beside] satisfies BackendRef[],
      },
    ]);
    this.#routes.saw(written);
  }

  /** @throws OperatingError E_CLUSTER_FORBIDDEN */
  async #gateway(namespace: string, name: string): Promise<Gateway | undefined> {
    try {
      return await this.#options.kube.get(GATEWAYS, namespace, name);
    } catch (error) {
      if (!isKubeError(error, 403)) throw error;
      const message = `the controller may not read Gateway ${namespace}/${name} (install it with --gateway ${namespace}/${name} beside --namespaced), and without its address cannot see that requests follow the route`;
      throw new OperatingError('E_CLUSTER_FORBIDDEN', message, {
        hint: `install it with --gateway ${namespace}/${name} beside --namespaced`,
        cause: error,
      });
    }
  }

  /** Every change of an object is seen here: also one that is put right a moment later. */
  #noteForeign(route: HttpRoute): void {
    for (const app of appKeysOn(route)) {
      const record = recordOf(route, appNameOf(app).name);
      this.#foreign.note(app, record && overwritten(record.table, route));
    }
  }
}

/** What the rule of the split does is not what was asked for. */
function overwritten(table: RouteTable, route: HttpRoute): Reason | undefined {
  const rule = route.spec.rules?.[ruleIndex(table, route)];
  const asked = describeAsked(table);
  const found = describeFound(table, rule);
  if (asked === found) return undefined;
  const who = lastForeignWriter(route, FIELD_MANAGER) ?? 'somebody';
  return {
    code: 'E_ROUTE_OVERWRITTEN',
    message: `HTTPRoute ${route.metadata.name} was changed by ${who}: asked for ${asked}, found ${found}. Likely: it is applied from elsewhere too, with weights of its own`,
  };
}

function noRule(app: AppName, table: RouteTable): OperatingError {
  const { name, rule } = table.front.cluster?.httpRoute ?? { name: '', rule: 0 };
  return new OperatingError(
    'E_ROUTE_REFUSED',
    `no rule of HTTPRoute ${name} of ${app.namespace} is known to be rule ${rule} of the App`,
    {
      hint: 'correct spec.kubernetes.httpRoute, or let the rule lead to the Service of the App again',
    },
  );
}

function appKeysOn(route: HttpRoute): AppKey[] {
  return appsOn(route).map((app) => `${route.metadata.namespace}/${app}`);
}

function previewName({ name }: AppName): string {
  return shortened(`${name}${PREVIEW_SUFFIX}`, 253);
}
