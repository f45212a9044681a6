/** Runs `body` with a signal that Ctrl-C aborts; a second Ctrl-C ends the program as it does anywhere. */
export async function untilInterrupted<T>(
  body: (signal: AbortSignal) => Promise<T>,
): Promise<T | 'interrupted'> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  try {
    const result = await body(stop.signal);
    return stop.signal.aborted ? 'interrupted' : result;
  } catch (error) {
    if (stop.signal.aborted) return 'interrupted';
    throw error;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}
