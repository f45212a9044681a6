import type { PoolId, ReplicaId, RouteTable } from '../../core/model.ts';
import type { Kube } from '../client.ts';
import { givenAnnotation, givenOf } from '../given.ts';
import { APP_LABEL, type AppName, IN_ROUTE_LABEL, POOL_LABEL } from '../names.ts';
import { SERVICES, type Service } from '../network.ts';
import { weightsOf } from './carrier.ts';
import { untilBehind } from './members.ts';

/**
 * A Service that was there before the App, beside a router that does the splitting: clients in the cluster use it
 * directly. It leads to one pool, the one that most users are on, and changes with it.
 */
export async function followBeside(kube: Kube, app: AppName, table: RouteTable): Promise<void> {
  const name = table.front.cluster?.service;
  const pool = mostAsked(table);
  if (name === undefined || pool === undefined) return;
  const service = await kube.get(SERVICES, app.namespace, name);
  if (!service) return;
  await noteSelector(kube, app, service);
  const wanted = { [APP_LABEL]: app.name, [POOL_LABEL]: pool, [IN_ROUTE_LABEL]: 'true' };
  if (!isSame(service.spec.selector, wanted))
    await kube.apply(
      SERVICES,
      { metadata: { namespace: app.namespace, name }, spec: { selector: wanted } },
      { force: true },
    );
  const members = (table.members[pool] ?? []).map(({ replica }): ReplicaId => replica);
  await untilBehind(kube, app, name, new Set(members));
}

/** The pool with the greatest share; of two equal ones the first, which is the stable one. */
function mostAsked(table: RouteTable): PoolId | undefined {
  if (table.route.admit.kind === 'refuse') return undefined;
  return [...weightsOf(table)].toSorted(([, a], [, b]) => b - a)[0]?.[0];
}

/**
 * What it selects when the App first leads it, for an App that names a Service without having been adopted. Where another App
 * leads it already, as when one is made anew under another name, that is what it selected before the other.
 */
export async function noteSelector(kube: Kube, app: AppName, { metadata, spec }: Service): Promise<void> {
  const { selector = {} } = spec;
  const leads = selector[APP_LABEL];
  if (leads === app.name || givenOf({ metadata }, app.name) !== undefined) return;
  const noted = leads === undefined ? { selector } : givenOf({ metadata }, leads);
  if (!noted) return;
  await kube.patch(SERVICES, app.namespace, metadata.name ?? '', {
    metadata: {
      resourceVersion: metadata.resourceVersion,
      annotations: { [givenAnnotation(app.name)]: JSON.stringify(noted) },
    },
  });
}

/** The App goes: the Service selects again what it selected before, unless another leads it by now. */
export async function leaveBeside(kube: Kube, app: AppName, name: string | undefined): Promise<void> {
  if (name === undefined) return;
  const service = await kube.get(SERVICES, app.namespace, name);
  const given = service && givenOf<{ selector: Record<string, string> }>(service, app.name);
  if (!service || !given) return;
  const { selector = {} } = service.spec;
  const without = Object.fromEntries(Object.keys(selector).map((key) => [key, null]));
  const isLed = selector[APP_LABEL] === app.name;
  await kube.patch(SERVICES, app.namespace, name, {
    metadata: {
      resourceVersion: service.metadata.resourceVersion,
      annotations: { [givenAnnotation(app.name)]: null },
    },
    ...(isLed ? { spec: { selector: { ...without, ...given.selector } } } : {}),
  });
}

function isSame(found: Record<string, string> = {}, wanted: Record<string, string>): boolean {
  const names = Object.keys(wanted);
  return Object.keys(found).length === names.length && names.every((name) => found[name] === wanted[name]);
}
