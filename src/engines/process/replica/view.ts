import type { Reason, Replica } from '../../../core/model.ts';
import type { Health } from './health.ts';
import type { Attempt, Intent } from './records.ts';

export interface Seen {
  health: Health | undefined;
  lastProbe: Replica['lastProbe'];
  failure: Reason | undefined;
  pausing: boolean;
  stopping: boolean;
}

/** A replica as the rest of the program sees it. */
export function viewOf(intent: Intent, attempt: Attempt, seen: Seen): Replica {
  const { health, failure } = seen;
  const ready = !seen.stopping && (health?.ready ?? false);
  return {
    id: intent.replica,
    pool: intent.pool,
    phase: phaseOf(seen),
    ready,
    wasReady: attempt.wasReady,
    startedAt: attempt.startedAt,
    restarts: attempt.restarts,
    ...(attempt.crashes ? { crashes: attempt.crashes } : {}),
    ...(attempt.port === undefined ? {} : { address: `127.0.0.1:${attempt.port}` }),
    ...(ready && health?.readySince !== undefined ? { readySince: health.readySince } : {}),
    ...(attempt.lastExit ? { lastExit: attempt.lastExit } : {}),
    ...(seen.lastProbe ? { lastProbe: seen.lastProbe } : {}),
    ...(failure ? { failure } : {}),
  };
}

function phaseOf({ stopping, pausing, failure, health }: Seen): Replica['phase'] {
  if (stopping) return 'stopping';
  if (pausing || failure) return 'backoff';
  return health?.wasReady ? 'running' : 'starting';
}
