import fs from 'node:fs/promises';
import path from 'node:path';
import type { AppKey, Ms, PoolId, ReplicaId } from '../../../core/model.ts';
import type { LogLine } from '../../../ports/engine.ts';
import { makeFolders, namesIn, readText, removeTree, replaceFile } from '../durable.ts';
import { type Layout, poolOf, splitKey } from '../layout.ts';
import { type LogFolder, readReplica } from './read.ts';

/**
 * What replicas said last, after they and their pools are gone: why a version was given up is asked later. Bounded: so
 * many lines and bytes of each, so many replicas of each App. Redacted as it is written, for the secrets go with the
 * revision.
 */
const KEPT_LINES = 1000;
const KEPT_BYTES = 1024 * 1024;
const KEPT_REPLICAS = 30;
/** So long the logs of a deleted App stay on disk. */
const AFTER_DELETE_MS = 24 * 60 * 60_000;
const SUFFIX = '.ndjson';
const DELETED = /^\.deleted-(\d+)-/;

type KeptLine = Omit<LogLine, 'replica'>;

function folderOf(layout: Layout, app: AppKey): string {
  return path.join(layout.keptLogs, ...splitKey(app));
}

/** @param source of a replica of which nothing is alive any more */
export async function keepLogs(
  layout: Layout,
  app: AppKey,
  source: LogFolder,
  options: { logFiles: number; now: Ms },
): Promise<void> {
  const lines: string[] = [];
  for await (const { replica: _, ...line } of readReplica(source, { ...options, tail: KEPT_LINES })) {
    lines.push(`${JSON.stringify(line satisfies KeptLine)}\n`);
  }
  const first = firstWithin(lines, KEPT_BYTES);
  if (first === lines.length) return;
  const folder = folderOf(layout, app);
  await makeFolders(folder);
  await replaceFile(path.join(folder, `${source.replica}${SUFFIX}`), lines.slice(first).join(''));
  await removeOldest(folder);
}

/** Index of the first line with which all that follow fit. */
function firstWithin(lines: readonly string[], limitBytes: number): number {
  let bytes = 0;
  let first = lines.length;
  while (first > 0) {
    bytes += Buffer.byteLength(lines[first - 1] as string);
    if (bytes > limitBytes) break;
    first -= 1;
  }
  return first;
}

async function removeOldest(folder: string): Promise<void> {
  const names = await namesIn(folder);
  if (names.length <= KEPT_REPLICAS) return;
  const aged = await Promise.all(
    names.map(async (name) => ({ name, at: (await fs.stat(path.join(folder, name))).mtimeMs })),
  );
  aged.sort((a, b) => b.at - a.at);
  for (const { name } of aged.slice(KEPT_REPLICAS)) await fs.rm(path.join(folder, name), { force: true });
}

/** Each is in order. */
export async function keptLogs(
  layout: Layout,
  app: AppKey,
  wanted: { replica?: ReplicaId; pool?: PoolId; tail?: number | undefined },
): Promise<AsyncGenerator<LogLine>[]> {
  const folder = folderOf(layout, app);
  const replicas = (await namesIn(folder))
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => name.slice(0, -SUFFIX.length))
    .filter((replica) => (wanted.replica ?? replica) === replica)
    .filter((replica) => (wanted.pool ?? poolOf(replica)) === poolOf(replica));
  return replicas.map((replica) => readKept(path.join(folder, `${replica}${SUFFIX}`), replica, wanted.tail));
}

async function* readKept(file: string, replica: ReplicaId, tail = KEPT_LINES): AsyncGenerator<LogLine> {
  const lines = ((await readText(file)) ?? '').split('\n').slice(0, -1);
  for (const line of lines.slice(Math.max(0, lines.length - tail)))
    yield { replica, ...(JSON.parse(line) as KeptLine) };
}

/** Puts aside the logs of Apps that were deleted, for one of the same name has its own; removes those put aside long ago. */
export async function sweepKeptLogs(
  layout: Layout,
  isKnown: (app: AppKey) => boolean,
  now: Ms,
): Promise<void> {
  for (const namespace of await namesIn(layout.keptLogs)) {
    const folder = path.join(layout.keptLogs, namespace);
    for (const name of await namesIn(folder)) {
      const deletedAt = DELETED.exec(name)?.[1];
      if (deletedAt === undefined) {
        if (!isKnown(`${namespace}/${name}`))
          await fs.rename(path.join(folder, name), path.join(folder, `.deleted-${now}-${name}`));
      } else if (now - Number(deletedAt) > AFTER_DELETE_MS) await removeTree(path.join(folder, name));
    }
  }
}
