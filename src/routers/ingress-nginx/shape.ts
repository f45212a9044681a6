import type { PoolId, Reason, RouteTable } from '../../core/model.ts';
import { FIELD_MANAGER } from '../../kubernetes/client.ts';
import { type AppName, appNameOf, poolObjectName } from '../../kubernetes/names.ts';
import type { Ingress, IngressBackend, IngressRule } from '../../kubernetes/network.ts';
import type { Entrance } from '../../kubernetes/routing/carrier.ts';
import { servicesOf } from '../../kubernetes/routing/ingress-paths.ts';
import { SERVICE_PORT } from '../../kubernetes/routing/members.ts';
import { lastForeignWriter } from '../../kubernetes/routing/record.ts';
import { sidesOf, TOTAL_ANNOTATION, WEIGHT_ANNOTATION } from './canary.ts';

/** What is said in an Ingress, and what is found there. Of one that was there before the App only some paths are its. Pure. */

/** Before `ingressClassName` there was this, and it is still understood. */
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

export function backendTo(app: AppName, pool: PoolId): IngressBackend {
  return { service: { name: poolObjectName(app.name, pool), port: { number: SERVICE_PORT } } };
}

/** The whole host to one pool. */
export function ruleOf(app: AppName, pool: PoolId, host: string | undefined): IngressRule[] {
  const paths = [{ path: '/', pathType: 'Prefix', backend: backendTo(app, pool) }];
  return [{ ...(host === undefined ? {} : { host }), http: { paths } }];
}

export function classOf(
  { front }: RouteTable,
  taken?: { ingress: Ingress },
): Pick<Ingress['spec'], 'ingressClassName'> {
  const name = taken ? taken.ingress.spec.ingressClassName : front.cluster?.ingressClassName;
  return name === undefined ? {} : { ingressClassName: name };
}

export function classNote(taken: { ingress: Ingress } | undefined): Record<string, string> {
  const name = taken?.ingress.metadata.annotations?.[CLASS_ANNOTATION];
  return name === undefined ? {} : { [CLASS_ANNOTATION]: name };
}

/** The same hosts and paths, and no others, to a pool: what a canary beside an Ingress has to say. */
export function rulesBeside(main: Ingress, table: RouteTable, pool: PoolId): IngressRule[] {
  const backend = backendTo(appNameOf(table.app), pool);
  return ownRules(main, table).map(({ http, ...rule }) => ({
    ...rule,
    http: { paths: (http?.paths ?? []).map((path) => ({ ...path, backend })) },
  }));
}

/** Hosts that the App's users ask for; `*`: every host. */
export function hostsOf(main: Ingress, table: RouteTable): string[] {
  const { host, cluster } = table.front;
  return cluster?.ingress === undefined ? [host ?? '*'] : hostsIn(ownRules(main, table));
}

function ownRules(main: Ingress, table: RouteTable): IngressRule[] {
  const services = servicesOf(table);
  return (main.spec.rules ?? []).flatMap((rule) => {
    const paths = (rule.http?.paths ?? []).filter(({ backend }) => services.has(backend.service?.name ?? ''));
    return paths.length === 0 ? [] : [{ ...rule, http: { paths } }];
  });
}

function hostsIn(rules: readonly IngressRule[] = []): string[] {
  return [...new Set(rules.map(({ host }) => host ?? '*'))];
}

function servicesIn(rules: readonly IngressRule[] = []): string {
  const names = rules.flatMap(
    ({ http }) => http?.paths.map(({ backend }) => backend.service?.name ?? '') ?? [],
  );
  return names.length === 0 ? 'nobody' : [...new Set(names)].join(' and ');
}

function weightOn({ metadata }: Ingress): string {
  return `${metadata.annotations?.[WEIGHT_ANNOTATION] ?? '0'}/${metadata.annotations?.[TOTAL_ANNOTATION] ?? '100'}`;
}

/** A request that the App's first path is for. */
export function wayInto(main: Ingress, table: RouteTable): Pick<Entrance, 'name' | 'path'> {
  const [first] = ownRules(main, table);
  const host = table.front.host ?? first?.host;
  const { path = '/', pathType } = first?.http?.paths[0] ?? {};
  return {
    ...(host === undefined ? {} : { name: host.replace(/^\*/, 'crossfade-probe') }),
    // What is left to the controller may be an expression.
    path: pathType === 'ImplementationSpecific' && !/^[\w/.~-]*$/.test(path) ? '/' : path,
  };
}

/** What is found there is not what the table asks for: by whom it was changed, and what. */
export function difference(
  main: Ingress,
  canary: Ingress | undefined,
  table: RouteTable,
): Reason | undefined {
  const { name } = appNameOf(table.app);
  const sides = sidesOf(table);
  const own = ownRules(main, table);
  const found = { main: servicesIn(own.length > 0 ? own : main.spec.rules), canary: '' };
  const wanted = { main: poolObjectName(name, sides.main), canary: '' };
  if (canary && sides.canary) {
    const { weight, total, pool } = sides.canary;
    found.canary = `${weightOn(canary)} for ${hostsIn(canary.spec.rules).join(',')} at ${servicesIn(canary.spec.rules)}, `;
    wanted.canary = `${weight}/${total} for ${hostsOf(main, table).join(',')} at ${poolObjectName(name, pool)}, `;
  }
  const isMain = found.main !== wanted.main;
  if (!isMain && found.canary === wanted.canary) return undefined;
  const changed = isMain || !canary ? [main, canary] : [canary, main];
  const who = changed.flatMap((one) => (one && lastForeignWriter(one, FIELD_MANAGER)) ?? [])[0];
  if (who === undefined) return undefined;
  return {
    code: 'E_ROUTE_OVERWRITTEN',
    message: `the ${isMain ? 'Ingress' : 'canary Ingress'} of ${name} was changed by ${who}: asked for ${wanted.canary}main ${wanted.main}; found ${found.canary}main ${found.main}. Likely: it is applied from elsewhere too`,
  };
}
