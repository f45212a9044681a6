import { OperatingError } from '../../core/errors.ts';
import type { AppKey } from '../../core/model.ts';
import type { AppResource, AppStatus } from '../../kubernetes/crossfade.ts';
import { keyOf } from '../../kubernetes/types.ts';
import type { Stored, StoredEvent } from '../../ports/store.ts';
import { migrateState } from '../migrate-state.ts';

/**
 * What is kept in memory of an App object: texts, because thousands of Apps that rest should cost no more than what they
 * would in a file. They are parsed when something happens.
 */
export interface Row {
  key: AppKey;
  uid: string;
  resourceVersion: string;
  createdAt: string;
  /** Of the spec as it is now. */
  generation: number;
  deleting: boolean;
  /** Of the spec that `object` holds; 0: none was taken up yet. */
  accepted: number;
  object: string | undefined;
  stateVersion: number;
  state: string | undefined;
  log: string | undefined;
  seen: string | undefined;
  /** All else of the status, as JSON. */
  shown: string;
  /** While the spec has not been taken up: what the user wrote, as JSON of `Wanted`. */
  wanted: string | undefined;
}

/** What a user wants of an App, not yet read. */
export interface Wanted {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  spec: unknown;
  /** The program that wrote the spec last. */
  manager: string;
}

export function rowOf(resource: AppResource): Row {
  const { metadata, status = {} } = resource;
  const { object, state, log, seen, acceptedGeneration = 0, stateVersion = 0, ...shown } = status;
  const accepted = object === undefined ? 0 : acceptedGeneration;
  return {
    key: keyOf(resource),
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    createdAt: metadata.creationTimestamp ?? '',
    generation: metadata.generation ?? 0,
    deleting: metadata.deletionTimestamp !== undefined,
    accepted,
    object,
    stateVersion,
    state,
    log,
    seen,
    shown: JSON.stringify(shown),
    wanted: accepted < (metadata.generation ?? 0) ? JSON.stringify(wantedIn(resource)) : undefined,
  };
}

function wantedIn({ metadata, spec }: AppResource): Wanted {
  const { labels = {}, annotations = {}, managedFields = [] } = metadata;
  const writers = managedFields.filter(({ subresource, fieldsV1 }) => !subresource && fieldsV1?.['f:spec']);
  const last = writers.sort((a, b) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1)).at(-1);
  return { labels, annotations, spec, manager: last?.manager ?? 'unknown' };
}

/** The App as the rest of the program knows it; undefined while its spec has not been taken up. */
export function storedOf(row: Row): Stored | undefined {
  if (row.object === undefined || row.state === undefined) return undefined;
  return { object: parse(row, 'object', row.object), state: migrateState(parse(row, 'state', row.state)) };
}

export function eventsOf(row: Pick<Row, 'key' | 'log'>): StoredEvent[] {
  if (row.log === undefined) return [];
  const entries: Omit<StoredEvent, 'app'>[] = parse(row, 'log', row.log);
  return entries.map((entry) => ({ ...entry, app: row.key }));
}

export function wantedOf(row: Row): Wanted | undefined {
  return row.wanted === undefined ? undefined : parse(row, 'wanted', row.wanted);
}

export function shownOf(row: Row): AppStatus {
  return JSON.parse(row.shown) as AppStatus;
}

function parse<T>({ key }: Pick<Row, 'key'>, field: string, text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new OperatingError('E_STORE_CORRUPT', `status.${field} of App ${key} is not JSON.`, {
      hint: 'Somebody else wrote it. Restore the object from a backup.',
      cause,
    });
  }
}
