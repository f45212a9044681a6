import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ms, ReplicaId } from '../../../core/model.ts';
import type { LogLine, LogQuery } from '../../../ports/engine.ts';
import { type RawLine, splitLines, tailStart, textOf } from './lines.ts';
import { type LogFolder, logLine, mergeByTime, readReplica, STREAMS } from './read.ts';
import { logFile, type Stream } from './replica-logs.ts';
import { recentStamps, timeOf } from './stamped-file.ts';

const LOOK_EVERY_MS = 100;
/** More waits for the next look, so that one talkative replica does not hold up the daemon. */
const MOST_BYTES_AT_ONCE = 1024 * 1024;

export interface LogSource {
  /** The replicas that the query names; more may come while it is followed. */
  folders(): Promise<LogFolder[]>;
  /** Of replicas whose pool is gone; each is in order. */
  kept(): Promise<AsyncGenerator<LogLine>[]>;
  /** False: nothing that the query names can write any more. */
  lives(): boolean;
  /** Notes how far the files have grown, so that a line has the same time now and when it is read again. */
  stamp(replica?: ReplicaId): void;
  now(): Ms;
  logFiles: number;
  /** Aborted when the engine closes. */
  closing: AbortSignal;
}

export async function* queryLogs(source: LogSource, query: LogQuery): AsyncGenerator<LogLine> {
  source.stamp();
  const kept = await source.kept();
  const folders = await source.folders();
  const options = { logFiles: source.logFiles, tail: query.tail, now: source.now() };
  if (!query.follow) {
    yield* mergeByTime([...kept, ...folders.map((folder) => readReplica(folder, options))]);
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
  yield* mergeByTime([...kept, ...first]);
  yield* follow(source, followed, query.signal);
}

async function* follow(
  source: LogSource,
  followed: Map<string, Cursor[]>,
  cancelled?: AbortSignal,
): AsyncGenerator<LogLine> {
  const signal = AbortSignal.any([source.closing, ...(cancelled ? [cancelled] : [])]);
  for (let lives = true; lives && !signal.aborted; ) {
    // Asked before reading: what was written before its end is read after it.
    lives = source.lives();
    for (const folder of await source.folders()) {
      const cursors =
        followed.get(folder.replica) ?? STREAMS.map((stream) => ({ stream, offset: 0, rotated: 0 }));
      followed.set(folder.replica, cursors);
      // At once before reading: what is written in between would be given another time than it is stored with.
      source.stamp(folder.replica);
      const lines = cursors.flatMap((cursor) => newLines(folder, cursor, source.now()));
      yield* lines.sort((a, b) => a.at - b.at);
    }
    if (lives) await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
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
      return { stream, rotated: inodeOf(`${file}.1`), offset: (await tailStart(file, 0)).offset };
    }),
  );
}

/**
 * Synchronous, as rotating is: between the look at what was rotated and the read nothing can be rotated, or lines
 * would be read from the wrong file.
 */
function newLines(folder: LogFolder, cursor: Cursor, now: Ms): LogLine[] {
  const file = logFile(folder.folder, cursor.stream);
  const rotated = inodeOf(`${file}.1`);
  const lines: LogLine[] = [];
  const take = (from: string, whole: boolean) => {
    const stamps = recentStamps(from);
    for (const { start, text } of linesFrom(cursor, from, whole)) {
      lines.push(logLine(folder, cursor.stream, text, timeOf(stamps, start, now)));
    }
  };
  if (rotated !== cursor.rotated) {
    take(`${file}.1`, true);
    cursor.offset = 0;
    cursor.rotated = rotated;
  }
  take(file, false);
  return lines;
}

/** @param whole the file grows no more: what is left without a newline is a line too */
function linesFrom(cursor: Cursor, file: string, whole: boolean): RawLine[] {
  const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size < cursor.offset) cursor.offset = 0;
  const bytes = readPart(
    file,
    cursor.offset,
    whole ? size : Math.min(size, cursor.offset + MOST_BYTES_AT_ONCE),
  );
  const { lines, rest, end } = splitLines(bytes, cursor.offset);
  cursor.offset = end;
  if (whole && rest.length > 0) lines.push({ start: end, end: end + rest.length, text: textOf(rest) });
  return lines;
}

function readPart(file: string, from: number, to: number): Buffer {
  if (to <= from) return Buffer.alloc(0);
  const bytes = Buffer.alloc(to - from);
  const fd = fs.openSync(file, 'r');
  try {
    return bytes.subarray(0, fs.readSync(fd, bytes, 0, bytes.length, from));
  } finally {
    fs.closeSync(fd);
  }
}

function inodeOf(file: string): number {
  return fs.statSync(file, { throwIfNoEntry: false })?.ino ?? 0;
}
