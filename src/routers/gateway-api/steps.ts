import { setTimeout as sleep } from 'node:timers/promises';
import { isEqual } from '../../core/json.ts';
import type { AppKey, RouteTable } from '../../core/model.ts';
import type { Kube } from '../../kubernetes/client.ts';
import type { Informer } from '../../kubernetes/informer.ts';
import { jsonPatch, onlyOver } from '../../kubernetes/json-patch.ts';
import { appNameOf } from '../../kubernetes/names.ts';
import { type BackendRef, HTTP_ROUTES, type HttpRoute } from '../../kubernetes/network.ts';
import { recordOf } from '../../kubernetes/routing/record.ts';
import { acceptanceOf } from './accepted.ts';
import { isGradual, namedFirst } from './gradual.ts';
import { ruleIndex, splitOf } from './route.ts';

export interface Routes {
  kube: Kube;
  routes: Informer<HttpRoute, HttpRoute>;
}

const LOOK_EVERY_MS = 50;
/** Then the next step is taken all the same: that the table is followed is proved. */
const MOST_LOOKS = 100;
/** Contour takes what is changed within 100 ms for one change. */
const APART_MS = 200;

/** The route that carries a table, as the cache has it; the App may have had another one before. */
export function knownRoute({ routes }: Routes, app: AppKey, table: RouteTable): HttpRoute | undefined {
  const name = table.front.cluster?.httpRoute?.name ?? appNameOf(app).name;
  return routes.group(app).find(({ metadata }) => metadata.name === name);
}

/** Names the Services that a table brings, at weight 0. Resolves when they are known: then they can be given requests. */
export async function nameFirst(at: Routes, app: AppKey, table: RouteTable): Promise<void> {
  const known = knownRoute(at, app, table);
  const route = known && isGradual(known) ? await freshest(at, known) : undefined;
  const before = route && recordOf(route, appNameOf(app).name)?.table;
  const rule = before && route.spec.rules?.[ruleIndex(before, route)];
  const named = rule && namedFirst(table, rule);
  // A rule that is gone, or was changed, is for the write of the table to put right, or to tell of.
  if (named) await putBackends(at, app, { route, carries: before, backends: named });
}

/** The table is followed: whom the one before it named, and nobody is sent to any more, is dropped. */
export async function dropLast(at: Routes, app: AppKey, table: RouteTable): Promise<void> {
  const wanted = splitOf(table);
  const hasMore = (route: HttpRoute) =>
    (route.spec.rules?.[ruleIndex(table, route)]?.backendRefs ?? []).length > wanted.length;
  const known = knownRoute(at, app, table);
  const route = known && hasMore(known) ? await freshest(at, known) : undefined;
  if (!route || !hasMore(route)) return;
  // Somebody else may lead by now, and have written the next one: only this very table is put in order.
  if (isEqual(recordOf(route, appNameOf(app).name)?.table, table))
    await putBackends(at, app, { route, carries: table, backends: wanted });
}

/** Conditions are written all the time: over what a cache has, a change would be refused. */
function freshest({ kube }: Routes, { metadata }: HttpRoute): Promise<HttpRoute | undefined> {
  return kube.get(HTTP_ROUTES, metadata.namespace, metadata.name ?? '');
}

interface Backends {
  route: HttpRoute;
  /** The table that it has. */
  carries: RouteTable;
  backends: BackendRef[];
}

/** Resolves when it is followed. */
async function putBackends(
  { kube, routes }: Routes,
  app: AppKey,
  { route, carries, backends }: Backends,
): Promise<void> {
  const { name = '', namespace = '' } = route.metadata;
  const path = `/spec/rules/${ruleIndex(carries, route)}/backendRefs`;
  const change = [onlyOver(route), { op: 'add', path, value: backends }];
  const written = await jsonPatch(kube, HTTP_ROUTES, namespace, name, change);
  routes.saw(written);
  const { generation = 0 } = written.metadata;
  for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
    await sleep(LOOK_EVERY_MS);
    const now = knownRoute({ kube, routes }, app, carries);
    if (now && (now.metadata.generation ?? 0) >= generation && acceptanceOf(now).kind === 'accepted') break;
  }
  await sleep(APART_MS);
}
