import type { Ms, PoolId, ReplicaId } from '../../../core/model.ts';
import type { LogLine } from '../../../ports/engine.ts';
import { readLines, sizeOf, tailStart } from './lines.ts';
import type { Redact } from './redact.ts';
import { logFile, type Stream } from './replica-logs.ts';
import { readStamps, timeOf } from './stamped-file.ts';

/** The logs of one replica, living or gone. */
export interface LogFolder {
  replica: ReplicaId;
  pool: PoolId;
  folder: string;
  redact: Redact;
}

export const STREAMS: readonly Stream[] = ['stdout', 'stderr', 'crossfade'];
const LONGEST_TEXT = 64 * 1024;

export interface ReadOptions {
  /** Rotated files there may be. */
  logFiles: number;
  tail?: number | undefined;
  now: Ms;
  /** Where each stream ends for this read; a last line without newline is left out when it is given. */
  until?: ReadonlyMap<Stream, number> | undefined;
}

/** Oldest first. Between streams the order is only as exact as the times are. */
export async function* readReplica(source: LogFolder, options: ReadOptions): AsyncGenerator<LogLine> {
  const merged = mergeByTime(STREAMS.map((stream) => readStream(source, stream, options)));
  if (options.tail === undefined) {
    yield* merged;
    return;
  }
  const last: LogLine[] = [];
  for await (const line of merged) {
    last.push(line);
    if (last.length > options.tail) last.shift();
  }
  yield* last;
}

interface Part {
  file: string;
  from: number;
  to: number;
  partial: boolean;
}

async function* readStream(source: LogFolder, stream: Stream, options: ReadOptions): AsyncGenerator<LogLine> {
  for (const part of await partsOf(source, stream, options)) {
    const stamps = readStamps(part.file);
    for await (const line of readLines(part.file, part.from, part.to, part.partial)) {
      yield logLine(source, stream, line.text, timeOf(stamps, line.start, options.now));
    }
  }
}

async function partsOf(source: LogFolder, stream: Stream, options: ReadOptions): Promise<Part[]> {
  const current = logFile(source.folder, stream);
  const parts: Part[] = [];
  let wanted = options.tail ?? Number.POSITIVE_INFINITY;
  for (let age = 0; age <= options.logFiles && wanted > 0; age++) {
    const file = age === 0 ? current : `${current}.${age}`;
    const until = age === 0 ? options.until?.get(stream) : undefined;
    const to = until ?? (await sizeOf(file));
    if (to === 0) continue;
    const start = options.tail === undefined ? { offset: 0, lines: 0 } : await tailStart(file, wanted);
    parts.unshift({ file, from: start.offset, to, partial: until === undefined });
    wanted -= start.lines;
  }
  return parts;
}

export function logLine(source: LogFolder, stream: Stream, text: string, at: Ms): LogLine {
  const shown = source.redact(text);
  const cut =
    shown.length > LONGEST_TEXT
      ? `${shown.slice(0, LONGEST_TEXT)} ... (${shown.length - LONGEST_TEXT} more)`
      : shown;
  return { replica: source.replica, at, stream, text: cut };
}

/** Each source is in order already. */
export async function* mergeByTime(sources: readonly AsyncGenerator<LogLine>[]): AsyncGenerator<LogLine> {
  const heads = await Promise.all(sources.map((source) => source.next()));
  try {
    for (;;) {
      let first = -1;
      for (const [index, head] of heads.entries()) {
        if (head.done) continue;
        const best = heads[first];
        if (!best || best.done || head.value.at < best.value.at) first = index;
      }
      const head = heads[first];
      const source = sources[first];
      if (!head || head.done || !source) return;
      yield head.value;
      heads[first] = await source.next();
    }
  } finally {
    for (const source of sources) await source.return(undefined);
  }
}

/** The last lines as plain text, for messages. */
export async function tailText(
  source: LogFolder,
  lines: number,
  options: { logFiles: number; now: Ms },
): Promise<string[]> {
  const texts: string[] = [];
  for await (const line of readReplica(source, { ...options, tail: lines })) {
    texts.push(line.stream === 'crossfade' ? `crossfade: ${line.text}` : line.text);
  }
  return texts;
}
