import path from 'node:path';
import type { AppKey, Revision, RunSpec } from '../../core/model.ts';
import type { EngineContext } from './context.ts';
import { namesIn, removeEmpty, removeTree } from './durable.ts';
import { appRunFolder, digestName, TEMPORARY } from './layout.ts';
import type { Replicas } from './replicas.ts';

const GRACE_OF_ORPHANS_MS = 10_000;

/** @param keep what was prepared just now and may not be stored as a revision yet */
export async function sweepContent(
  context: EngineContext,
  replicas: Replicas,
  inUse: ReadonlyMap<AppKey, readonly Revision[]>,
  keep: readonly { revision: string; run: RunSpec }[],
): Promise<void> {
  const { layout } = context;
  const runs = [
    ...[...inUse.values()].flat().map(({ id, run }) => ({ revision: id, run })),
    ...replicas.all().map(({ intent }) => ({ revision: intent.revision.id, run: intent.run })),
    ...keep,
  ];
  const snapshots = runs.flatMap(({ run }) =>
    run.artifact.kind === 'snapshot' ? [digestName(run.artifact.digest)] : [],
  );
  await removeOthers(layout.snapshots, snapshots);
  await removeOthers(
    layout.revisions,
    runs.map(({ revision }) => revision),
  );
  await removeOthers(
    layout.files,
    runs.flatMap(({ run }) => Object.values(run.configFiles).map(digestName)),
  );
  await removeOthers(
    layout.captured,
    runs.flatMap(({ run }) => Object.values(run.secretEnv).map(({ hmac }) => hmac)),
  );
}

async function removeOthers(folder: string, used: readonly string[]): Promise<void> {
  const kept = new Set(used);
  for (const name of await namesIn(folder)) {
    // What is half made is another apply's, at work right now.
    if (!kept.has(name) && !name.startsWith(TEMPORARY)) await removeTree(path.join(folder, name));
  }
}

/** Apps that nobody knows any more: their replicas are stopped; what they ran is removed once they are gone. */
export async function sweepApps(
  context: EngineContext,
  replicas: Replicas,
  known: ReadonlySet<AppKey>,
): Promise<void> {
  for (const app of await appsIn(context.layout.run)) {
    if (known.has(app)) continue;
    for (const supervisor of replicas.of(app)) {
      context.logger.warn(
        { app, replica: supervisor.intent.replica },
        'stopping a replica of an App that does not exist',
      );
      await supervisor.stop(GRACE_OF_ORPHANS_MS, supervisor.stateVersion);
    }
    if (replicas.of(app).length === 0) await removeTree(appRunFolder(context.layout, app));
  }
  // Data of an App outlives even the App, unless there is none: what a user stored is removed by nobody else.
  for (const app of await appsIn(context.layout.data))
    if (!known.has(app)) await removeEmpty(path.join(context.layout.data, app));
}

async function appsIn(folder: string): Promise<AppKey[]> {
  const apps: AppKey[] = [];
  for (const namespace of await namesIn(folder)) {
    for (const name of await namesIn(path.join(folder, namespace))) apps.push(`${namespace}/${name}`);
  }
  return apps;
}
