import { setTimeout as sleep } from 'node:timers/promises';
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
/** Then the table is written all the same: that it is followed is proved afterwards. */
const MOST_LOOKS = 100;
/** Contour takes what is changed within 100 ms for one change. */
const APART_MS = 200;

/** Names the Services that a table brings, at weight 0. Resolves when they are known: then they can be given requests. */
export async function nameFirst(at: Routes, app: AppKey, table: RouteTable): Promise<void> {
  const route = await freshest(at, app);
  const before = route && recordOf(route, appNameOf(app).name)?.table;
  const named = before && namedFirst(table, route.spec.rules?.[ruleIndex(before, route)]);
  if (!named) return;
  const { generation = 0 } = (await putBackends(at, route, before, named)).metadata;
  for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
    await sleep(LOOK_EVERY_MS);
    const [now] = at.routes.group(app);
    if (now && (now.metadata.generation ?? 0) >= generation && acceptanceOf(now).kind === 'accepted') break;
  }
  await sleep(APART_MS);
}

/** The table is followed: whom the one before it named, and nobody is sent to any more, is dropped. */
export async function dropLast(at: Routes, app: AppKey, table: RouteTable): Promise<void> {
  const [known] = at.routes.group(app);
  if (!known || !isGradual(known)) return;
  const wanted = splitOf(table);
  const route = await freshest(at, app);
  const there = route?.spec.rules?.[ruleIndex(table, route)]?.backendRefs ?? [];
  if (route && there.length > wanted.length) await putBackends(at, route, table, wanted);
}

/** Conditions are written all the time: over what a cache has, a change would be refused. */
async function freshest({ kube, routes }: Routes, app: AppKey): Promise<HttpRoute | undefined> {
  const [known] = routes.group(app);
  return known && (await kube.get(HTTP_ROUTES, known.metadata.namespace, known.metadata.name ?? ''));
}

async function putBackends(
  { kube, routes }: Routes,
  route: HttpRoute,
  table: RouteTable,
  backends: BackendRef[],
): Promise<HttpRoute> {
  const { name = '', namespace = '' } = route.metadata;
  const path = `/spec/rules/${ruleIndex(table, route)}/backendRefs`;
  const written = await jsonPatch(kube, HTTP_ROUTES, namespace, name, [
    onlyOver(route),
    { op: 'add', path, value: backends },
  ]);
  routes.saw(written);
  return written;
}
