import type { AppRef, Client, WatchItem } from '../api/client.ts';
import type { AppView, EventView, ReleaseView, ReplicaView, RevisionView } from '../api/types.ts';
import { isNotFound, usageError } from './exit.ts';
import type { Column } from './output/table.ts';
import {
  appColumns,
  eventColumns,
  type Owned,
  releaseColumns,
  replicaColumns,
  revisionColumns,
  type TableContext,
} from './output/tables.ts';

/** A kind of object that `get` lists. */
export interface Kind<T> {
  plural: string;
  singular: string;
  aliases: string[];
  /** Its own columns name the App. */
  namesItsApp?: boolean;
  columns(context: TableContext): Column<T>[];
  id(value: T): string;
  /** As -o json prints it, saying what it belongs to. */
  object(row: Owned<T>): unknown;
  /** Of these Apps; of all of a namespace; or of all. */
  list(client: Client, where: AppRef[] | string | undefined): Promise<Owned<T>[]>;
  /** What may have changed of an App that there is news of. */
  changed(client: Client, item: WatchItem, ref: AppRef): Promise<Owned<T>[]>;
}

const apps: Kind<AppView> = {
  plural: 'apps',
  singular: 'app',
  aliases: ['apps', 'app'],
  namesItsApp: true,
  columns: appColumns,
  id: (app) => app.metadata.name,
  object: (row) => row.value,
  list: async (client, where) => (await appsOf(client, where)).map(ownedApp),
  changed: async (_client, item) => (item.kind === 'app' ? [ownedApp(item.app)] : []),
};

const revisions = belongingKind<RevisionView>({
  plural: 'revisions',
  singular: 'revision',
  aliases: ['revisions', 'revision', 'rev', 'revs'],
  columns: revisionColumns,
  id: (revision) => revision.id,
  of: (client, ref) => client.revisions(ref),
});

const releases = belongingKind<ReleaseView>({
  plural: 'releases',
  singular: 'release',
  aliases: ['releases', 'release', 'rel', 'rels'],
  columns: releaseColumns,
  id: (release) => release.id,
  of: (client, ref) => client.releases(ref),
});

const replicas = belongingKind<ReplicaView>({
  plural: 'replicas',
  singular: 'replica',
  aliases: ['replicas', 'replica', 'rep', 'reps'],
  columns: replicaColumns,
  id: (replica) => replica.id,
  of: (client, ref) => client.replicas(ref),
});

const events: Kind<EventView> = {
  ...belongingKind<EventView>({
    plural: 'events',
    singular: 'event',
    aliases: ['events', 'event', 'ev'],
    columns: eventColumns,
    id: (event) => String(event.id),
    of: (client, ref) => client.events(ref),
  }),
  namesItsApp: true,
  object: (row) => row.value,
  changed: async (_client, item) =>
    item.kind === 'event'
      ? [{ namespace: item.event.namespace, app: item.event.app, value: item.event }]
      : [],
};

export const KINDS = [apps, revisions, releases, replicas, events] as Kind<unknown>[];

/** By name or kubectl-like alias. @throws OperatingError E_USAGE */
export function kindOf(word: string): Kind<unknown> {
  const kind = KINDS.find((candidate) => candidate.aliases.includes(word.toLowerCase()));
  if (kind !== undefined) return kind;
  const known = KINDS.map((candidate) => `${candidate.plural} (${candidate.aliases.slice(1).join(', ')})`);
  throw usageError(`there is no kind "${word}"`, `kinds: ${known.join('; ')}`);
}

interface Belonging<T> extends Pick<Kind<T>, 'plural' | 'singular' | 'aliases' | 'columns' | 'id'> {
  of(client: Client, ref: AppRef): Promise<T[]>;
}

function belongingKind<T>({ of, ...rest }: Belonging<T>): Kind<T> {
  const ofApp = async (client: Client, ref: AppRef): Promise<Owned<T>[]> =>
    (await of(client, ref)).map((value) => ({ namespace: ref.namespace, app: ref.name, value }));
  return {
    ...rest,
    object: (row) => ({ namespace: row.namespace, app: row.app, ...row.value }),
    async list(client, where) {
      const refs = Array.isArray(where) ? where : (await appsOf(client, where)).map(refOf);
      return (await Promise.all(refs.map((ref) => ofApp(client, ref)))).flat();
    },
    changed: (client, _item, ref) => ofApp(client, ref).catch(noneWhenDeleted),
  };
}

async function appsOf(client: Client, where: AppRef[] | string | undefined): Promise<AppView[]> {
  if (Array.isArray(where)) return Promise.all(where.map((ref) => client.app(ref)));
  return client.apps(where);
}

function ownedApp(app: AppView): Owned<AppView> {
  return { namespace: app.metadata.namespace, app: app.metadata.name, value: app };
}

function refOf(app: AppView): AppRef {
  return { namespace: app.metadata.namespace, name: app.metadata.name };
}

function noneWhenDeleted(error: unknown): [] {
  if (isNotFound(error)) return [];
  throw error;
}
