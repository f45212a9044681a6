/** Runs so much at once; what comes then waits for its turn. */
export function atMost(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running < most) running += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // Whoever waits longest has the place now.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
