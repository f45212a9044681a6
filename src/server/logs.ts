import { OperatingError } from '../core/errors.ts';
import type { AppKey, AppState, PoolId } from '../core/model.ts';
import type { Engine, LogLine, LogQuery } from '../ports/engine.ts';
import { merge } from './streams.ts';
import { isoTime } from './view/snapshot.ts';

export interface LogFilter {
  replica?: string | undefined;
  /** A revision's id or number: all its pools. */
  revision?: string | undefined;
  tail?: number | undefined;
  follow: boolean;
}

/** One JSON document per line. @throws OperatingError E_REVISION_NOT_FOUND */
export function logLines(
  engine: Engine,
  state: AppState,
  app: AppKey,
  filter: LogFilter,
  signal: AbortSignal,
): AsyncIterable<string> {
  const { replica, revision, tail, follow } = filter;
  const query: LogQuery = {
    app,
    follow,
    signal,
    ...(replica === undefined ? {} : { replica }),
    ...(tail === undefined ? {} : { tail }),
  };
  const pools = revision === undefined ? undefined : poolsOf(state, revision);
  const sources = pools ? pools.map((pool) => engine.logs({ ...query, pool })) : [engine.logs(query)];
  return asText(sources.length === 1 && sources[0] ? sources[0] : merge(sources));
}

/** Its lines, or kept ones, or it runs and has said nothing yet. @throws OperatingError E_REPLICA_NOT_FOUND */
export async function assertReplica(engine: Engine, app: AppKey, replica: string): Promise<void> {
  if ((await engine.list(app)).some(({ id }) => id === replica)) return;
  for await (const _ of engine.logs({ app, replica, tail: 1, follow: false })) return;
  throw new OperatingError(
    'E_REPLICA_NOT_FOUND',
    `There is no replica ${replica} of ${app}, and no line of it is kept.`,
    {
      hint: '`crossfade get replicas` lists those that run.',
      details: { app, replica },
    },
  );
}

async function* asText(lines: AsyncIterable<LogLine>): AsyncGenerator<string> {
  for await (const { replica, at, stream, text } of lines) {
    yield `${JSON.stringify({ replica, at: isoTime(at), stream, text })}\n`;
  }
}

function poolsOf(state: AppState, revision: string): PoolId[] {
  const found = Object.values(state.revisions).find(
    ({ id, number }) => id === revision || `${number}` === revision,
  );
  if (!found) {
    throw new OperatingError('E_REVISION_NOT_FOUND', `There is no revision ${revision}.`, {
      hint: '`crossfade get revisions` lists what is kept.',
    });
  }
  const standing = Object.values(state.pools).filter((pool) => pool.revision === found.id);
  // What those that are gone said last is kept.
  const gone = state.history.filter((release) => release.revision === found.id);
  const pools = [...standing.map((pool) => pool.id), ...gone.flatMap(({ arms }) => arms.candidate ?? [])];
  return [...new Set(pools)];
}
