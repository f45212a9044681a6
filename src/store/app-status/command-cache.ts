import type { AppKey, Command, CommandId, Verb } from '../../core/model.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { APP_COMMANDS, APPS, type CommandResource } from '../../kubernetes/crossfade.ts';
import { createInformer, type Informer } from '../../kubernetes/informer.ts';
import { APP_LABEL } from '../../kubernetes/names.ts';
import { API_VERSION } from '../../spec/schema.ts';
import type { Row } from './row.ts';

/** An AppCommand as it is kept in memory. */
export interface KeptCommand {
  namespace: string;
  name: string;
  app: AppKey;
  /** Uid of the App that it was given to; undefined: whoever made it did not say. */
  owner: string | undefined;
  createdAt: string;
  version: bigint;
  done: boolean;
  command: Command;
}

export type CommandCache = Informer<CommandResource, KeptCommand>;

export function commandCache(
  kube: Kube,
  scope: { namespace?: string },
  onTrouble: (error: unknown) => void,
): CommandCache {
  return createInformer(kube, APP_COMMANDS, {
    ...scope,
    keep: keptOf,
    groups: (kept) => [kept.app],
    onTrouble,
  });
}

function keptOf({ metadata, spec, status }: CommandResource): KeptCommand {
  const { namespace = '', name = '', creationTimestamp = '' } = metadata;
  const { app, verb, at, actor, reason, full, toRevision } = spec;
  return {
    namespace,
    name,
    app: `${namespace}/${app}`,
    owner: metadata.ownerReferences?.find((owner) => owner.kind === APPS.kind)?.uid,
    createdAt: creationTimestamp,
    version: BigInt(metadata.resourceVersion ?? 0),
    done: status?.result !== undefined,
    command: {
      id: idOf(app, name),
      // The schema of the CRD lets nothing else through.
      verb: verb as Verb,
      actor: actor ?? managerOf(metadata.managedFields),
      at: at ?? Date.parse(creationTimestamp),
      ...(reason === undefined ? {} : { reason }),
      ...(full === undefined ? {} : { full }),
      ...(toRevision === undefined ? {} : { toRevision }),
    },
  };
}

/** Who made it when it does not say: the program, for the API server tells nobody the user. */
function managerOf(fields: { manager?: string }[] | undefined): string {
  return fields?.[0]?.manager ?? 'unknown';
}

/** Ids are unique within an App, names within a namespace. */
function nameOf(app: string, id: CommandId): string {
  return `${app}.${id}`;
}

function idOf(app: string, name: string): CommandId {
  return name.startsWith(`${app}.`) ? name.slice(app.length + 1) : name;
}

export function commandResource(row: Row, { id, ...command }: Command): CommandResource {
  const [namespace = '', app = ''] = row.key.split('/');
  const owner = { apiVersion: API_VERSION, kind: APPS.kind, name: app, uid: row.uid };
  return {
    metadata: {
      name: nameOf(app, id),
      namespace,
      labels: { [APP_LABEL]: app },
      ownerReferences: [owner],
    },
    spec: { app, ...command },
  };
}

/** Commands for this App and no earlier one of its name, oldest first. */
export function commandsFor(cache: CommandCache, row: Row): KeptCommand[] {
  return cache
    .group(row.key)
    .filter(({ owner, createdAt }) => (owner === undefined ? createdAt >= row.createdAt : owner === row.uid))
    .sort(byAge);
}

/** Times have whole seconds; within one, the order of the versions is the order of the writes. */
function byAge(a: KeptCommand, b: KeptCommand): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? -1 : 1;
  return a.version < b.version ? -1 : 1;
}
