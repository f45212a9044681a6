import type { ReplicaView } from '../../api/types.ts';
import { exitOf } from '../../core/decide/health.ts';
import type { AppState, Replica } from '../../core/model.ts';
import { isoTime, poolRole, revisionOfPool, type Snapshot, seen } from './snapshot.ts';

/** Everything that runs or is still stopping, by pool. */
export function replicaViews(snapshot: Snapshot): ReplicaView[] {
  const replicas = seen(snapshot.observed.replicas) ?? [];
  return replicas
    .map((replica) => replicaView(snapshot, replica))
    .sort((a, b) => a.revisionNumber - b.revisionNumber || (a.id < b.id ? -1 : 1));
}

function replicaView({ state, observed }: Snapshot, replica: Replica): ReplicaView {
  const serving = seen(observed.router)?.serving;
  const members = serving?.members[replica.pool] ?? [];
  const revision = revisionOfPool(state, replica.pool);
  return {
    id: replica.id,
    revision: revision?.id ?? state.pools[replica.pool]?.revision ?? '',
    revisionNumber: revision?.number ?? 0,
    role: poolRole(state, replica.pool),
    colour: state.pools[replica.pool]?.colour ?? null,
    address: replica.address ?? null,
    phase: replicaPhase(state, replica),
    ready: replica.ready,
    inRoute: members.some((member) => member.replica === replica.id),
    restarts: replica.restarts,
    inFlight: observed.inFlight[replica.id] ?? seen(observed.router)?.inFlight[replica.id] ?? 0,
    startedAt: isoTime(replica.startedAt),
    lastProbe: replica.lastProbe?.detail ?? null,
    problem: problemOf(replica),
  };
}

/** Starting, Running, BackOff, Failed, Draining (out of the route, finishing its requests) or Stopping. */
function replicaPhase(state: AppState, replica: Replica): string {
  if (replica.phase === 'stopping') return 'Stopping';
  if (state.leaving[replica.id]) return 'Draining';
  if (replica.failure) return 'Failed';
  if (replica.phase === 'backoff') return 'BackOff';
  return replica.phase === 'starting' ? 'Starting' : 'Running';
}

function problemOf(replica: Replica): string | null {
  if (replica.failure) return replica.failure.message;
  if (replica.ready || replica.phase === 'stopping') return null;
  const said = replica.logTail?.at(-1);
  const log = said === undefined ? '' : `; its last line: ${said}`;
  if (replica.lastExit) return `${exitOf(replica)}${log}`;
  return replica.lastProbe?.ok === false ? `${replica.lastProbe.detail}${log}` : null;
}
