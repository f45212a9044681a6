import type { RouteTable } from '../../core/model.ts';
import type { Kube } from '../client.ts';
import { type GivenRule, givenAnnotation, givenOf } from '../given.ts';
import { annotationPath, jsonPatch, onlyOver } from '../json-patch.ts';
import { type AppName, appNameOf, poolObjectName } from '../names.ts';
import { HTTP_ROUTES, type HttpRoute } from '../network.ts';
import { poolsOf } from './carrier.ts';
import { recordAnnotation, recordOf } from './record.ts';

/**
 * Which rule of a shared HTTPRoute is the App's. A position says so only until somebody adds a rule before it: what leads
 * to the App goes before that, and to its pools before to the users' Service, to which other rules may lead as well.
 * @returns -1: there is none
 */
export function sharedRule(table: RouteTable, route: HttpRoute): number {
  const { httpRoute: { rule = 0 } = {}, service } = table.front.cluster ?? {};
  const app = appNameOf(table.app).name;
  const rules = route.spec.rules ?? [];
  const named = rules.findIndex(({ name }) => name === rule);
  if (named >= 0) return named;
  const position = /^\d+$/.test(String(rule)) && Number(rule) < rules.length ? Number(rule) : -1;
  const before = recordOf(route, app)?.table;
  // Somebody named another one since it was written last.
  if (before && before.front.cluster?.httpRoute?.rule !== rule) return position;
  const pools = [table, ...(before ? [before] : [])]
    .flatMap(poolsOf)
    .map((pool) => poolObjectName(app, pool));
  const given = givenOf<GivenRule>(route, app)?.backendRefs.map(({ name }) => name) ?? [];
  for (const services of [pools, [...given, ...(service === undefined ? [] : [service])]]) {
    const leading = rules.flatMap(({ backendRefs = [] }, at) =>
      backendRefs.some(({ name }) => services.includes(name)) ? [at] : [],
    );
    if (leading.includes(position)) return position;
    const [only, ...others] = leading;
    if (only !== undefined && others.length === 0) return only;
  }
  return position;
}

/** The App goes: its rule leads where it led before, and every other stays as it is. */
export async function leaveRule(kube: Kube, app: AppName, route: HttpRoute): Promise<HttpRoute> {
  const given = givenOf<GivenRule>(route, app.name);
  const table = recordOf(route, app.name)?.table;
  const own = table ? sharedRule(table, route) : (given?.rule ?? -1);
  const isThere = given !== undefined && route.spec.rules?.[own] !== undefined;
  return jsonPatch(kube, HTTP_ROUTES, app.namespace, route.metadata.name ?? '', [
    onlyOver(route),
    ...(isThere ? [{ op: 'add', path: `/spec/rules/${own}/backendRefs`, value: given.backendRefs }] : []),
    ...[givenAnnotation(app.name), recordAnnotation(app.name)]
      .filter((name) => route.metadata.annotations?.[name] !== undefined)
      .map((name) => ({ op: 'remove', path: annotationPath(name) })),
  ]);
}
