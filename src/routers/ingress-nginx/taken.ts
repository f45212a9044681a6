import { OperatingError } from '../../core/errors.ts';
import type { PoolId, RouteTable } from '../../core/model.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { type GivenPaths, givenAnnotation, givenOf } from '../../kubernetes/given.ts';
import { annotationPath, jsonPatch, onlyOver, roomForAnnotations } from '../../kubernetes/json-patch.ts';
import type { AppName } from '../../kubernetes/names.ts';
import { INGRESSES, type Ingress, type IngressRule } from '../../kubernetes/network.ts';
import { leading, type Place, placesOf, servicesOf } from '../../kubernetes/routing/ingress-paths.ts';
import { recordAnnotation, recordOf } from '../../kubernetes/routing/record.ts';
import { backendTo, rulesBeside } from './shape.ts';

/** An Ingress that was there before the App, and goes on being others' too: hosts, TLS, paths and annotations are theirs. */
export interface TakenIngress {
  ingress: Ingress;
  /** Of its first rule for the App. */
  host?: string;
  /** What a canary beside it has to say. */
  rulesFor(pool: PoolId): IngressRule[];
  /** Leads the App's paths to this pool and notes the record, over exactly the version that was read. */
  lead(pool: PoolId, record: string): Promise<Ingress>;
}

/** @throws OperatingError E_ROUTE_REFUSED when no path leads to the App */
export function takenIngress(kube: Kube, app: AppName, table: RouteTable, ingress: Ingress): TakenIngress {
  const before = recordOf(ingress, app.name)?.table;
  const services = servicesOf(...(before ? [table, before] : [table]));
  const places = placesOf(ingress, services);
  const [first] = places;
  const { name = '' } = ingress.metadata;
  if (!first) {
    const message = `no path of Ingress ${name} in ${app.namespace} leads to Service ${table.front.cluster?.service}`;
    throw new OperatingError('E_ROUTE_REFUSED', message, {
      hint: 'correct spec.kubernetes.ingress or spec.kubernetes.service',
    });
  }
  const host = ingress.spec.rules?.[first.rule]?.host;
  return {
    ingress,
    ...(host === undefined ? {} : { host }),
    rulesFor: (pool) => rulesBeside(ingress, before ?? table, pool),
    lead: (pool, record) =>
      jsonPatch(kube, INGRESSES, app.namespace, name, [
        onlyOver(ingress),
        ...roomForAnnotations(ingress),
        ...notedOnce(app, table, ingress, first),
        { op: 'add', path: annotationPath(recordAnnotation(app.name)), value: record },
        ...leading(places, backendTo(app, pool)),
      ]),
  };
}

/** Nobody has noted where it led, and it still leads there: an App that names an Ingress without having been adopted. */
function notedOnce(app: AppName, table: RouteTable, ingress: Ingress, { rule, path }: Place): object[] {
  const backend = ingress.spec.rules?.[rule]?.http?.paths[path]?.backend;
  const isTheirs = backend?.service?.name === table.front.cluster?.service;
  if (!backend || !isTheirs || givenOf(ingress, app.name) !== undefined) return [];
  const value = JSON.stringify({ backend } satisfies GivenPaths);
  return [{ op: 'add', path: annotationPath(givenAnnotation(app.name)), value }];
}
