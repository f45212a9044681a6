import path from 'node:path';
import type { AppKey, PoolId, ReplicaId, RevisionId } from '../../core/model.ts';

/**
 * Where everything of this engine lives below the state folder:
 *
 *     snapshots/<digest>/            immutable content of a source folder, after its build
 *     revisions/<revision>/tree/     the folder that replicas of a revision work in: snapshot and config files
 *     files/<digest>                 config files
 *     captured/<hmac>                secret values as they were when a revision was prepared, 0600
 *     run/<ns>/<app>/<replica>/      one replica: intent, attempts, exit status, logs
 *     kept-logs/<ns>/<app>/          what replicas said last, after their pool is gone
 *     data/<ns>/<app>/               CROSSFADE_DATA
 *     secrets/<ns>/<name>            secret values as they are now, 0600
 *     installation-id, hmac-key
 */
export interface Layout {
  readonly root: string;
  readonly snapshots: string;
  readonly revisions: string;
  readonly files: string;
  readonly captured: string;
  readonly run: string;
  readonly keptLogs: string;
  readonly data: string;
  readonly secrets: string;
  readonly hmacKey: string;
  readonly installationId: string;
}

/** Names of half-made things begin so; what is found at start is removed. */
export const TEMPORARY = '.tmp-';

export function layoutOf(stateDir: string): Layout {
  const at = (name: string) => path.join(stateDir, name);
  return {
    root: stateDir,
    snapshots: at('snapshots'),
    revisions: at('revisions'),
    files: at('files'),
    captured: at('captured'),
    run: at('run'),
    keptLogs: at('kept-logs'),
    data: at('data'),
    secrets: at('secrets'),
    hmacKey: at('hmac-key'),
    installationId: at('installation-id'),
  };
}

/** `sha256:<hex>` -> its folder or file name. */
export function digestName(digest: string): string {
  return digest.replace(/^sha256:/, '');
}

export function snapshotFolder(layout: Layout, digest: string): string {
  return path.join(layout.snapshots, digestName(digest));
}

export function revisionFolder(layout: Layout, revision: RevisionId): string {
  return path.join(layout.revisions, revision);
}

export function appRunFolder(layout: Layout, app: AppKey): string {
  return path.join(layout.run, ...splitKey(app));
}

export function replicaFolder(layout: Layout, app: AppKey, replica: ReplicaId): string {
  return path.join(appRunFolder(layout, app), replica);
}

export function appDataFolder(layout: Layout, app: AppKey): string {
  return path.join(layout.data, ...splitKey(app));
}

export function poolOf(replica: ReplicaId): PoolId {
  return replica.slice(0, replica.lastIndexOf('-'));
}

/** Broken invariant, not a user's mistake: the spec admits only names that are safe as folder names. */
export function splitKey(app: AppKey): [namespace: string, name: string] {
  const [namespace, name, rest] = app.split('/');
  if (!namespace || !name || rest !== undefined || [namespace, name].some((part) => part.startsWith('.'))) {
    throw new Error(`not an App key: ${app}`);
  }
  return [namespace, name];
}
