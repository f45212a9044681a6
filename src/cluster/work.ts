import type { Ms } from '../core/model.ts';

export interface WorkOptions<K> {
  /** So many keys at the same time, and each key once. */
  atOnce: number;
  work(key: K): Promise<'done' | 'again'>;
  log: { error(what: object, text: string): void };
}

export interface Work<K> {
  poke(key: K): void;
  /** Finishes what is under way. */
  close(): Promise<void>;
}

const FIRST_WAIT_MS: Ms = 500;
const LONGEST_WAIT_MS: Ms = 60_000;

/** A queue of keys that something is to be done for: one at a time per key, again with back-off while it fails. */
export function createWork<K>({ atOnce, work, log }: WorkOptions<K>): Work<K> {
  const queue = new Set<K>();
  const running = new Map<K, Promise<void>>();
  const waiting = new Map<K, { failures: number; timer: NodeJS.Timeout | undefined }>();
  let closed = false;

  function next(): void {
    for (const key of queue) {
      if (closed || running.size >= atOnce) return;
      if (running.has(key)) continue;
      queue.delete(key);
      running.set(key, run(key));
    }
  }

  async function run(key: K): Promise<void> {
    // Not within next(): what is done for a key begins when it is known to be running.
    await Promise.resolve();
    let outcome: 'done' | 'again' = 'again';
    try {
      outcome = await work(key);
    } catch (error) {
      log.error({ key, err: error }, 'taking up an App met a bug; tried again');
    }
    running.delete(key);
    if (outcome === 'done') waiting.delete(key);
    else retryLater(key);
    next();
  }

  function retryLater(key: K): void {
    if (closed) return;
    const failures = (waiting.get(key)?.failures ?? 0) + 1;
    const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures - 1, 10));
    waiting.set(key, { failures, timer: setTimeout(() => poke(key), waitMs).unref() });
  }

  function poke(key: K): void {
    if (closed) return;
    clearTimeout(waiting.get(key)?.timer);
    queue.add(key);
    next();
  }

  return {
    poke,
    async close() {
      closed = true;
      queue.clear();
      for (const { timer } of waiting.values()) clearTimeout(timer);
      await Promise.all(running.values());
    },
  };
}
