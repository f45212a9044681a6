import type { Release, ReplicaId } from '../model.ts';
import { STABLE } from '../strategies/parts.ts';
import type { Draft } from './draft.ts';

/**
 * Where a route is chosen per connection, a connection that is open stays with its replica, whatever the route says: the
 * switch is over when the old ones have no connection left, not when the route is acknowledged. Waited for as long as a
 * replica may drain; then the release ends, and says who is still on the old side.
 * @returns true while the release is to wait
 */
export function oldOnesServed(draft: Draft, release: Release): boolean {
  if (!draft.router?.perConnection || release.phase.kind !== 'advancing') return false;
  const served = servedOf(draft, release);
  if (served.length === 0) {
    if (release.lingering) draft.event('Normal', 'OldReplicasQuiet', 'no connection is left on the old side');
    return false;
  }
  const until = release.phase.since + draft.spec.drainTimeoutMs;
  const told = `${describe(draft, release, served)}: an open connection stays where it was opened`;
  if (draft.now < until) {
    // What they have will be known in a moment.
    if (!release.lingering && draft.router.connectionsUnseen !== 'yet') {
      release.lingering = true;
      draft.event(
        'Normal',
        'OldReplicasServe',
        `${told}; waited for ${Math.round((until - draft.now) / 1000)} s`,
      );
    }
    draft.wake(until);
    return true;
  }
  const kept = release.warmMs > 0 ? 'while they are warm' : 'while they drain';
  draft.event('Warning', 'OldReplicasServe', `${told}. The release ends all the same; they go on ${kept}`);
  return false;
}

function servedOf(draft: Draft, release: Release): ReplicaId[] {
  const stable = release.arms[STABLE];
  const inTable = new Set(
    Object.values(draft.state.table?.members ?? {}).flatMap((members) =>
      members.map(({ replica }) => replica),
    ),
  );
  return draft.replicas
    .filter(({ id, pool, phase }) => pool === stable && phase !== 'stopping' && !inTable.has(id))
    .map(({ id }) => id)
    .filter((id) => (draft.router?.inFlight[id] ?? 0) > 0);
}

function describe(draft: Draft, release: Release, served: readonly ReplicaId[]): string {
  const { number } = draft.revisionOf(release.arms[STABLE] ?? '');
  const who = `${served.length} ${served.length === 1 ? 'replica' : 'replicas'} of revision ${number}`;
  if (draft.router?.connectionsUnseen) return `${who} may still have connections, which cannot be seen`;
  const open = served.reduce((sum, id) => sum + (draft.router?.inFlight[id] ?? 0), 0);
  return `${who} still ${served.length === 1 ? 'has' : 'have'} ${open} open ${open === 1 ? 'connection' : 'connections'}`;
}
