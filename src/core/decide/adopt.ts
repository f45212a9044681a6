import type { Pool, PoolId } from '../model.ts';
import type { Draft } from './draft.ts';

/** Who adopts gives the pods that are there this pool, before the App exists. */
export const ADOPTED_POOL: PoolId = '1-1';

const NOT_ADOPTED = 'E_NOT_ADOPTED';

/** The pods that are to be adopted are not seen (yet). Without them the App would be released as a new one, beside them. */
export function isUnseen(draft: Draft): boolean {
  const { state, spec } = draft;
  if (!isFirstLook(draft) || spec.replicas === 0 || seesPods(draft)) return false;
  if (draft.observed.replicas.kind === 'known' && !state.trouble) {
    const message = `spec.kubernetes.deployment names ${spec.kubernetes?.deployment}, and no pod of it is adopted: \`crossfade adopt\` does that`;
    state.trouble = { code: NOT_ADOPTED, message, at: draft.now };
  }
  return true;
}

/**
 * Pods that served users before the App existed are its stable ones from the first decision on. As a first release they
 * would have nothing to go back to: whatever went wrong with the route would stop them.
 */
export function adoptPods(draft: Draft): void {
  const { state, app } = draft;
  if (!isFirstLook(draft) || !seesPods(draft)) return;
  const revision = app.revision.id;
  const pool: Pool = { id: ADOPTED_POOL, revision, incarnation: 1 };
  if (draft.spec.strategy.kind === 'blueGreen') pool.colour = 'blue';
  state.pools[ADOPTED_POOL] = pool;
  state.stable = ADOPTED_POOL;
  // The name of the pool is given out: no release makes another of it.
  state.nextReleaseNumber = 2;
  if (state.trouble?.code === NOT_ADOPTED) delete state.trouble;
  const { deployment } = draft.spec.kubernetes ?? {};
  const number = state.revisions[revision]?.number;
  draft.event(
    'Normal',
    'Adopted',
    `the pods of Deployment ${deployment} are revision ${number}, and stable`,
    app.actor,
  );
}

/** Those that stop are of an App of this name that is gone. */
function seesPods(draft: Draft): boolean {
  return draft.replicas.some(({ pool, phase }) => pool === ADOPTED_POOL && phase !== 'stopping');
}

function isFirstLook({ state, spec }: Draft): boolean {
  return (
    spec.kubernetes?.deployment !== undefined && state.generationSeen === 0 && state.stable === undefined
  );
}
