/** Answers that go on: bodies made from async iterables, which end when the client goes or the listener closes. */

/** A body that asks the source for more only when the client has taken what there was. */
export function streamBody(source: AsyncIterable<string>, stop: AbortController): ReadableStream<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      async cancel() {
        stop.abort();
        // A generator that waits at a yield hears no signal: without this its `finally` would never run.
        await iterator.return?.();
      },
    },
    { highWaterMark: 1 },
  );
}

/** Several sources as one, in the order in which they have something; ends when all have ended. */
export async function* merge<T>(sources: readonly AsyncIterable<T>[]): AsyncGenerator<T> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const next = (index: number) =>
    (iterators[index] as AsyncIterator<T>).next().then((result) => ({ index, result }));
  const pending = new Map(iterators.map((_, index) => [index, next(index)]));
  try {
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values());
      if (result.done) {
        pending.delete(index);
        continue;
      }
      pending.set(index, next(index));
      yield result.value;
    }
  } finally {
    for (const iterator of iterators) void iterator.return?.();
  }
}

export interface Wake {
  /** Resolves after the next call of `now`, at once if there was one since the last time, or after `timeoutMs`. */
  wait(timeoutMs: number): Promise<void>;
  now(): void;
}

export function createWake(signal: AbortSignal): Wake {
  let called = false;
  let resolveWait: (() => void) | undefined;
  const now = () => {
    called = true;
    resolveWait?.();
  };
  signal.addEventListener('abort', now);
  return {
    now,
    async wait(timeoutMs) {
      if (!called && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, timeoutMs);
          resolveWait = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      resolveWait = undefined;
      called = false;
    },
  };
}
