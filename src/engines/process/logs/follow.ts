import fs from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ms } from '../../../core/model.ts';
import type { LogLine, LogQuery } from '../../../ports/engine.ts';
import { readLines, sizeOf, tailStart } from './lines.ts';
import { type LogFolder, logLine, mergeByTime, readReplica, STREAMS } from './read.ts';
import { logFile, type Stream } from './replica-logs.ts';

const LOOK_EVERY_MS = 100;

export interface LogSource {
  /** The replicas that the query names; more may come while it is followed. */
  folders(): Promise<LogFolder[]>;
  /** Notes how far the files have grown, so that a line has the same time now and when it is read again. */
  stamp(): void;
  now(): Ms;
  logFiles: number;
  /** Aborted when the engine closes. */
  closing: AbortSignal;
}

export async function* queryLogs(source: LogSource, query: LogQuery): AsyncGenerator<LogLine> {
  source.stamp();
  const folders = await source.folders();
  const options = { logFiles: source.logFiles, tail: query.tail, now: source.now() };
  if (!query.follow) {
    yield* mergeByTime(folders.map((folder) => readReplica(folder, options)));
    return;
  }
  const followed = new Map<string, Cursor[]>();
  const first = await Promise.all(
    folders.map(async (folder) => {
      const cursors = await cursorsAtEnd(folder);
      followed.set(folder.replica, cursors);
      const until = new Map(cursors.map(({ stream, offset }) => [stream, offset]));
      return readReplica(folder, { ...options, until });
    }),
  );
  yield* mergeByTime(first);
  yield* follow(source, followed, query.signal);
}

async function* follow(
  source: LogSource,
  followed: Map<string, Cursor[]>,
  cancelled?: AbortSignal,
): AsyncGenerator<LogLine> {
  const signal = AbortSignal.any([source.closing, ...(cancelled ? [cancelled] : [])]);
  while (!signal.aborted) {
    source.stamp();
    for (const folder of await source.folders()) {
      const cursors =
        followed.get(folder.replica) ?? STREAMS.map((stream) => ({ stream, offset: 0, rotated: 0 }));
      followed.set(folder.replica, cursors);
      for (const cursor of cursors) yield* newLines(folder, cursor, source.now());
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** How far a stream was given. */
interface Cursor {
  stream: Stream;
  offset: number;
  /** Inode of the newest rotated file: another one means that the file was rotated since. */
  rotated: number;
}

async function cursorsAtEnd(folder: LogFolder): Promise<Cursor[]> {
  return Promise.all(
    STREAMS.map(async (stream) => {
      const file = logFile(folder.folder, stream);
      return { stream, rotated: await inodeOf(`${file}.1`), offset: (await tailStart(file, 0)).offset };
    }),
  );
}

async function* newLines(folder: LogFolder, cursor: Cursor, now: Ms): AsyncGenerator<LogLine> {
  const file = logFile(folder.folder, cursor.stream);
  const rotated = await inodeOf(`${file}.1`);
  if (rotated !== cursor.rotated) {
    yield* linesFrom(folder, cursor, `${file}.1`, true, now);
    cursor.offset = 0;
    cursor.rotated = rotated;
  }
  yield* linesFrom(folder, cursor, file, false, now);
}

async function* linesFrom(
  folder: LogFolder,
  cursor: Cursor,
  file: string,
  partial: boolean,
  now: Ms,
): AsyncGenerator<LogLine> {
  const size = await sizeOf(file);
  if (size < cursor.offset) cursor.offset = 0;
  for await (const line of readLines(file, cursor.offset, size, partial)) {
    cursor.offset = line.end;
    yield logLine(folder, cursor.stream, line.text, now);
  }
}

async function inodeOf(file: string): Promise<number> {
  return fs.stat(file).then(
    (stat) => stat.ino,
    () => 0,
  );
}
