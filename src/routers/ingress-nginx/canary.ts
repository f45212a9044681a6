import { OperatingError } from '../../core/errors.ts';
import { FULL_WEIGHT, type PoolId, type RouteTable } from '../../core/model.ts';
import { weightsOf } from '../../kubernetes/routing/carrier.ts';
import type { Match } from '../../spec/app.ts';

/** A route table as a main Ingress and at most one canary beside it: more is not to be had. Pure. */

const NGINX = 'nginx.ingress.kubernetes.io/';
export const CANARY_ANNOTATION = `${NGINX}canary`;
export const WEIGHT_ANNOTATION = `${NGINX}canary-weight`;
export const TOTAL_ANNOTATION = `${NGINX}canary-weight-total`;

export interface Sides {
  main: PoolId;
  canary?: { pool: PoolId; weight: number; total: number; annotations: Record<string, string> };
}

/** @throws OperatingError E_ROUTER_CANNOT */
export function sidesOf(table: RouteTable): Sides {
  const weights = [...weightsOf(table)];
  const [first] = weights;
  if (!first) throw cannot(table, 'split requests among no pools');
  const main = first[0];
  const targets = [...weights.slice(1).map(([pool]) => pool), ...table.route.matches.map(({ to }) => to)];
  const others = [...new Set(targets)].filter((pool) => pool !== main);
  if (others.length > 1) throw cannot(table, 'split requests among three pools');
  const [pool] = others;
  if (pool === undefined) return { main };
  const weight = weights.find(([one]) => one === pool)?.[1] ?? 0;
  const total =
    table.route.split.kind === 'weights' ? FULL_WEIGHT : weights.reduce((sum, [, n]) => sum + n, 0);
  const by = table.route.matches.map(({ when, to }) => {
    if (to !== pool) throw cannot(table, 'match requests for stable');
    return byMatch(table, when);
  });
  if (by.length > 1) throw cannot(table, 'match more than one header or cookie');
  const annotations = {
    [CANARY_ANNOTATION]: 'true',
    [WEIGHT_ANNOTATION]: String(weight),
    // Below 100 it is taken for 100.
    [TOTAL_ANNOTATION]: String(Math.max(100, total)),
    ...by[0],
  };
  return {
    main,
    canary: { pool, ...scaled(weight, total), annotations: { ...annotations, ...scaledText(weight, total) } },
  };
}

/** Numbers of pods are few: the same share of a total that is taken as it is. */
function scaled(weight: number, total: number): { weight: number; total: number } {
  const factor = total >= 100 || total === 0 ? 1 : Math.ceil(100 / total);
  return { weight: weight * factor, total: total * factor };
}

function scaledText(weight: number, total: number): Record<string, string> {
  const to = scaled(weight, total);
  return { [WEIGHT_ANNOTATION]: String(to.weight), [TOTAL_ANNOTATION]: String(to.total) };
}

function byMatch(table: RouteTable, { headers, cookies }: Match): Record<string, string> {
  const [header] = headers;
  const [cookie] = cookies;
  if (headers.length + cookies.length !== 1) throw cannot(table, 'match several headers or cookies at once');
  if (cookie) {
    if (cookie.value.kind !== 'exact' || cookie.value.value !== 'always')
      throw cannot(table, `match a cookie by another value than always`);
    return { [`${NGINX}canary-by-cookie`]: cookie.name };
  }
  if (!header) return {};
  const name = { [`${NGINX}canary-by-header`]: header.name };
  switch (header.value.kind) {
    case 'exact':
      return { ...name, [`${NGINX}canary-by-header-value`]: header.value.value };
    case 'prefix':
      return { ...name, [`${NGINX}canary-by-header-pattern`]: `^${escaped(header.value.value)}.*` };
    case 'present':
      return { ...name, [`${NGINX}canary-by-header-pattern`]: '.*' };
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function cannot({ app }: RouteTable, what: string): OperatingError {
  return new OperatingError('E_ROUTER_CANNOT', `${app}: annotations of ingress-nginx cannot ${what}`, {
    hint: 'use router: gatewayApi, or another strategy',
  });
}
