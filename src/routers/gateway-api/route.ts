import type { PoolId, RouteTable } from '../../core/model.ts';
import { appNameOf, poolObjectName } from '../../kubernetes/names.ts';
import type { BackendRef, HeaderMatch, HttpRoute, RouteRule } from '../../kubernetes/network.ts';
import {
  type Entrance,
  REVISION_HEADER,
  ROUTED_HEADER,
  routedValue,
  weightsOf,
} from '../../kubernetes/routing/carrier.ts';
import { sharedRule } from '../../kubernetes/routing/http-rule.ts';
import { SERVICE_PORT } from '../../kubernetes/routing/members.ts';
import type { Match, StringMatch } from '../../spec/app.ts';
import { mirrorFilter, mirrorsOn } from './mirror.ts';

/** A route table as rules of an HTTPRoute. Pure. */

const ANY_PATH = { type: 'PathPrefix', value: '/' };

/** Matches in their order, then everybody else by the split. @param beside more backends of that rule, which get nothing */
export function rulesOf(table: RouteTable, beside: readonly BackendRef[] = []): RouteRule[] {
  const { matches } = table.route;
  const matched = matches.map(
    ({ when, to }): RouteRule => ({
      matches: [{ path: ANY_PATH, headers: headersOf(when) }],
      backendRefs: [backendOf(table, to, 1)],
      ...timeoutOf(table),
    }),
  );
  const { backendRefs, ...filters } = splitRule(table);
  const split = { backendRefs: [...backendRefs, ...beside], ...filters };
  return [...matched, { matches: [{ path: ANY_PATH }], ...split, ...timeoutOf(table) }];
}

/** What the rule of the split carries, wherever it stands. */
function splitRule(table: RouteTable): Pick<RouteRule, 'filters'> & { backendRefs: BackendRef[] } {
  const { mirror } = table.route;
  return {
    backendRefs: splitOf(table),
    ...(mirror ? { filters: [mirrorFilter(mirror, serviceOf(table, mirror.to))] } : {}),
  };
}

/** Position of the rule that the split is in. */
export function splitIndex(table: RouteTable): number {
  return table.route.matches.length;
}

/** The same as an object has it, where somebody else may have put rules before it. @returns -1: it is not there */
export function ruleIndex(table: RouteTable, route: HttpRoute): number {
  return table.front.cluster?.httpRoute ? sharedRule(table, route) : splitIndex(table);
}

export function previewRules(table: RouteTable, pool: PoolId): RouteRule[] {
  return [{ matches: [{ path: ANY_PATH }], backendRefs: [backendOf(table, pool, 1)], ...timeoutOf(table) }];
}

export function splitOf(table: RouteTable): BackendRef[] {
  return [...weightsOf(table)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([pool, weight]) => backendOf(table, pool, weight));
}

/** The Service of a pool, as a rule names it. */
export function serviceOf({ app }: RouteTable, pool: PoolId): BackendRef {
  const name = poolObjectName(appNameOf(app).name, pool);
  return { group: '', kind: 'Service', name, port: SERVICE_PORT };
}

function backendOf(table: RouteTable, pool: PoolId, weight: number): BackendRef {
  return {
    ...serviceOf(table, pool),
    weight,
    ...(table.front.revisionHeader ? { filters: [answersName(table, pool)] } : {}),
  };
}

/** Each answer says which table sent it where: what a request of ours, and a user who asks, can be told. */
function answersName(table: RouteTable, pool: PoolId): object {
  const set = [
    { name: REVISION_HEADER, value: table.revisions[pool] ?? '' },
    { name: ROUTED_HEADER, value: routedValue(table, pool) },
  ];
  return { type: 'ResponseHeaderModifier', responseHeaderModifier: { set } };
}

function timeoutOf({ front }: RouteTable): Pick<RouteRule, 'timeouts'> {
  return { timeouts: { request: `${front.upstreamTimeoutMs}ms` } };
}

function headersOf({ headers, cookies }: Match): HeaderMatch[] {
  return [
    ...headers.map(({ name, value }) => ({ name, ...valueMatch(value) })),
    ...cookies.map(
      ({ name, value }): HeaderMatch => ({
        name: 'cookie',
        type: 'RegularExpression',
        value: `(^|.*;\\s*)${escaped(name)}=${cookieValue(value)}(;.*|$)`,
      }),
    ),
  ];
}

function valueMatch(value: StringMatch): Pick<HeaderMatch, 'type' | 'value'> {
  switch (value.kind) {
    case 'exact':
      return { type: 'Exact', value: value.value };
    case 'prefix':
      return { type: 'RegularExpression', value: `^${escaped(value.value)}.*` };
    case 'present':
      return { type: 'RegularExpression', value: '.*' };
  }
}

function cookieValue(value: StringMatch): string {
  switch (value.kind) {
    case 'exact':
      return escaped(value.value);
    case 'prefix':
      return `${escaped(value.value)}[^;]*`;
    case 'present':
      return '[^;]*';
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

/** A request that a rule of others is for. @returns undefined: there is no rule, or it cannot be told from what it says */
export function requestFor(rule: RouteRule | undefined): Pick<Entrance, 'path' | 'headers'> | undefined {
  if (!rule) return undefined;
  const [match] = rule.matches ?? [];
  if (!match) return {};
  const { path, headers = [], method = 'GET', queryParams = [] } = match;
  const isPlain =
    path?.type !== 'RegularExpression' &&
    headers.every(({ type = 'Exact' }) => type === 'Exact') &&
    method === 'GET' &&
    queryParams.length === 0;
  if (!isPlain) return undefined;
  return {
    path: path?.value ?? '/',
    headers: Object.fromEntries(headers.map(({ name, value }) => [name.toLowerCase(), value])),
  };
}

/** What the rule of the split is asked to do, to be compared with describeFound. */
export function describeAsked(table: RouteTable): string {
  return describeRule(table, splitRule(table));
}

/** `shop-1-1 80, shop-2-1 20`: what a rule of an object does. */
export function describeFound(table: RouteTable, rule: RouteRule | undefined): string {
  return rule ? describeRule(table, rule) : 'no such rule';
}

function describeRule({ front }: RouteTable, rule: RouteRule): string {
  const weights = (rule.backendRefs ?? []).map(({ name, weight = 1 }) => ({ name, weight }));
  const parts = weights.filter(({ weight }) => weight > 0).map(({ name, weight }) => `${name} ${weight}`);
  // What a shared rule copies is its owners'.
  const mirrors = front.cluster?.httpRoute ? [] : [...mirrorsOn(rule)];
  const copies = mirrors.map(([name, share]) => `copies of ${share / 100}% to ${name}`);
  return [...(parts.length === 0 ? ['nobody'] : parts), ...copies].join(', ');
}
