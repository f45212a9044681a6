import type { RouteTable } from '../../core/model.ts';
import type { ActionContext } from '../../ports/engine.ts';
import { givenAnnotation } from '../given.ts';
import { annotationPath } from '../json-patch.ts';
import type { KubeObject, ManagedFields, OwnerReference } from '../types.ts';

/** What was asked of a route, kept on the route itself: one write carries both, and the next controller reads it. */
export interface RouteRecord {
  stateVersion: number;
  table: RouteTable;
  /** Of the App object that asked: another one may have had its name before it, or have it since. */
  uid?: string;
}

/** Who asks for a route. */
export interface RouteWriter extends ActionContext {
  owner: OwnerReference | undefined;
}

export function recordBy({ stateVersion, owner }: RouteWriter, table: RouteTable): RouteRecord {
  return { stateVersion, table, ...(owner ? { uid: owner.uid } : {}) };
}

/** An annotation per App: several may share one route. */
const RECORD_PREFIX = 'route.crossfade.dev/';

export function recordAnnotation(app: string): string {
  return `${RECORD_PREFIX}${app}`;
}

export function recordText(record: RouteRecord): string {
  return JSON.stringify(record);
}

export function recordOf({ metadata }: KubeObject, app: string): RouteRecord | undefined {
  return parsed(metadata.annotations?.[recordAnnotation(app)]);
}

/** JSON patch operations that take away what was noted for an App on an object of others: the record, and what it led to before. */
export function withoutNotes({ metadata }: KubeObject, app: string): object[] {
  return [givenAnnotation(app), recordAnnotation(app)]
    .filter((name) => metadata.annotations?.[name] !== undefined)
    .map((name) => ({ op: 'remove', path: annotationPath(name) }));
}

/** Names of the Apps that an object carries a record of. */
export function appsOn({ metadata }: KubeObject): string[] {
  return Object.keys(metadata.annotations ?? {})
    .filter((name) => name.startsWith(RECORD_PREFIX))
    .map((name) => name.slice(RECORD_PREFIX.length));
}

/** Somebody may have written anything there: what cannot be read is no record. */
function parsed(text: string | undefined): RouteRecord | undefined {
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as Partial<RouteRecord>;
    return typeof value.stateVersion === 'number' && typeof value.table?.generation === 'number'
      ? (value as RouteRecord)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Who wrote last of all but us. Fields of `status` are written by whoever carries the route. */
export function lastForeignWriter({ metadata }: KubeObject, own: string): string | undefined {
  const foreign = (metadata.managedFields ?? []).filter(
    ({ manager, subresource }) => manager !== own && subresource === undefined,
  );
  const last = foreign.toSorted((a, b) => timeOf(a) - timeOf(b)).at(-1);
  return last && `${last.manager ?? 'somebody'} (${last.operation ?? 'Update'})`;
}

function timeOf({ time }: ManagedFields): number {
  return Date.parse(time ?? '') || 0;
}
