import type { AppKey } from '../../core/model.ts';
import type { AuditEntry } from '../../ports/store.ts';
import { DEFAULT_LIMIT, newest } from '../rules.ts';

export interface AuditLog {
  append(entry: AuditEntry): void;
  read(query: { app?: AppKey; limit?: number }): AuditEntry[];
}

/** The newest `most` entries, over all Apps. */
export function createAuditLog(most: number): AuditLog {
  const texts: string[] = [];
  return {
    append(entry) {
      texts.push(JSON.stringify(entry));
      texts.splice(0, Math.max(0, texts.length - most));
    },
    read({ app, limit = DEFAULT_LIMIT }) {
      const entries: AuditEntry[] = texts.map((text) => JSON.parse(text));
      return newest(
        entries.filter((entry) => app === undefined || entry.app === app),
        limit,
      );
    },
  };
}
