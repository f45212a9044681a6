import type { RouteTable } from '../../core/model.ts';
import type { Kube } from '../client.ts';
import { type GivenRule, givenAnnotation, givenOf } from '../given.ts';
import { annotationPath, jsonPatch, onlyOver } from '../json-patch.ts';
import { type AppName, appNameOf } from '../names.ts';
import { HTTP_ROUTES, type HttpRoute, leadsTo } from '../network.ts';
import { poolServices } from './carrier.ts';
import { appsOn, recordOf, withoutNotes } from './record.ts';

/**
 * Which rule of a shared HTTPRoute is the App's. What a person names counts until it is written; from then on a position
 * means little, for somebody may add or remove rules before it: it is the rule that leads to the App's pools or, where
 * that was put back, to the users' Service.
 * @returns -1: there is none, or it cannot be told from another's
 */
export function sharedRule(table: RouteTable, route: HttpRoute): number {
  const { rule = 0 } = table.front.cluster?.httpRoute ?? {};
  const rules = route.spec.rules ?? [];
  const named = rules.findIndex(({ name }) => name === rule);
  if (named >= 0) return named;
  const position = /^\d+$/.test(String(rule)) && Number(rule) < rules.length ? Number(rule) : -1;
  const before = recordOf(route, appNameOf(table.app).name)?.table;
  // Never written, or somebody named another one since.
  if (before?.front.cluster?.httpRoute?.rule !== rule) return position;
  const toPools = leadingTo(route, servicesOfPools([table, before]));
  const toService = leadingTo(route, givenServices(table, route));
  if (toPools.includes(position)) return position;
  const leading = new Set([...toPools, ...toService]);
  if (leading.size === 1) return [...leading][0] ?? -1;
  return toPools.length === 0 && toService.includes(position) ? position : -1;
}

function givenRule(route: HttpRoute, app: string): GivenRule | undefined {
  const given = givenOf<Partial<GivenRule>>(route, app);
  return typeof given?.rule === 'number' && Array.isArray(given.backendRefs)
    ? (given as GivenRule)
    : undefined;
}

function givenServices({ app, front }: RouteTable, route: HttpRoute): string[] {
  const { service } = front.cluster ?? {};
  const given = givenRule(route, appNameOf(app).name)?.backendRefs.map(({ name }) => name) ?? [];
  return service === undefined ? given : [...given, service];
}

function leadingTo({ spec, metadata }: HttpRoute, services: readonly string[]): number[] {
  return (spec.rules ?? []).flatMap(({ backendRefs = [] }, at) =>
    backendRefs.some((ref) => services.some((name) => leadsTo(ref, { namespace: metadata.namespace, name })))
      ? [at]
      : [],
  );
}

/** What is written when another rule is named than was written: the old one leads where it led before, and the new one is noted. */
export function movingRule(table: RouteTable, route: HttpRoute, to: number): object[] {
  const app = appNameOf(table.app).name;
  const before = recordOf(route, app)?.table;
  const given = givenRule(route, app);
  const from = before && given ? sharedRule(before, route) : -1;
  if (!given || from < 0 || from === to) return [];
  return [
    { op: 'add', path: `/spec/rules/${from}/backendRefs`, value: given.backendRefs },
    noting(app, { rule: to, backendRefs: route.spec.rules?.[to]?.backendRefs ?? [] }),
  ];
}

/**
 * Where the rule leads when the App first leads it, for an App that names one without having been adopted. Where another App
 * leads it already, as when one is made anew under another name, that is where it led before the other.
 */
export function notedOnce(table: RouteTable, route: HttpRoute, rule: number): object[] {
  const app = appNameOf(table.app).name;
  const before = recordOf(route, app)?.table;
  if (
    givenRule(route, app) ||
    leadingTo(route, servicesOfPools(before ? [table, before] : [table])).includes(rule)
  )
    return [];
  for (const other of appsOn(route).filter((name) => name !== app)) {
    const led = recordOf(route, other)?.table;
    if (!led || !leadingTo(route, servicesOfPools([led])).includes(rule)) continue;
    const given = givenRule(route, other);
    return given ? [noting(app, { rule, backendRefs: given.backendRefs })] : [];
  }
  return [noting(app, { rule, backendRefs: route.spec.rules?.[rule]?.backendRefs ?? [] })];
}

const servicesOfPools = (tables: readonly RouteTable[]): string[] => tables.flatMap(poolServices);

function noting(app: string, noted: GivenRule): object {
  return { op: 'add', path: annotationPath(givenAnnotation(app)), value: JSON.stringify(noted) };
}

/** The rule that leads where it led before when the App goes. @returns -1: it is gone, or leads to somebody else by now */
export function ruleToLeave(route: HttpRoute, app: string): number {
  const given = givenRule(route, app);
  const table = recordOf(route, app)?.table;
  if (!given) return -1;
  if (!table) return given.rule;
  const rule = sharedRule(table, route);
  const leads = leadingTo(route, [...poolServices(table), ...givenServices(table, route)]);
  return leads.includes(rule) ? rule : -1;
}

/** The App goes: its rule leads where it led before, and every other stays as it is. */
export async function leaveRule(kube: Kube, app: AppName, route: HttpRoute): Promise<HttpRoute> {
  const given = givenRule(route, app.name);
  const own = ruleToLeave(route, app.name);
  const isThere = given && route.spec.rules?.[own] !== undefined;
  return jsonPatch(kube, HTTP_ROUTES, app.namespace, route.metadata.name ?? '', [
    onlyOver(route),
    ...(isThere ? [{ op: 'add', path: `/spec/rules/${own}/backendRefs`, value: given.backendRefs }] : []),
    ...withoutNotes(route, app.name),
  ]);
}
