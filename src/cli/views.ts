import type { AppRef, Client } from '../api/client.ts';
import type { AppView } from '../api/types.ts';
import { OperatingError } from '../core/errors.ts';

/** Beyond this without news the App is asked for: counts that the server does not announce go on being shown. */
const QUIET_MS = 1_000;

/**
 * An App as it changes, beginning with how it is now. Only the newest view is kept for a slow reader.
 * Ends when the signal says so. @throws OperatingError E_*_NOT_FOUND when it is deleted, E_DAEMON_GONE
 */
export async function* watchApp(client: Client, ref: AppRef, outer?: AbortSignal): AsyncIterable<AppView> {
  const own = new AbortController();
  const signal = outer === undefined ? own.signal : AbortSignal.any([outer, own.signal]);
  const box = createMailbox<AppView>(signal);
  let heardAtMs = performance.now();
  const pump = (async () => {
    for await (const item of client.watch({ namespace: ref.namespace, app: ref.name, signal })) {
      if (item.kind !== 'app') continue;
      heardAtMs = performance.now();
      box.put(item.app);
    }
  })().catch((error) => box.fail(error));
  const ticker = setInterval(() => {
    if (performance.now() - heardAtMs < QUIET_MS) return;
    client.app(ref).then(box.put, (error) => {
      // While the daemon restarts, the watch decides when that has lasted too long.
      if (!isGone(error)) box.fail(error);
    });
  }, QUIET_MS);
  try {
    yield await client.app(ref);
    yield* box.drain();
  } finally {
    clearInterval(ticker);
    own.abort();
    await pump;
  }
}

function isGone(error: unknown): boolean {
  return (
    error instanceof OperatingError &&
    (error.code === 'E_DAEMON_GONE' || error.code === 'E_DAEMON_UNREACHABLE')
  );
}

interface Mailbox<T> {
  put(value: T): void;
  fail(error: unknown): void;
  drain(): AsyncIterable<T>;
}

/** Holds the newest value only. */
function createMailbox<T>(signal: AbortSignal): Mailbox<T> {
  let newest: { value: T } | undefined;
  let failure: { error: unknown } | undefined;
  let wake: () => void = () => undefined;
  signal.addEventListener('abort', () => wake(), { once: true });
  return {
    put(value) {
      newest = { value };
      wake();
    },
    fail(error) {
      failure ??= { error };
      wake();
    },
    async *drain() {
      while (!signal.aborted) {
        if (newest !== undefined) {
          const { value } = newest;
          newest = undefined;
          yield value;
        } else if (failure !== undefined) {
          throw failure.error;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
}
