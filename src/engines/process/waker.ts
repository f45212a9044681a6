/** Waiting that ends at a time or when something happened, whichever is first. One waiter at a time. */
export interface Waker {
  wait(ms: number): Promise<void>;
  /** Ends the present wait, or the next one at once: nothing that happened between two waits is missed. */
  wake(): void;
}

export function createWaker(): Waker {
  let woken = false;
  let end: (() => void) | undefined;
  return {
    async wait(ms) {
      if (!woken) {
        await new Promise<void>((resolve) => {
          const timer = Number.isFinite(ms) ? setTimeout(resolve, Math.max(0, ms)) : undefined;
          end = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        end = undefined;
      }
      woken = false;
    },
    wake() {
      woken = true;
      end?.();
    },
  };
}
