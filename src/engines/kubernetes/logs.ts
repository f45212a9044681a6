import type { ReplicaId } from '../../core/model.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { KubeError } from '../../kubernetes/error.ts';
import { pathOf } from '../../kubernetes/types.ts';
import { PODS } from '../../kubernetes/workloads.ts';
import type { LogLine, LogQuery } from '../../ports/engine.ts';

export interface LogSource {
  kube: Kube;
  namespace: string;
  /** Pods that the query names, as they are now. */
  pods(): { name: ReplicaId; container: string; hasStarted: boolean; isGone: boolean }[];
  /** Resolves when pods() may answer something else. */
  changed(signal: AbortSignal): Promise<void>;
  closing: AbortSignal;
}

type Place = { name: ReplicaId; container: string };

/** Lines of all pods; followed ones as they come. The API has one stream for both outputs of a container. */
export async function* queryLogs(source: LogSource, query: LogQuery): AsyncGenerator<LogLine> {
  const signal = AbortSignal.any([source.closing, ...(query.signal ? [query.signal] : [])]);
  if (!query.follow) {
    const all = await Promise.all(source.pods().map((pod) => readAll(source, pod, query, signal)));
    yield* all.flat().sort((a, b) => a.at - b.at);
    return;
  }
  yield* followAll(source, query, signal);
}

async function readAll(
  source: LogSource,
  pod: Place,
  query: LogQuery,
  signal: AbortSignal,
): Promise<LogLine[]> {
  const found: LogLine[] = [];
  for await (const line of linesOf(source, pod, query, signal)) found.push(line);
  return found;
}

async function* followAll(source: LogSource, query: LogQuery, signal: AbortSignal): AsyncGenerator<LogLine> {
  const queue: LogLine[] = [];
  let wake = Promise.withResolvers<void>();
  const followed = new Set<ReplicaId>();
  let running = 0;
  const follow = async (pod: Place) => {
    running += 1;
    try {
      for await (const line of linesOf(source, pod, query, signal)) {
        queue.push(line);
        wake.resolve();
      }
    } finally {
      running -= 1;
      wake.resolve();
    }
  };
  while (!signal.aborted) {
    const pods = source.pods();
    for (const { name, container, hasStarted } of pods) {
      if (!hasStarted || followed.has(name)) continue;
      followed.add(name);
      void follow({ name, container });
    }
    while (queue.length > 0 && !signal.aborted) {
      const line = queue.shift();
      if (line) yield line;
    }
    // One replica was named, and it is gone.
    if (query.replica !== undefined && running === 0 && !pods.some(({ isGone }) => !isGone)) break;
    const waiting = new AbortController();
    await Promise.race([wake.promise, source.changed(AbortSignal.any([signal, waiting.signal]))]);
    waiting.abort();
    wake = Promise.withResolvers<void>();
    if (queue.length > 0) wake.resolve();
  }
}

async function* linesOf(
  { kube, namespace }: LogSource,
  { name: replica, container }: Place,
  { tail, follow }: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  try {
    const lines = await kube.lines({
      method: 'GET',
      path: pathOf(PODS, namespace, replica, 'log'),
      query: { container, timestamps: true, follow: follow || undefined, tailLines: tail },
      accept: '*/*',
      signal,
      doing: `reading the log of ${replica}`,
    });
    for await (const line of lines) yield logLine(replica, line);
  } catch (error) {
    // A pod that has not begun, or is gone: no lines. Ended on request: as well.
    if (!signal.aborted && !(error instanceof KubeError)) throw error;
  }
}

/** `2026-01-02T03:04:05.678901234Z text` */
function logLine(replica: ReplicaId, line: string): LogLine {
  const at = line.indexOf(' ');
  return { replica, at: Date.parse(line.slice(0, at)) || 0, stream: 'stdout', text: line.slice(at + 1) };
}
