import { createHash } from 'node:crypto';
import type { PodSpec } from '../../core/model.ts';
import { shortened } from '../../kubernetes/names.ts';

/** ConfigMaps and Secrets that a pod names, and the copies that a revision runs with. */

export type ContentKind = 'configmap' | 'secret';

export interface Reference {
  kind: ContentKind;
  name: string;
  /** The pod starts without it. */
  optional: boolean;
}

type Json = Record<string, unknown>;

/** Every ConfigMap and Secret that the fields of a pod name, once each. */
export function referencesOf(fields: Json): Reference[] {
  const found = new Map<string, Reference>();
  visit(fields, (kind, name, holder) => {
    const key = contentKey(kind, name);
    const optional = holder.optional === true && (found.get(key)?.optional ?? true);
    found.set(key, { kind, name, optional });
    return name;
  });
  return [...found.values()];
}

/** The same fields, naming copies. `copyOf` gives undefined for what is not copied because it is not there. */
export function withCopies<T extends Json>(
  fields: T,
  copyOf: (kind: ContentKind, name: string) => string | undefined,
): T {
  return visit(fields, (kind, name) => copyOf(kind, name) ?? name) as T;
}

/** As in PodSpec.content. */
export function contentKey(kind: ContentKind, name: string): string {
  return `${kind}/${name}`;
}

/** Where a pod may name one: the field that holds the reference, and the field of it that is the name. */
const PLACES: Readonly<Record<string, { kind: ContentKind; field: string }>> = {
  configMapRef: { kind: 'configmap', field: 'name' },
  configMapKeyRef: { kind: 'configmap', field: 'name' },
  configMap: { kind: 'configmap', field: 'name' },
  secretRef: { kind: 'secret', field: 'name' },
  secretKeyRef: { kind: 'secret', field: 'name' },
};

type Look = (kind: ContentKind, name: string, holder: Json) => string;

function visit(value: unknown, look: Look): unknown {
  if (Array.isArray(value)) return value.map((item) => visit(item, look));
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, child]) => [field, replaced(field, child, look)]),
  );
}

function replaced(field: string, child: unknown, look: Look): unknown {
  const place = placeOf(field, child);
  if (place === undefined || !isMapping(child)) return visit(child, look);
  const name = child[place.field];
  if (typeof name !== 'string') return visit(child, look);
  return { ...child, [place.field]: look(place.kind, name, child) };
}

/** A Secret is named by `secretName` in a volume, by `name` in a projected one. */
function placeOf(field: string, child: unknown): { kind: ContentKind; field: string } | undefined {
  if (field !== 'secret') return PLACES[field];
  return isMapping(child) && 'secretName' in child
    ? { kind: 'secret', field: 'secretName' }
    : { kind: 'secret', field: 'name' };
}

/** Content-addressed: the same content has the same copy, in whichever revision. */
export function copyName(app: string, kind: ContentKind, name: string, digest: string): string {
  const short = createHash('sha256').update(`${kind} ${digest}`).digest('hex').slice(0, 10);
  return shortened(`${app}-${name}-${short}`, 253);
}

/** The copies that a revision runs with. */
export function copiesOf(app: string, pod: PodSpec | undefined): string[] {
  return Object.entries(pod?.content ?? {}).map(([key, digest]) => {
    const at = key.indexOf('/');
    const kind = key.slice(0, at) as ContentKind;
    return copyName(app, kind, key.slice(at + 1), digest);
  });
}

function isMapping(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
