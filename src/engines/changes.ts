import type { AppKey } from '../core/model.ts';

/** Tells listeners which Apps changed, once per turn however often they did. */
export interface Changes {
  changed(app: AppKey): void;
  onChange(listener: (app: AppKey) => void): () => void;
  close(): void;
}

export function createChanges(): Changes {
  const listeners = new Set<(app: AppKey) => void>();
  const waiting = new Set<AppKey>();
  let turn: NodeJS.Immediate | undefined;

  function tell(): void {
    turn = undefined;
    const apps = [...waiting];
    waiting.clear();
    for (const app of apps) for (const listener of listeners) listener(app);
  }

  return {
    changed(app) {
      waiting.add(app);
      turn ??= setImmediate(tell);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      clearImmediate(turn);
      listeners.clear();
    },
  };
}
