import type { RevisionView } from '../../api/types.ts';
import type { AppState, Revision } from '../../core/model.ts';
import { isoTime, poolRole, type Snapshot } from './snapshot.ts';

const ROLES = ['stable', 'candidate', 'warm', 'retiring'] as const;

/** Every revision that is kept, by number. One that was applied just now is there before the controller has seen it. */
export function revisionViews({ object, state }: Snapshot): RevisionView[] {
  const known = Object.values(state.revisions);
  const all = known.some((revision) => revision.id === object.revision.id)
    ? known
    : [...known, object.revision];
  return all.map((revision) => revisionView(state, revision)).sort((a, b) => a.number - b.number);
}

function revisionView(state: AppState, revision: Revision): RevisionView {
  const { provenance } = revision;
  return {
    id: revision.id,
    number: revision.number,
    role: roleOf(state, revision.id),
    held: state.held.find((entry) => entry.revision === revision.id)?.why ?? null,
    createdAt: isoTime(provenance.createdAt),
    actor: provenance.actor,
    source: provenance.source,
    commit: provenance.commit ?? null,
    command: [...revision.run.command],
  };
}

/** The foremost role of its pools. */
function roleOf(state: AppState, revision: string): RevisionView['role'] {
  const roles = Object.values(state.pools)
    .filter((pool) => pool.revision === revision)
    .map((pool) => poolRole(state, pool.id));
  return ROLES.find((role) => roles.includes(role)) ?? 'old';
}
