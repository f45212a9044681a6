import { renameSync } from 'node:fs';
import path from 'node:path';
import type { AppKey, Revision, RevisionId, RunSpec } from '../../core/model.ts';
import type { EngineContext } from './context.ts';
import { namesIn, removeEmpty, removeTree, temporaryBeside } from './durable.ts';
import { isMissing } from './failures.ts';
import { appRunFolder, digestName, type Layout, TEMPORARY } from './layout.ts';
import { sweepKeptLogs } from './logs/kept.ts';
import type { Supervisor } from './replica/supervisor.ts';
import type { Replicas } from './replicas.ts';

const GRACE_OF_ORPHANS_MS = 10_000;

type InUse = ReadonlyMap<AppKey, readonly Revision[]>;
interface Content {
  revision: RevisionId;
  run: RunSpec;
}

/**
 * What there is is noted before it is asked what is in use: what an apply makes meanwhile is not looked at at all.
 * @param prepared what was prepared just now and may not be stored as a revision yet
 */
export async function sweep(
  context: EngineContext,
  replicas: Replicas,
  inUse: () => Promise<InUse>,
  prepared: () => readonly Content[],
): Promise<void> {
  const { layout } = context;
  const orphans = new Map((await appsIn(layout.run)).map((app) => [app, replicas.of(app)]));
  const data = await appsIn(layout.data);
  const content = await Promise.all(CONTENT.map(async (kind) => ({ kind, names: await kind.names(layout) })));
  const used = await inUse();
  for (const app of used.keys()) orphans.delete(app);
  await sweepApps(context, replicas, orphans);
  // Data of an App outlives even the App, unless there is none: what a user stored is removed by nobody else.
  for (const app of data) if (!used.has(app)) await removeEmpty(path.join(layout.data, app));
  await sweepKeptLogs(layout, (app) => used.has(app), context.clock.wall());

  const stored = [...used.values()].flat().map(({ id, run }) => ({ revision: id, run }));
  for (const { kind, names } of content) {
    for (const name of names) {
      const running = replicas.all().map(({ intent }) => ({ revision: intent.revision.id, run: intent.run }));
      const needed = [...stored, ...running, ...prepared()].some((one) => kind.needs(one).includes(name));
      if (!needed) await removeAtOnce(path.join(kind.folder(layout), name));
    }
  }
}

interface ContentKind {
  folder(layout: Layout): string;
  names(layout: Layout): Promise<string[]>;
  /** Names in that folder without which it cannot run. */
  needs(content: Content): string[];
}

const CONTENT: readonly ContentKind[] = [
  kindOf('snapshots', ({ run }) =>
    run.artifact.kind === 'snapshot' ? [digestName(run.artifact.digest)] : [],
  ),
  kindOf('revisions', ({ revision }) => [revision]),
  kindOf('files', ({ run }) => Object.values(run.configFiles).map(digestName)),
  kindOf('captured', ({ run }) => Object.values(run.secretEnv).map(({ hmac }) => hmac)),
];

function kindOf(
  name: 'snapshots' | 'revisions' | 'files' | 'captured',
  needs: ContentKind['needs'],
): ContentKind {
  return {
    folder: (layout) => layout[name],
    // What is half made is another apply's, at work right now.
    names: async (layout) => (await namesIn(layout[name])).filter((one) => !one.startsWith(TEMPORARY)),
    needs,
  };
}

/** In one step after the last look: an apply of the same content finds it whole, or not at all and stores it again. */
async function removeAtOnce(target: string): Promise<void> {
  const aside = temporaryBeside(target);
  try {
    renameSync(target, aside);
  } catch (error) {
    // A pool that was forgotten meanwhile has taken its tree along.
    if (isMissing(error)) return;
    throw error;
  }
  await removeTree(aside);
}

/** Apps that nobody knows any more: their replicas are stopped; what they ran is removed once they are gone. */
async function sweepApps(
  context: EngineContext,
  replicas: Replicas,
  orphans: ReadonlyMap<AppKey, readonly Supervisor[]>,
): Promise<void> {
  for (const [app, supervisors] of orphans) {
    for (const supervisor of supervisors) {
      context.logger.warn(
        { app, replica: supervisor.intent.replica },
        'stopping a replica of an App that does not exist',
      );
      await supervisor.stop(GRACE_OF_ORPHANS_MS, supervisor.stateVersion);
    }
    if (replicas.of(app).length === 0) await removeTree(appRunFolder(context.layout, app));
  }
}

async function appsIn(folder: string): Promise<AppKey[]> {
  const apps: AppKey[] = [];
  for (const namespace of await namesIn(folder)) {
    for (const name of await namesIn(path.join(folder, namespace))) apps.push(`${namespace}/${name}`);
  }
  return apps;
}
