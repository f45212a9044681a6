import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** Upper bound, generous: it decides when a broken test ends, never how fast the product is. */
  timeoutMs?: number;
  intervalMs?: number;
  /** What is waited for, as the end of the sentence "gave up waiting for ...". */
  what: string;
}

/**
 * Asks again until the answer is neither undefined, null nor false, and resolves with it.
 * An error thrown by `condition` counts as "not yet"; the last one is the cause of the failure.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: WaitOptions,
): Promise<Exclude<T, undefined | null | false>> {
  const { timeoutMs = 10_000, intervalMs = 25, what } = options;
  const giveUpAt = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await condition();
      last = answer;
      if (answer !== undefined && answer !== null && answer !== false) {
        return answer as Exclude<T, undefined | null | false>;
      }
    } catch (error) {
      last = error;
    }
    if (performance.now() > giveUpAt) {
      const detail = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`gave up waiting for ${what} after ${timeoutMs} ms; last: ${detail}`, { cause: last });
    }
    await sleep(intervalMs);
  }
}
