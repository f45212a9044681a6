import type { AuditView, EventView } from '../../api/types.ts';
import type { AppKey } from '../../core/model.ts';
import type { AuditEntry, StoredEvent } from '../../ports/store.ts';
import { isoTime } from './snapshot.ts';

export function eventView(event: StoredEvent): EventView {
  return {
    id: event.id,
    ...namesOf(event.app),
    at: isoTime(event.at),
    type: event.type,
    reason: event.reason,
    message: event.message,
    release: event.release ?? null,
    actor: event.actor ?? null,
  };
}

export function auditView(entry: AuditEntry): AuditView {
  const names = entry.app === undefined ? { namespace: null, app: null } : namesOf(entry.app);
  return {
    at: isoTime(entry.at),
    ...names,
    actor: entry.actor,
    verified: entry.verified,
    action: entry.action,
    reason: entry.reason ?? null,
    commandId: entry.commandId ?? null,
  };
}

/** Neither part of a key can contain a slash. */
export function namesOf(key: AppKey): { namespace: string; app: string } {
  const [namespace = '', app = ''] = key.split('/');
  return { namespace, app };
}
