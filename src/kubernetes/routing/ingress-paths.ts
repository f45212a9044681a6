import type { RouteTable } from '../../core/model.ts';
import type { Kube } from '../client.ts';
import { type GivenPaths, givenOf } from '../given.ts';
import { jsonPatch, onlyOver } from '../json-patch.ts';
import { type AppName, shortened } from '../names.ts';
import { INGRESSES, type Ingress, type IngressBackend } from '../network.ts';
import { poolServices } from './carrier.ts';
import { deleteOwn } from './own.ts';
import { recordOf, withoutNotes } from './record.ts';

/** An Ingress that was there before the App: of it only the backends of some paths are written. */

/** One path of one rule, by their positions. */
export interface Place {
  rule: number;
  path: number;
}

/** Services that the App's paths may lead to: the users' own, and those of its pools, now and before. */
export function servicesOf(...tables: readonly RouteTable[]): Set<string> {
  return new Set(
    tables.flatMap((table) => {
      const { service } = table.front.cluster ?? {};
      const pools = poolServices(table);
      return service === undefined ? pools : [service, ...pools];
    }),
  );
}

/** Where an Ingress leads to one of these Services. */
export function placesOf({ spec }: Ingress, services: ReadonlySet<string>): Place[] {
  return (spec.rules ?? []).flatMap((rule, at) =>
    (rule.http?.paths ?? []).flatMap(({ backend }, path) =>
      services.has(backend.service?.name ?? '') ? [{ rule: at, path }] : [],
    ),
  );
}

/** JSON patch operations that lead each place to this backend. */
export function leading(places: readonly Place[], backend: IngressBackend): object[] {
  return places.map(({ rule, path }) => ({
    op: 'replace',
    path: `/spec/rules/${rule}/http/paths/${path}/backend`,
    value: backend,
  }));
}

const MAX_NAME = 253;

export function besideName({ name }: AppName, what: 'canary' | 'preview'): string {
  return shortened(`${name}-${what}`, MAX_NAME);
}

/** Without them the main Ingress leads where its own backend says. */
export async function removeBeside(kube: Kube, app: AppName): Promise<void> {
  for (const what of ['canary', 'preview'] as const)
    await deleteOwn(kube, INGRESSES, app, besideName(app, what));
}

/** The App goes: its paths lead where they led before. */
export async function leaveIngress(kube: Kube, app: AppName, ingress: Ingress): Promise<Ingress> {
  const given = givenOf<GivenPaths>(ingress, app.name);
  const table = recordOf(ingress, app.name)?.table;
  const places = table ? placesOf(ingress, servicesOf(table)) : [];
  return jsonPatch(kube, INGRESSES, app.namespace, ingress.metadata.name ?? '', [
    onlyOver(ingress),
    ...(given ? leading(places, given.backend) : []),
    ...withoutNotes(ingress, app.name),
  ]);
}
