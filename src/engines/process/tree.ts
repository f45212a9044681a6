import fs from 'node:fs/promises';
import path from 'node:path';
import { OperatingError } from '../../core/errors.ts';
import type { RevisionId, RunSpec } from '../../core/model.ts';
import {
  eachLimited,
  exists,
  makeFolders,
  readText,
  removeTree,
  replaceFile,
  temporaryBeside,
} from './durable.ts';
import { digestName, type Layout, revisionFolder, snapshotFolder } from './layout.ts';
import { makeReadOnly } from './prepare/settle.ts';

/**
 * The folder that the replicas of a revision share: snapshot and config files together. A copy (a clone where the file
 * system can), never links: a replica that writes into a file here must not reach the snapshot that undo goes back to.
 * Made anew after a reboot, and when it is missing: it is a cache of what the snapshot and the files say.
 */
export interface Trees {
  /** Resolves with the folder. @throws OperatingError E_SNAPSHOT_LOST, E_CONFIG_FILE_LOST */
  ensure(revision: RevisionId, run: RunSpec): Promise<string>;
  remove(revision: RevisionId): Promise<void>;
}

const FILES_AT_ONCE = 16;
const COMPLETE = 'complete';

export function createTrees(layout: Layout, bootId: string): Trees {
  const making = new Map<RevisionId, Promise<string>>();
  return {
    async ensure(revision, run) {
      const before = making.get(revision);
      if (before) return before;
      const made = ensureTree(layout, bootId, revision, run).finally(() => making.delete(revision));
      making.set(revision, made);
      return made;
    },
    async remove(revision) {
      await making.get(revision)?.catch(() => undefined);
      await removeTree(revisionFolder(layout, revision));
    },
  };
}

async function ensureTree(
  layout: Layout,
  bootId: string,
  revision: RevisionId,
  run: RunSpec,
): Promise<string> {
  const folder = revisionFolder(layout, revision);
  if ((await readText(path.join(folder, COMPLETE))) === bootId) return path.join(folder, 'tree');
  await makeFolders(layout.revisions, 0o711);
  const temporary = temporaryBeside(folder);
  try {
    const tree = path.join(temporary, 'tree');
    await makeFolders(tree, 0o755);
    if (run.artifact.kind === 'snapshot')
      await copySnapshot(snapshotFolder(layout, run.artifact.digest), tree);
    if (run.artifact.kind === 'none' && run.workingDir)
      await makeFolders(path.join(tree, run.workingDir), 0o755);
    await placeConfigFiles(layout, run, tree);
    await makeReadOnly(tree);
    await replaceFile(path.join(temporary, COMPLETE), bootId);
    await removeTree(folder);
    await fs.rename(temporary, folder);
  } finally {
    await removeTree(temporary);
  }
  return path.join(folder, 'tree');
}

async function copySnapshot(snapshot: string, tree: string): Promise<void> {
  if (!(await exists(snapshot))) {
    throw new OperatingError('E_SNAPSHOT_LOST', `the snapshot ${snapshot} of this revision is gone`, {
      hint: 'apply the App again with the same source; do not remove files below the state folder by hand',
    });
  }
  const files: string[] = [];
  const folders = [''];
  for (let at = 0; at < folders.length; at++) {
    const folder = folders[at] as string;
    for (const entry of await fs.readdir(path.join(snapshot, folder), { withFileTypes: true })) {
      const relative = path.join(folder, entry.name);
      if (entry.isDirectory()) {
        folders.push(relative);
        await fs.mkdir(path.join(tree, relative));
      } else files.push(relative);
    }
  }
  await eachLimited(files, FILES_AT_ONCE, (relative) =>
    copyOne(path.join(snapshot, relative), path.join(tree, relative)),
  );
}

async function copyOne(from: string, to: string): Promise<void> {
  const stat = await fs.lstat(from);
  if (stat.isSymbolicLink()) await fs.symlink(await fs.readlink(from), to);
  else if (stat.isFile()) await fs.copyFile(from, to, fs.constants.COPYFILE_FICLONE);
}

async function placeConfigFiles(layout: Layout, run: RunSpec, tree: string): Promise<void> {
  const working = path.join(tree, run.workingDir ?? '');
  for (const [relative, digest] of Object.entries(run.configFiles)) {
    const target = path.join(working, relative);
    await foldersWithoutLinks(tree, path.dirname(target));
    // Replaced, not written through: what is there may be a link.
    await removeTree(target);
    try {
      await fs.copyFile(path.join(layout.files, digestName(digest)), target);
    } catch (error) {
      if (await exists(path.join(layout.files, digestName(digest)))) throw error;
      throw new OperatingError(
        'E_CONFIG_FILE_LOST',
        `the content of config file ${relative} of this revision is gone`,
        {
          hint: 'apply the App again; do not remove files below the state folder by hand',
          cause: error,
        },
      );
    }
    await fs.chmod(target, 0o444);
  }
}

/** A link among the folders of a snapshot could lead a config file to another place than its path says. */
async function foldersWithoutLinks(tree: string, folder: string): Promise<void> {
  if (path.relative(tree, folder) === '') return;
  await foldersWithoutLinks(tree, path.dirname(folder));
  const stat = await fs.lstat(folder).catch(() => undefined);
  if (stat?.isDirectory()) return;
  if (stat) {
    throw new OperatingError(
      'E_CONFIG_FILE_PATH',
      `${path.relative(tree, folder)} is not a folder of the source, so no config file can be placed in it`,
      {
        hint: 'choose another path in spec.run.configFiles',
      },
    );
  }
  await fs.mkdir(folder, { mode: 0o755 });
}
