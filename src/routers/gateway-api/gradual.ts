import type { PoolId, RouteTable } from '../../core/model.ts';
import { appNameOf } from '../../kubernetes/names.ts';
import type { BackendRef, HttpRoute, RouteRule } from '../../kubernetes/network.ts';
import { poolsOf } from '../../kubernetes/routing/carrier.ts';
import { recordOf } from '../../kubernetes/routing/record.ts';
import { serviceOf } from './route.ts';

/**
 * Proxies that are told of Services and of rules in two ways (xDS) answer 503 for as long as a rule names a Service that they
 * do not know yet, or any more: seen with Contour, in 7 of 10 changes. For them a Service is named before it has a weight,
 * and dropped after it had one. Pure.
 */

/** These take a rule and what it names as one change. */
const TAKES_ALL_AT_ONCE: readonly string[] = ['traefik.io/gateway-controller'];

/** Of a route that nobody has looked at yet nothing is known: there is nothing to be kept either. */
export function isGradual({ status }: HttpRoute): boolean {
  const controllers = (status?.parents ?? []).map(({ controllerName }) => controllerName ?? '');
  return controllers.some((name) => !TAKES_ALL_AT_ONCE.includes(name));
}

/** @returns the rule's backends with those that the table names anew at weight 0; undefined: it names nobody anew */
export function namedFirst(
  table: RouteTable,
  { backendRefs: there = [] }: RouteRule,
): BackendRef[] | undefined {
  const anew = poolsOf(table)
    .map((pool) => silent(table, pool))
    .filter(({ name }) => !there.some((backend) => backend.name === name));
  return anew.length === 0 ? undefined : [...there, ...anew];
}

/** Whom the table before named and this one does not: they stay at weight 0 until this one is followed. */
export function leaving(table: RouteTable, route: HttpRoute): BackendRef[] {
  const before = recordOf(route, appNameOf(table.app).name)?.table;
  const stay = poolsOf(table);
  return before
    ? poolsOf(before)
        .filter((pool) => !stay.includes(pool))
        .map((pool) => silent(table, pool))
    : [];
}

function silent(table: RouteTable, pool: PoolId): BackendRef {
  return { ...serviceOf(table, pool), weight: 0 };
}
