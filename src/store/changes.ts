import type { AppKey } from '../core/model.ts';

export type ChangeKind = 'state' | 'app' | 'command';
export type ChangeListener = (app: AppKey, what: ChangeKind) => void;

export interface Changes {
  subscribe(listener: ChangeListener): () => void;
  emit(app: AppKey, what: ChangeKind): void;
  clear(): void;
}

/** Listeners run after the write, in a microtask of their own: a listener that throws cannot make a stored commit look failed. */
export function createChanges(): Changes {
  const listeners = new Set<ChangeListener>();
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    emit(app, what) {
      for (const listener of listeners) queueMicrotask(() => listeners.has(listener) && listener(app, what));
    },
    clear() {
      listeners.clear();
    },
  };
}
