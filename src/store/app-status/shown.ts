import { OperatingError } from '../../core/errors.ts';
import type { AppKey, Ms } from '../../core/model.ts';
import { canonicalJson } from '../../core/revision.ts';
import type { AppStatus, Condition } from '../../kubernetes/crossfade.ts';
import type { AppCache, StatusWriter } from './apps.ts';
import { type Row, shownOf } from './row.ts';

/** What people see of an App, beside the texts that the controller decides from. */
export interface Shown {
  /** @param beside written only when something else is */
  set(app: AppKey, fields: AppStatus, beside?: AppStatus): void;
  /** Fields of the App that differ from what is stored, for a write that is due anyway. */
  pending(row: Row): AppStatus;
  close(): void;
}

/** Counters move all the time: without a commit they are written this often at most. */
const EVERY_MS: Ms = 2_000;
/** A commit that follows at once takes them along. */
const PATIENCE_MS: Ms = 300;

export function createShown(
  writer: StatusWriter,
  apps: AppCache,
  log: { warn(what: object, text: string): void },
): Shown {
  const wanted = new Map<AppKey, { uid: string | undefined; fields: AppStatus; beside: AppStatus }>();
  const timers = new Map<AppKey, NodeJS.Timeout>();
  const writtenAt = new Map<AppKey, Ms>();

  function pending(row: Row): AppStatus {
    const { fields = {}, beside = {} } = wanted.get(row.key) ?? {};
    return { ...differing(row, fields), ...differing(row, beside) };
  }

  function isSettled(row: Row): boolean {
    return Object.keys(differing(row, wanted.get(row.key)?.fields ?? {})).length === 0;
  }

  function schedule(app: AppKey, inMs: Ms): void {
    if (!timers.has(app)) timers.set(app, setTimeout(() => void flush(app), inMs).unref());
  }

  async function flush(app: AppKey): Promise<void> {
    timers.delete(app);
    const row = apps.get(app);
    if (!row) {
      wanted.delete(app);
      writtenAt.delete(app);
      return;
    }
    if (isSettled(row)) return;
    // A commit that is on its way takes it along, however long an API server at its limit needs for it.
    if (writer.isUnderWay(app)) return schedule(app, PATIENCE_MS);
    writtenAt.set(app, performance.now());
    try {
      await writer.write(app, () => ({ row, status: pending(row) }));
    } catch (error) {
      if (!isConflict(error))
        log.warn({ app, err: error }, 'the status that people see could not be written');
      schedule(app, EVERY_MS);
    }
  }

  return {
    set(app, fields, beside = {}) {
      const row = apps.get(app);
      const told = wanted.get(app);
      const isSame = told !== undefined && told.uid === row?.uid;
      wanted.set(app, { uid: row?.uid, fields: isSame ? withRefusal(told.fields, fields) : fields, beside });
      if (!row || isSettled(row)) return;
      const sinceMs = performance.now() - (writtenAt.get(app) ?? Number.NEGATIVE_INFINITY);
      schedule(app, Math.max(PATIENCE_MS, EVERY_MS - sinceMs));
    },
    pending,
    close() {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    },
  };
}

/**
 * A spec that was refused is told until it is replaced: meanwhile the controller looks at the one before it, which is in
 * force, and what it says of that must not take the refusal's place.
 */
function withRefusal(told: AppStatus, { observedGeneration = 0, ...fields }: AppStatus): AppStatus {
  if ((told.observedGeneration ?? 0) <= observedGeneration) return { ...fields, observedGeneration };
  const { observedGeneration: refused, conditions, message } = told;
  return { ...fields, observedGeneration: refused, conditions, message } as AppStatus;
}

function isConflict(error: unknown): boolean {
  return error instanceof OperatingError && error.code === 'E_CONFLICT';
}

function differing(row: Row, fields: AppStatus): AppStatus {
  const shown = shownOf(row);
  const conditions = fields.conditions && {
    conditions: keepTimes(shown.conditions ?? [], fields.conditions),
  };
  const all = Object.entries({ ...fields, ...conditions });
  return Object.fromEntries(
    all.filter(([name, value]) => canonicalJson(value) !== canonicalJson(storedField(row, shown, name))),
  );
}

function storedField(row: Row, shown: AppStatus, name: string): unknown {
  return (name === 'seen' ? row.seen : shown[name]) ?? null;
}

/** The time of a condition is when its status changed, not when somebody looked. */
function keepTimes(before: readonly Condition[], now: readonly Condition[]): Condition[] {
  return now.map((condition) => {
    const same = before.find(({ type, status }) => type === condition.type && status === condition.status);
    return same?.lastTransitionTime === undefined
      ? condition
      : { ...condition, lastTransitionTime: same.lastTransitionTime };
  });
}
